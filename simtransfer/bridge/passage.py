"""One deterministic episode in both engines: with the policy in the loop, and without."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.actor import Act
from envs.environment import Environment
from simtransfer.bridge.divergence import Divergence, diverge
from simtransfer.bridge.matrix import elsewhere
from simtransfer.bridge.policies import Row
from simtransfer.bridge.recording import Recording, places, play, replay
from simtransfer.deployment import Deployment


@dataclass(frozen=True)
class Passage:
    """A policy's episode where it learned, and the same episode elsewhere.

    In the closed loop the policy answers what it sees there, so that divergence feeds itself; in
    the replay the same actions are done as here, so that what differs is the engine's doing.

    Attributes:
        label: Whose policy.
        home: The engine that it learned in.
        away: The other one.
        rate: Control steps a second.
        suite: Of the episode.
        episode: Its place in the suite's list.
        reference: The policy at home.
        closed: The policy away.
        replayed: Away, what it did at home.
    """

    label: str
    home: str
    away: str
    rate: float
    suite: str
    episode: int
    reference: Recording
    closed: Recording
    replayed: Recording

    @cached_property
    def closed_divergence(self) -> Divergence:
        """With the policy in the loop."""
        return diverge(self.reference, self.closed)

    @cached_property
    def replay_divergence(self) -> Divergence:
        """With the same actions."""
        return diverge(self.reference, self.replayed)

    def table(self) -> pd.DataFrame:
        """All readings: a row for each of the three plays' control steps."""
        plays = {
            ("policy", self.home): self.reference,
            ("policy", self.away): self.closed,
            ("replay", self.away): self.replayed,
        }
        parts = []
        for (driven_by, engine), recorded in plays.items():
            part = recorded.table()
            part.insert(0, "step", np.arange(len(part)))
            part.insert(0, "engine", engine)
            part.insert(0, "driven_by", driven_by)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)


def cross(row: Row, suite: str, episode: int) -> Passage:
    """Play an episode without randomization in both engines by a row's first policy."""
    home, away = row.trained_in, elsewhere(row.trained_in)
    deployed = Deployment(row.bundles[0], row.robot, randomization="none", simulator=home)
    with (
        closing(deployed.make(privileged=True)) as here,
        closing(deployed.make(privileged=True, simulator=away)) as there,
    ):
        return compare(row.label, (home, here), (away, there), deployed.act, suite, episode)


def compare(
    label: str,
    home: tuple[str, Environment],
    away: tuple[str, Environment],
    act: Act,
    suite: str,
    episode: int,
    limit: int | None = None,
) -> Passage:
    """Play an episode in two worlds, which need not hold the same robot.

    Args:
        label: Whose policy it is.
        home: An engine's name and the reference world; observations include privileged ones.
        away: Another's, likewise.
        act: The policy, on deployable observations and actions of the reference world.
        suite: Which list.
        episode: Its place in that list.
        limit: Control steps at most. Default: until the task ends it.

    Raises:
        ValueError: If one world lacks an observation or action entry that the other has.
    """
    (here, world), (there, other) = home, away
    reads = [feature.name for feature in world.interface.group("deployable")]
    reference = play(world, act, reads, suite, episode, limit)
    order = places(other.interface.action_names, reference.acts)

    def mapped(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        return act(observations)[:, order]

    return Passage(
        label=label,
        home=here,
        away=there,
        rate=world.task.control_rate,
        suite=suite,
        episode=episode,
        reference=reference,
        replayed=replay(other, reference, suite, episode),
        closed=play(other, mapped, reads, suite, episode, limit),
    )
