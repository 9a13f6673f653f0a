"""How strong reflexes are to be, and how to step: the search behind the parcel world's reference.

python -m experiments.parcel_reflexes --trials 300

One set of numbers for all four humanoids, which know nothing of learning: what is searched for is
how long they stay up and how far they get with no policy at all, on episodes of training.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from optuna.trial import BaseTrial

from envs import make_environment
from envs.environment import Environment
from envs.parcel.balance import FRONTAL, SAGITTAL, Balance, Reflex, Reflexes
from envs.parcel.gait import Gait, Walk
from envs.parcel.task import Parcel
from simtransfer.cli import at_least_one, deferred, guarded
from simtransfer.search import Search, conduct, confirm, evolution_strategy

ROBOTS = ("porter", "courier", "pocket", "strider")
SECONDS = 20.0  # of an episode that are looked at
LARGEST = 3.0  # of a gain


@dataclass(frozen=True)
class Tuning:
    """A search.

    Attributes:
        trials: How many sets of numbers are tried, in all.
        episodes: Of each robot.
        finalists: How many of the best are tried once more, on other episodes.
        final_episodes: Of each robot, in that last trial.
        workers: Trials at a time. Default: the number of cores.
        output: Folder of the study.
    """

    trials: int = 300
    episodes: int = 5
    finalists: int = 8
    final_episodes: int = 24
    workers: int | None = None
    output: Path = Path("experiments/results/parcel_reflexes")

    def __post_init__(self) -> None:
        """Refuse figures that nothing can be searched with."""
        at_least_one(self, "trials", "episodes", "finalists", "final_episodes")


@dataclass(frozen=True)
class Reference:
    """All that is searched for.

    Attributes:
        walk: How to step.
        sagittal: Reflexes against falling forward or back.
        frontal: Reflexes against falling aside.
    """

    walk: Walk = field(default_factory=Walk)
    sagittal: Reflexes = SAGITTAL
    frontal: Reflexes = FRONTAL

    def numbers(self) -> dict[str, float]:
        """Every number by name."""
        steps = ("period", "stance", "lift", "sway", "speed")
        numbers = {f"walk_{name}": float(getattr(self.walk, name)) for name in steps}
        for plane in ("sagittal", "frontal"):
            reflexes: Reflexes = getattr(self, plane)
            for part in ("step", "hip", "ankle"):
                reflex: Reflex = getattr(reflexes, part)
                numbers[f"{plane}_{part}_tilt"] = reflex.tilt
                numbers[f"{plane}_{part}_rate"] = reflex.rate
            numbers[f"{plane}_step_lean"] = reflexes.step.lean
            numbers[f"{plane}_back"] = reflexes.back
            numbers[f"{plane}_integral"] = reflexes.integral
            numbers[f"{plane}_most"] = reflexes.most
        numbers["sagittal_upright"] = self.sagittal.upright
        return numbers


def suggest(trial: BaseTrial) -> Reference:
    """A reference to try."""
    walk = Walk(
        period=trial.suggest_float("walk_period", 1.8, 4.0),
        stance=trial.suggest_float("walk_stance", 0.5, 0.7),
        lift=trial.suggest_float("walk_lift", 0.04, 0.13),
        sway=trial.suggest_float("walk_sway", -0.06, 0.12),
        speed=trial.suggest_float("walk_speed", 0.12, 0.3),
    )

    def gain(name: str) -> float:
        return trial.suggest_float(name, -0.5, LARGEST)

    def reflexes(plane: str) -> Reflexes:
        step, hip, ankle = (
            (gain(f"{plane}_{part}_tilt"), gain(f"{plane}_{part}_rate"))
            for part in ("step", "hip", "ankle")
        )
        back = trial.suggest_float(f"{plane}_back", -0.5, 1.5)
        upright = trial.suggest_float(f"{plane}_upright", -0.15, 0.15) if plane == "sagittal" else 0
        lean = gain(f"{plane}_step_lean")
        integral = trial.suggest_float(f"{plane}_integral", 0.0, 0.2)
        most = trial.suggest_float(f"{plane}_most", 0.0, 0.15)
        return Reflexes(
            Reflex(*step, lean), Reflex(*hip), Reflex(*ankle), back, upright, integral, most
        )

    return Reference(walk, reflexes("sagittal"), reflexes("frontal"))


def worth(env: Environment, reference: Reference, episodes: range) -> float:
    """Shares of the time that it stays up and of the way it makes; 3 for setting down; mean."""
    task = env.task
    assert isinstance(task, Parcel)
    task.gait = Gait(task.robot, reference.walk)
    task.balance = Balance(task.robot, task.gait, reference.sagittal, reference.frontal)
    still = np.zeros(env.action_space.shape or (), dtype=np.float32)
    limit = round(SECONDS * task.control_rate)
    total = 0.0
    for episode in episodes:
        env.reset(seed=episode)
        ended, steps = False, 0
        info: Mapping[str, Any] = {}
        while not ended and steps < limit:
            *_, ended, _, info = env.step(still)
            steps += 1
        gap = task.distance - task.stand.reach
        made = min(max(1.0 - gap / task.way_to_go, 0.0), 1.0)
        total += 3.0 if info.get("is_success") else steps / limit + made
    return total / len(episodes)


def mean_worth(episodes: range, trial: BaseTrial) -> float:
    """Over all robots; nothing if one of them cannot make such steps."""
    reference, total = suggest(trial), 0.0
    for robot in ROBOTS:
        env = make_environment("parcel", robot, randomization="nominal")
        try:
            total += worth(env, reference, episodes)
        except ValueError:
            return 0.0
        finally:
            env.close()
    return total / len(ROBOTS)


def search_of(tuning: Tuning) -> Search:
    """The search, which begins with the numbers in use."""
    return Search(
        "parcel_reflexes",
        partial(mean_worth, range(tuning.episodes)),
        Reference().numbers(),
        "share of the time and of the way, and setting down",
        {"robots": ROBOTS, "episodes": tuning.episodes, "seconds": SECONDS},
        evolution_strategy,
    )


def tune(tuning: Annotated[Tuning, tyro.conf.arg(name="")] = Tuning()) -> None:
    """Search; go on where an earlier search stopped; write the table and the picture."""
    study = conduct(search_of(tuning), tuning.output, tuning.trials, tuning.workers)
    unseen = range(tuning.episodes, tuning.episodes + tuning.final_episodes)
    objective = partial(mean_worth, unseen)
    table = confirm(study, objective, tuning.finalists, tuning.workers)
    table.to_csv(tuning.output / "finalists.csv", index=False)
    print(table.to_string(index=False))
    print(study.trials[int(table["number"][0])].params)


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(tune))))
