"""Hyperparameters, with the values found for the shipped worlds.

A world's own values are a row of `TUNED`; whoever asks for others names only those that differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TypedDict

import docstring_parser

from envs.interface import unknown
from envs.tables import LARGEST, settle_types, shown

# Larger values are typing errors, however much memory the machine has.
MOST_WORLDS = 4_096
MOST_STEPS = 1_048_576
MOST_EPOCHS = 1_000
MOST_TRANSITIONS = 100_000_000


@dataclass(frozen=True)
class PPOSettings:
    """Proximal policy optimization; the same for training from scratch and for transfer.

    The defaults are those of driving, and of a world that nobody has tuned them for.

    Attributes:
        learning_rate: Adam's, at the start.
        decay: Steps over which the learning rate falls linearly to a tenth, where it stays, however
            long the training is; 0: it does not fall.
        worlds: Environments stepped side by side.
        rollout: Steps of each world between updates.
        batch: Minibatch size.
        epochs: Passes over a rollout.
        discount: Per control step.
        trace: Lambda of the advantage estimate.
        clip: Clipping range of the probability ratio.
        entropy: Weight of the entropy bonus.
        divergence: An update stops early beyond this divergence (KL) from the old policy.
        gradient: Largest norm of the gradient.
        exploration: Standard deviation of the first actions.
        critic_first: Steps at the start in which the critic alone learns: where the first actor, on
            top of a reference, is worth keeping, a critic that knows nothing leads it away. None
            where a teacher's critic is copied.
        critic_rate: Of the critic's learning, in the actor's: returns can be learned in steps that
            would ruin an actor.
        warm_up: Steps over which the actor's learning rate rises from nothing: Adam's first steps
            are as long as its later ones and know less of where to go (Liu et al. 2020,
            arXiv 1908.03265). None where the actor is new and has nothing to lose.
        averaging: Steps after which the weights of an update count e times less in the moving
            average that is evaluated and becomes the bundle; 0 for the last ones.
        mirrored: Whether networks are the same in a mirror, in a world that is the same there, so
            that every sample teaches what its image would. Not where a teacher's weights that are
            not so are copied.
    """

    learning_rate: float = 3e-4
    decay: int = 1_024_000
    worlds: int = 16
    rollout: int = 128
    batch: int = 512
    epochs: int = 10
    discount: float = 0.98
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    divergence: float = 0.03
    gradient: float = 0.5
    exploration: float = 0.5
    critic_first: int = 0
    critic_rate: float = 1.0
    warm_up: int = 0
    averaging: int = 0
    mirrored: bool = False

    def __post_init__(self) -> None:
        """Refuse figures that nothing can be trained with."""
        settle_types(self, "ppo.")
        _positive(self, "learning_rate", "worlds", "rollout", "epochs", "clip", "exploration")
        _positive(self, "divergence", "gradient", "critic_rate")
        _share(self, "discount", "trace")
        if not 0 <= self.entropy < math.inf:
            raise ValueError(f"ppo.entropy must not be negative, got {self.entropy}")
        for name in ("critic_first", "warm_up", "averaging", "decay"):
            if getattr(self, name) < 0:
                raise ValueError(f"ppo.{name} must not be negative, got {getattr(self, name)}")
        if self.batch < 2:
            raise ValueError(f"ppo.batch must be at least 2, got {self.batch}")
        _limited(self, worlds=MOST_WORLDS, rollout=MOST_STEPS, batch=MOST_STEPS, epochs=MOST_EPOCHS)
        _limited(self, **dict.fromkeys(("critic_first", "warm_up", "averaging", "decay"), LARGEST))
        if self.worlds * self.rollout < 2:
            raise ValueError("ppo: worlds times rollout must be at least 2")


class PPOChanges(TypedDict, total=False):
    """Fields of `PPOSettings` that are to differ from the task's own."""

    learning_rate: float
    decay: int
    worlds: int
    rollout: int
    batch: int
    epochs: int
    discount: float
    trace: float
    clip: float
    entropy: float
    divergence: float
    gradient: float
    exploration: float
    critic_first: int
    critic_rate: float
    warm_up: int
    averaging: int
    mirrored: bool


AS_TUNED: PPOChanges = {}  # nothing differs


@dataclass(frozen=True)
class SACSettings:
    """Soft actor-critic.

    Attributes:
        learning_rate: Constant.
        worlds: Environments stepped side by side.
        batch: Minibatch size.
        buffer: Transitions remembered.
        discount: Per control step.
        start: Random steps before the first update.
        updates: Gradient steps per environment step.
    """

    learning_rate: float = 5e-4
    worlds: int = 16
    batch: int = 256
    buffer: int = 200_000
    discount: float = 0.98
    start: int = 5_000
    updates: float = 0.5

    def __post_init__(self) -> None:
        """Refuse figures that nothing can be trained with."""
        settle_types(self, "sac.")
        _positive(self, "learning_rate", "worlds", "batch", "buffer", "updates")
        _share(self, "discount")
        if self.start < 0:
            raise ValueError(f"sac.start must not be negative, got {self.start}")
        _limited(self, worlds=MOST_WORLDS, batch=MOST_STEPS, buffer=MOST_TRANSITIONS)
        _limited(self, updates=MOST_EPOCHS, start=LARGEST)


def _limited(settings: PPOSettings | SACSettings, **limits: int) -> None:
    for name, most in limits.items():
        if (value := getattr(settings, name)) > most:
            raise ValueError(
                f"{_kind(settings)}.{name} must be at most {most:,}, got {shown(value)}"
            )


def _positive(settings: PPOSettings | SACSettings, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not 0 < value < math.inf:
            raise ValueError(f"{_kind(settings)}.{name} must be positive, got {value}")


def _share(settings: PPOSettings | SACSettings, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not 0 <= value <= 1:
            raise ValueError(f"{_kind(settings)}.{name} must be from 0 to 1, got {value}")


def _kind(settings: PPOSettings | SACSettings) -> str:
    return type(settings).__name__.removesuffix("Settings").lower()


_PARCEL = PPOSettings(
    worlds=32,
    batch=1024,
    epochs=5,
    discount=0.99,
    entropy=0.0,
    divergence=0.02,
    exploration=0.14,
    critic_first=32_768,
    critic_rate=3.0,
    warm_up=16_384,
    averaging=65_536,
    mirrored=True,
)
TUNED = {
    "parcel": _PARCEL,
    "parcel-detuned": replace(_PARCEL, learning_rate=6e-4, critic_first=8_192),
}


def settle(task: str, changes: PPOChanges) -> PPOSettings:
    """A task's hyperparameters with some changed.

    Raises:
        ValueError: If there is no such field, or its value cannot be.
    """
    known = [field.name for field in fields(PPOSettings)]
    for name in changes:
        if name not in known:
            raise ValueError(unknown("field of ppo", name, known))
    return replace(TUNED.get(task, PPOSettings()), **changes)


def _explained() -> str:
    """What each change means, and what it changes, for whoever asks for help."""
    lines = ["Fields of `PPOSettings` that are to differ from the task's own.", "", "Attributes:"]
    rows = {"": PPOSettings(), **TUNED}
    for entry in docstring_parser.parse(PPOSettings.__doc__ or "").params:
        values = ", ".join(
            f"{task} {getattr(row, entry.arg_name)}".strip() for task, row in rows.items()
        )
        meaning = " ".join((entry.description or "").split())  # one line: parsers read on by indent
        lines.append(f"    {entry.arg_name}: {meaning} Default: {values}.")
    return "\n".join(lines)


PPOChanges.__doc__ = _explained()
