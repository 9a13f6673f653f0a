"""Small networks and short runs, so that whole mechanisms can be tested in seconds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import settings

from agents.bundle import Bundle, Network, save_bundle
from agents.networks import Trunk
from envs import make_environment
from envs.interface import Interface

# No deadline: a busy machine is not a failure. The same examples each time: nor is bad luck.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

torch.set_num_threads(1)  # networks this small gain nothing from more

TINY = Network(hidden=(16, 16), critic_hidden=(16, 16))


@pytest.fixture(scope="session")
def hatchback_interface():
    """The hatchback's interface in the driving world, privileged features included."""
    world = make_environment("driving", "hatchback", privileged=True)
    world.close()
    return world.interface


@pytest.fixture
def make_bundle(hatchback_interface):
    """Makes a bundle with random weights and plausible statistics."""

    def make(seed: int = 0, network: Network = TINY, interface: Interface = hatchback_interface):
        torch.manual_seed(seed)
        reads, judges = interface.group("deployable"), interface.observation
        actor = Trunk(interface, reads, network.hidden, network.activation)
        critic = Trunk(interface, judges, network.critic_hidden, network.activation)
        head = torch.nn.Linear(network.hidden[-1], len(interface.action))
        value = torch.nn.Linear(network.critic_hidden[-1], 1)
        rng = np.random.default_rng(seed)
        for trunk in (actor, critic):
            low = torch.tensor([f.low for f in trunk.features])
            high = torch.tensor([f.high for f in trunk.features])
            share = torch.as_tensor(rng.random((500, len(low))), dtype=torch.float32)
            seen = torch.zeros(500, len(interface.observation))
            seen[:, trunk.normalizer.columns] = low + share * (high - low)
            trunk.normalizer.adapt(seen)
        parts = {
            "actor.trunk": actor,
            "actor.head": head,
            "critic.trunk": critic,
            "critic.head": value,
        }
        tensors = {f"{p}.{k}": v for p, m in parts.items() for k, v in m.state_dict().items()}
        tensors["log_std"] = torch.zeros(len(interface.action))
        return Bundle(
            "driving",
            "hatchback",
            10.0,
            network,
            reads,
            judges,
            interface.action,
            tensors,
            {
                "steps": 1000,
                "hours": 0.1,
                "actions": {"mean": [0.0, 0.5], "std": [0.2, 0.3], "speed": 8.0},
            },
        )

    return make


@pytest.fixture
def teacher_folder(make_bundle, tmp_path):
    """A bundle on disk."""
    return save_bundle(make_bundle(), tmp_path / "teacher")
