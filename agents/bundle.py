"""A policy on disk: tensors in safetensors, everything else in JSON, no code in either."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from agents.actor import Act, Actor
from agents.bundle_entries import (
    digest_entry,
    features_entry,
    provenance_entry,
    rate_entry,
    require_few,
    require_names,
    robot_entry,
    text_entry,
)
from agents.bundle_folder import (
    CHECKSUMS,
    DESCRIPTION,
    DESCRIPTION_LIMIT,
    TENSORS,
    replace_folder,
    require_intact,
    restore,
    with_checksums,
)
from agents.fit import require_actions, require_rate, require_readings
from agents.networks import ACTIVATIONS, Trunk
from agents.tensor_file import read_tensors, write_tensors
from envs.bounded_files import MEBIBYTE, read_text
from envs.catalogue import control_rate, tasks
from envs.interface import Feature, Interface, unknown
from envs.tables import build, settle_types, shown

FORMAT = 1
WIDEST = 65_536  # a layer far beyond what a control loop computes in time
DEEPEST = 32  # hidden layers; without shortcuts between them, fewer learn already badly
MOST_WEIGHTS = 100_000_000  # 0.4 GB, and four times that while they are trained
SPARE = MEBIBYTE  # bytes for the header of the tensors' file and its smallest tensors
SHIPPED = Path(__file__).parent / "bundles"


@dataclass(frozen=True)
class Network:
    """The shape of a policy's networks.

    Attributes:
        hidden: Widths of the actor's hidden layers.
        critic_hidden: Widths of the critic's.
        activation: ``elu``, ``relu`` or ``tanh``.
        squash: Whether actions are ``tanh`` of the last layer, else clipped.
    """

    hidden: tuple[int, ...] = (128, 128)
    critic_hidden: tuple[int, ...] = (128, 128)
    activation: str = "elu"
    squash: bool = False

    def __post_init__(self) -> None:
        """Refuse networks that cannot be built."""
        settle_types(self, "network.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"network: {unknown('activation', self.activation, ACTIVATIONS)}")
        for name in ("hidden", "critic_hidden"):
            widths = getattr(self, name)
            if not widths or not 1 <= min(widths) <= max(widths) <= WIDEST:
                raise ValueError(f"network.{name}: give at least one width, each 1 to {WIDEST}")
            if len(widths) > DEEPEST:
                raise ValueError(
                    f"network.{name}: {len(widths)} layers, more than the limit of {DEEPEST}"
                )
        self.require_size(0, 0, 0)

    def weights(self, reads: int, judges: int, actions: int) -> int:
        """Number of weights and biases of actor and critic.

        Args:
            reads: Features that the actor reads.
            judges: Features that the critic reads.
            actions: Action entries.
        """
        actor, critic = (reads, *self.hidden, actions), (judges, *self.critic_hidden, 1)
        layers = (*pairwise(actor), *pairwise(critic))
        return sum((inputs + 1) * outputs for inputs, outputs in layers)

    def require_size(self, reads: int, judges: int, actions: int) -> None:
        """Check that the networks are not too large to build; see `weights`.

        Raises:
            ValueError: If they are.
        """
        if (count := self.weights(reads, judges, actions)) > MOST_WEIGHTS:
            raise ValueError(
                f"network: {count:,} weights, more than the limit of {MOST_WEIGHTS:,}; "
                "give fewer or narrower hidden layers"
            )


@dataclass(frozen=True)
class Bundle:
    """A trained policy and what one must know to use it.

    Attributes:
        task: What it was trained for.
        robot: Name of the robot it was trained on; never a path.
        control_rate: Hz at which it acts.
        network: The shape of its networks.
        reads: The features its actor reads, in order.
        judges: The features its critic reads; empty if it ships none.
        acts: Its action entries, in order.
        tensors: Weights and statistics by name: ``actor.…``, ``critic.…``, ``log_std``.
        provenance: Steps, seed, command, versions, measured success and whatever else; of whom it
            learned, the first one first, in ``teachers``.
        robot_digest: `envs.robot.Robot.digest` of that robot; empty if it was not recorded.
    """

    task: str
    robot: str
    control_rate: float
    network: Network
    reads: tuple[Feature, ...]
    judges: tuple[Feature, ...]
    acts: tuple[Feature, ...]
    tensors: Mapping[str, Tensor]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    robot_digest: str = ""

    @property
    def digest(self) -> str:
        """Fingerprint of all that it does, whatever is said about it."""
        about = _describe(replace(self, provenance={}))
        compared = {each.name for each in fields(Feature) if each.compare}
        for group in ("reads", "judges", "acts"):  # as before there were fields that say more
            about[group] = [{k: row[k] for k in row if k in compared} for row in about[group]]
        content = hashlib.sha256(json.dumps(about).encode())
        for name in sorted(self.tensors):
            content.update(name.encode())
            content.update(self.tensors[name].contiguous().numpy().tobytes())
        return content.hexdigest()[:16]

    def actor(self, interface: Interface | None = None) -> Actor:
        """Its actor on observations and actions of ``interface``, whatever their order.

        Args:
            interface: Observation and action features. Default: those of the bundle.

        Raises:
            ValueError: If ``interface`` lacks a feature that the actor reads, has other actions, or
                one of them has another unit; or if the bundle's control rate is not its task's.
        """
        layout = interface or Interface(self.reads, self.acts)
        order = self.require_fit(layout)
        trunk = Trunk(layout, self.reads, self.network.hidden, self.network.activation)
        head = nn.Linear(trunk.width, len(self.acts))
        actor = Actor(trunk, head, squash=self.network.squash)
        prefix = "actor."
        tensors = {k[len(prefix) :]: v for k, v in self.tensors.items() if k.startswith(prefix)}
        for name in ("head.weight", "head.bias"):
            tensors[name] = tensors[name][order]
        actor.load_state_dict(tensors)
        trunk.normalizer.adapting = False
        return actor.eval()

    def policy(self, interface: Interface) -> Act:
        """Its deterministic policy for observations and actions of ``interface``; see `actor`."""
        return self.actor(interface).act

    def require_fit(self, interface: Interface) -> list[int]:
        """Check that the policy can act in ``interface``.

        Returns:
            For each action of ``interface``, its place in `acts`.

        Raises:
            ValueError: See `actor`.
        """
        if self.task in tasks():  # another package's task says no rate here
            require_rate(self.control_rate, control_rate(self.task), f"task {self.task!r}")
        require_readings(self.reads, interface)
        return require_actions(self.acts, interface)


def require_limits(network: Network, interface: Interface) -> None:
    """Check that what is trained in ``interface`` can become a bundle, before it is trained.

    Raises:
        ValueError: If there are too many features, a name is too long, or networks are too large.
    """
    for where in ("observation", "action"):
        require_few(getattr(interface, where), where)
        require_names(getattr(interface, where), where)
    reads, judges = interface.group("deployable"), interface.observation
    network.require_size(len(reads), len(judges), len(interface.action))


def save_bundle(bundle: Bundle, folder: Path) -> Path:
    """Write ``bundle`` as ``folder``; a bundle that stood there is replaced when all is written.

    Raises:
        ValueError: If ``folder`` exists and is not a bundle, or is a link to nothing.
        OSError: If it cannot be written; a bundle that stood there stands there still.
    """
    folder = Path(folder)
    if not folder.name:
        raise ValueError(f"{str(folder)!r}: is not the name of a bundle's folder; give one")
    if folder.is_symlink() and not folder.exists():
        raise ValueError(f"{folder}: is a symbolic link to nothing; give another name")
    if folder.exists() and not (folder / DESCRIPTION).is_file():
        raise ValueError(f"{folder}: exists and is not a bundle; give another name")

    def fill(draft: Path) -> None:
        write_tensors(bundle.tensors, draft / TENSORS)
        whole = with_checksums(_describe(bundle), draft / TENSORS)
        (draft / DESCRIPTION).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")

    folder.parent.mkdir(parents=True, exist_ok=True)
    replace_folder(folder.resolve(), fill)  # where a link leads, if it is one
    return folder


def _describe(bundle: Bundle) -> dict[str, Any]:
    def plain(features: tuple[Feature, ...]) -> list[dict[str, Any]]:
        return [dict(vars(feature)) for feature in features]

    return {
        "format": FORMAT,
        "task": bundle.task,
        "robot": bundle.robot,
        "robot_digest": bundle.robot_digest,
        "control_rate": bundle.control_rate,
        "network": dict(vars(bundle.network)),
        "reads": plain(bundle.reads),
        "judges": plain(bundle.judges),
        "acts": plain(bundle.acts),
        "provenance": dict(bundle.provenance),
    }


def shipped_bundles() -> dict[str, Path]:
    """Names and folders of the bundles that come with the library."""
    return {file.parent.name: file.parent for file in sorted(SHIPPED.glob(f"*/{DESCRIPTION}"))}


def lineage(bundle: Bundle) -> list[dict[str, Any]]:
    """What was trained for a policy, the first first: its teachers' trainings and its own."""
    told = bundle.provenance
    own = {key: told[key] for key in ("command", "steps", "hours") if key in told}
    return [*told.get("teachers", []), own | {"digest": bundle.digest}]


def load_bundle(bundle: str | Path | Bundle) -> Bundle:
    """Read a bundle by name, by the path of its folder, or take it as it is.

    Raises:
        ValueError: If there is none, or it is truncated, not a bundle or does not fit its own
            description. The message names the file and the way out.
    """
    if isinstance(bundle, Bundle):
        return bundle
    if not isinstance(bundle, str | Path):
        raise ValueError(f"bundle: expected a name, a folder or a Bundle, got {shown(bundle)}")
    known = shipped_bundles()
    folder = known.get(str(bundle), Path(bundle))
    with suppress(OSError):  # a folder that cannot be written needs no repair
        restore(folder)
    if not str(bundle) or not folder.exists():
        raise ValueError(unknown("bundle", str(bundle), known) + ", or give a bundle's folder")
    described = _read_description(folder / DESCRIPTION)
    tensors, _ = read_tensors(folder / TENSORS, _tensors_limit(described))
    found = replace(described, tensors=tensors)
    _check_tensors(found, folder / TENSORS)
    require_intact(folder)
    return found


def _read_description(file: Path) -> Bundle:
    try:
        text = read_text(file, DESCRIPTION_LIMIT)
    except ValueError as error:
        raise ValueError(f"{error}; is this a bundle?") from None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: truncated or not JSON ({error})") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        given = data.get("format") if isinstance(data, dict) else None
        raise ValueError(f"{file}: format {given!r}, but this version reads format {FORMAT}")
    try:
        found = Bundle(
            text_entry(data["task"], "task"),
            robot_entry(data["robot"]),
            rate_entry(data["control_rate"]),
            build(Network, data["network"], "network"),
            features_entry(data["reads"], "reads"),
            features_entry(data["judges"], "judges"),
            features_entry(data["acts"], "acts"),
            tensors={},
            provenance=provenance_entry(data.get("provenance", {})),
            robot_digest=digest_entry(data.get("robot_digest", "")),
        )
        known = {*_describe(found), CHECKSUMS}
        for key in data.keys() - known:
            raise ValueError(unknown("key", key, known))
        if not found.reads or not found.acts:
            raise ValueError("reads and acts: each needs at least one feature")
        found.network.require_size(len(found.reads), len(found.judges), len(found.acts))
        return found
    except KeyError as error:
        raise ValueError(f"{file}: lacks {error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _tensors_limit(bundle: Bundle) -> int:
    """Largest size, bytes, of the tensors that a description asks for, and of some more."""
    sizes = len(bundle.reads), len(bundle.judges), len(bundle.acts)
    statistics = 2 * (len(bundle.reads) + len(bundle.judges))
    return 4 * (bundle.network.weights(*sizes) + statistics) + SPARE


def _check_tensors(bundle: Bundle, file: Path) -> None:
    layout = Interface(bundle.reads, bundle.acts)
    with torch.device("meta"):
        trunk = Trunk(layout, bundle.reads, bundle.network.hidden, bundle.network.activation)
        head = nn.Linear(trunk.width, len(bundle.acts))
        expected = {f"actor.{k}": v for k, v in Actor(trunk, head).state_dict().items()}
        if bundle.judges:
            network = bundle.network
            whole = Interface(bundle.judges, bundle.acts)
            critic = Trunk(whole, bundle.judges, network.critic_hidden, network.activation)
            value = nn.Linear(critic.width, 1)
            judge = Actor(critic, value).state_dict()
            expected |= {f"critic.{k}": v for k, v in judge.items()}
    for name, like in expected.items():
        if name not in bundle.tensors:
            raise ValueError(f"{file}: lacks tensor {name!r}; save the bundle again")
        given = bundle.tensors[name]
        if given.shape != like.shape:
            raise ValueError(
                f"{file}: {name} has shape {tuple(given.shape)}, "
                f"its description says {tuple(like.shape)}"
            )
        if given.dtype != like.dtype:
            raise ValueError(f"{file}: {name} is of {given.dtype}, expected {like.dtype}")
        if not bool(torch.isfinite(given).all()):
            raise ValueError(f"{file}: {name} holds NaN or infinity; train again from a checkpoint")
