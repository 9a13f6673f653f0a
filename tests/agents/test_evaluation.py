"""Evaluations in worlds some of whose episodes diverge, and what is learned there."""

from functools import partial

import numpy as np
import pybullet
import pytest
import torch
from gymnasium.spaces import Box
from rich.console import Console

from agents.arena import Arena
from agents.evaluation import evaluate, places, summarize
from agents.group import LocalGroup
from agents.policy import NamedPolicy
from agents.ppo import PPO
from agents.sac import SoundReplay
from agents.worlds import Worlds
from envs import find_robot
from envs.bullet import Bullet
from envs.driving.task import Driving
from envs.environment import Environment
from simtransfer.results_table import results_table

AFTER = 4  # control steps of every other episode until it diverges


class Unstable(Bullet):
    """A world that throws its robot at 1e12 m/s in every other episode."""

    def __init__(self):
        super().__init__()
        self.episodes = self.steps = 0

    def reset(self, *pose):
        super().reset(*pose)
        self.episodes, self.steps = self.episodes + 1, 0

    def advance(self, substeps):
        super().advance(substeps)
        self.steps += 1
        if self.episodes % 2 == 0 and self.steps == AFTER:
            body, client = self._robot.body, self._client
            pybullet.resetBaseVelocity(body, [1e12, 0, 0], [0, 0, 0], physicsClientId=client)


def make(simulator=Unstable):
    robot = find_robot("hatchback")
    return Environment(robot, Driving(robot), simulator(), suite="nominal")


def creep(observations):
    return np.tile(np.float32([0.1, 0.3]), (len(observations), 1))


@pytest.mark.parametrize(("simulator", "share"), [(Unstable, 0.5), (Bullet, 0.0)])
def test_an_evaluation_counts_what_diverged_and_shows_it_where_there_is_any(simulator, share):
    with Arena(partial(make, simulator)) as arena:
        played = evaluate(creep, arena, {"nominal": 8})
    assert played["diverged"].mean() == share
    assert not played["success"][played["diverged"]].any()
    assert (played["length"][played["diverged"]] == AFTER).all()
    assert np.isfinite(played["episode_return"]).all()
    (row,) = summarize(played).to_dict("records")
    assert row["diverged_rate"] == share
    console = Console(record=True, width=80)
    console.print(results_table("", [row]))
    assert ("diverged" in console.export_text()) == (share > 0.0)


def test_training_survives_worlds_that_diverge():
    told = []
    worlds = Worlds(LocalGroup(make, 2), on_episode=lambda world, info: told.append(info))
    torch.manual_seed(0)
    ppo = PPO(
        NamedPolicy,
        worlds,
        n_steps=32,
        batch_size=64,
        n_epochs=2,
        device="cpu",
        policy_kwargs={"interface": worlds.interface, "hidden": (16,)},
    )
    ppo.learn(2 * 32 * 2)
    worlds.close()
    assert any(info["diverged"] for info in told)
    assert all(weights.isfinite().all() for weights in ppo.policy.state_dict().values())
    assert all(abs(episode["r"]) < 1e3 for episode in ppo.ep_info_buffer)


def test_a_replay_buffer_keeps_no_step_that_diverged():
    entries, actions = Box(-1.0, 1.0, (3,)), Box(-1.0, 1.0, (2,))
    buffer = SoundReplay(8, entries, actions, "cpu", n_envs=2)
    infos = [[{}, {}], [{"diverged": True}, {}], [{}, {"diverged": True}], [{"diverged": True}] * 2]
    for number, told in enumerate(infos):
        bad = np.asarray([info.get("diverged", False) for info in told])
        seen = np.full((2, 3), number + 1, np.float32)
        rewards = np.where(bad, 1e6, number).astype(np.float32)
        buffer.add(seen, seen, seen[:, :2], rewards, bad, told)
    assert buffer.size() == 3
    drawn = buffer.sample(200)
    assert set(drawn.rewards.flatten().tolist()) == {0.0, 1.0, 2.0}
    assert set(drawn.observations.flatten().tolist()) == {1.0, 2.0, 3.0}


def test_an_episode_before_the_first_is_refused():
    with pytest.raises(ValueError, match="numbered from 0, got -2"):
        places({"nominal": 3}, first=-2)
