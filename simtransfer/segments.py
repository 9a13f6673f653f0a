"""A training cut into segments, each from an evaluation to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simtransfer.run_config import RunConfig


@dataclass(frozen=True)
class Segments:
    """How many steps a run trains, and where it is evaluated.

    Attributes:
        rollout: Environment steps between updates, the least that can be trained.
        interval: Steps between evaluations, whole rollouts; the last segment may be shorter.
        budget: Steps of the whole training, whole rollouts; 0 where nothing is trained.
    """

    rollout: int
    interval: int
    budget: int

    @classmethod
    def of(cls, config: RunConfig) -> Segments:
        """The segments of a run: what was asked for, rounded up to whole rollouts."""
        ppo, sac = config.hyperparameters, config.sac
        rollout = sac.worlds if config.algorithm == "sac" else ppo.worlds * ppo.rollout
        trained = 0 if config.plan.trainable == "none" else config.steps
        return cls(rollout, _whole(config.interval, rollout), _whole(trained, rollout))

    @property
    def count(self) -> int:
        """How many there are."""
        return math.ceil(self.budget / self.interval)

    def start(self, segment: int) -> int:
        """Steps trained before it."""
        return min(segment * self.interval, self.budget)

    def steps(self, segment: int) -> int:
        """Steps trained in it."""
        return self.start(segment + 1) - self.start(segment)

    def is_whole(self, segment: int) -> bool:
        """Whether it ends where a longer training would be evaluated too."""
        return self.start(segment + 1) == (segment + 1) * self.interval

    def rounding(self, config: RunConfig) -> str:
        """One line on what differs from what was asked for; empty if nothing does."""
        if not self.budget:
            return ""
        lines = []
        if self.budget != config.steps:
            lines.append(
                f"training {self.budget:,} steps instead of {config.steps:,}: "
                f"whole rollouts of {self.rollout:,}"
            )
        between = min(self.interval, self.budget)
        if between != config.interval:
            lines.append(f"evaluating every {between:,} steps instead of {config.interval:,}")
        return "; ".join(lines)


def _whole(steps: int, rollout: int) -> int:
    return math.ceil(steps / rollout) * rollout
