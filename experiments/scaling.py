"""How steps a second grow with processes and worlds, and a step's cost with what is in it.

python -m experiments.scaling

Everything is measured several times, in turns, and the least time counts: what others do on the
machine only adds to it. A model of the measurements says what would limit more cores than these.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray
from rich.progress import Progress
from scipy.optimize import nnls

from agents.course import rest
from agents.group import Make
from agents.processes import ProcessGroup, workers_for
from agents.worlds import Worlds
from envs import find_robot, make_environment
from envs.bullet import Bullet
from envs.catalogue import find_task
from envs.driving.car import Car
from envs.driving.traffic import CAR
from envs.environment import Environment
from simtransfer.cli import at_least_one, deferred, guarded
from simtransfer.files import claim_folder, write_json, write_text
from simtransfer.terminal import bar, output, progress

WORLDS = {"driving": "hatchback", "parcel": "porter"}
MODEL = ("per call", "per process", "per world in the main process", "per world in its process")
FORECAST = (2, 4, 8, 16, 32, 64)  # cores
RAYS = (31, 93, 186, 372, 558)  # of 31 beams
STRETCH = 16  # steps that processes make without waiting for each other; a rollout has 128
USERS = (8, 16, 32, 64, 128)
WALKERS = ("pocket", "porter", "courier")


Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Scaling:
    """What is measured.

    Attributes:
        output: Folder of the tables and the picture.
        seconds: Of each measurement.
        rounds: How often each is taken.
        worlds: Numbers of worlds in each process.
        workers: Most processes. Default: the number of cores.
    """

    output: Path = Path("experiments/results/scaling")
    seconds: float = 2.0
    rounds: int = 3
    worlds: tuple[int, ...] = (1, 4, 16, 64)
    workers: int | None = None

    def __post_init__(self) -> None:
        """Refuse figures that nothing can be measured with."""
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"--seconds must be positive, got {self.seconds}")
        at_least_one(self, "rounds")
        if not self.worlds or min(self.worlds) < 1:
            raise ValueError("--worlds must be at least 1 each")


def seconds_of(work: Callable[[], object], least: float) -> float:
    """Of one call, called for so long; the least of five parts."""
    work()
    parts = []
    for _ in range(5):
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < least / 5.0:
            work()
            count += 1
        parts.append((time.perf_counter() - began) / count)
    return min(parts)


def processes_up_to(most: int) -> list[int]:
    """1, 2, 4, ... and the most."""
    powers = [2**k for k in range(most.bit_length()) if 2**k < most]
    return [*powers, most]


def collection(task: str, processes: int, worlds: int, least: float) -> float:
    """Seconds of a step of all worlds, with so many in each process, in a rollout."""
    make = partial(make_environment, task, WORLDS[task], privileged=True)
    group = Worlds(ProcessGroup(make, processes * worlds, processes))
    try:
        shape = STRETCH, group.num_envs, len(group.interface.action)
        noise = np.zeros(shape, dtype=np.float32)
        group.reset()
        return seconds_of(lambda: group.run(rest, noise), least) / STRETCH
    finally:
        group.close()


def terms(processes: NDArray[np.int64], worlds: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each entry of `MODEL` is multiplied by, ``(n, 4)``.

    Processes step their worlds at the same time, the main process looks after one at a time.
    """
    both = processes * worlds
    return np.stack([np.ones(len(both)), processes, both, worlds], axis=1).astype(np.float64)


def fitted(table: pd.DataFrame) -> NDArray[np.float64]:
    """Seconds of each entry of `MODEL`, by least squares of relative errors, none negative."""
    measured = table["seconds"].to_numpy()
    rows = terms(table["processes"].to_numpy(), table["worlds"].to_numpy())
    seconds: NDArray[np.float64] = nnls(rows / measured[:, None], np.ones(len(measured)))[0]
    return seconds


def step_seconds(make: Make, least: float) -> float:
    """Of a control step, resets included."""
    world = make()
    action = np.zeros(world.action_space.shape or (), dtype=np.float32)
    world.reset(seed=0)

    def step() -> None:
        *_, terminated, truncated, _ = world.step(action)
        if terminated or truncated:
            world.reset()

    try:
        return seconds_of(step, least)
    finally:
        world.close()


def with_rays(count: int) -> Environment:
    """A car that has so many rays."""
    car = find_robot("hatchback")
    assert isinstance(car, Car)
    car = replace(car, lidar=replace(car.lidar, rays_per_beam=count // car.lidar.beams))
    return Environment(car, find_task("driving")(car), Bullet())


def among(users: int, least: float) -> float:
    """Seconds of a control step of a car among so many that are moved by script."""
    world = Bullet()
    world.load(find_robot("hatchback"), (CAR,) * users, 60.0)
    world.reset(0.0, 0.0, 0.0, 0.0)

    def step() -> None:
        for k in range(users):
            world.place(k, 20.0 + 10.0 * k, 5.0, 0.0)
        world.advance(6)

    try:
        return seconds_of(step, least)
    finally:
        world.close()


def costs(least: float) -> Iterator[tuple[tuple[str, int], Callable[[], float]]]:
    """What takes a step's seconds, with more and more of what is in it: what and how much."""
    for count in RAYS:
        yield ("rays", count), partial(step_seconds, partial(with_rays, count), least)
    for count in USERS:
        yield ("road users", count), partial(among, count, least)
    for name in WALKERS:
        joints = len(find_robot(name).actuators)
        make = partial(make_environment, "parcel", name)
        yield ("joints", joints), partial(step_seconds, make, least)


def least_of(
    measurements: Mapping[Key, Callable[[], float]], rounds: int, display: Progress, name: str
) -> dict[Key, float]:
    """The least seconds that each took, taken in turns."""
    line = bar(display, name, rounds * len(measurements))
    least = dict.fromkeys(measurements, math.inf)
    for _ in range(rounds):
        for key, work in measurements.items():
            least[key] = min(least[key], work())
            display.advance(line)
    return least


def power(amounts: Sequence[float], seconds: Sequence[float]) -> float:
    """By which power of what is added the cost of adding it grows; 1 is linear."""
    low, middle, high = 0, len(amounts) // 2, len(amounts) - 1
    more = [seconds[k] - seconds[low] for k in (middle, high)]
    wide = [amounts[k] - amounts[low] for k in (middle, high)]
    if min(more) <= 0.0:
        return 0.0
    return math.log(more[1] / more[0]) / math.log(wide[1] / wide[0])


def draw(rates: pd.DataFrame, models: dict[str, NDArray[np.float64]], file: Path) -> None:
    """Measured steps a second, and the model's."""
    figure, axes = plt.subplots(1, len(models), figsize=(10, 4))
    for axis, (task, model) in zip(np.atleast_1d(axes), models.items(), strict=True):
        own = rates[rates["task"] == task]
        for colour, (worlds, rows) in enumerate(own.groupby("worlds")):
            steps = rows["processes"] * rows["worlds"] / rows["seconds"]
            axis.plot(rows["processes"], steps, "o", color=f"C{colour}", label=f"{worlds} worlds")
            cores = np.asarray(FORECAST)
            each = np.full(len(cores), worlds)
            axis.plot(
                cores, cores * worlds / (terms(cores, each) @ model), "--", color=f"C{colour}"
            )
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xlabel("processes, a core each")
        axis.set_title(f"{task}: measured (dots), modelled (lines)")
        axis.grid(alpha=0.3)
        axis.legend(title="in each process")
    figure.supylabel("control steps a second")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def measure(scaling: Annotated[Scaling, tyro.conf.arg(name="")] = Scaling()) -> None:
    """Measure, fit the model, and write the tables and the picture."""
    counts = processes_up_to(workers_for(scaling.workers))
    if len(counts) < 2:
        raise ValueError("one process says nothing of more; give --workers 2 or more")
    stepped = {
        (task, processes, worlds): partial(collection, task, processes, worlds, scaling.seconds)
        for task in WORLDS
        for processes in counts
        for worlds in scaling.worlds
    }
    grown = dict(costs(scaling.seconds))
    with progress() as display:
        took = least_of(stepped, scaling.rounds, display, "collection")
        cost_took = least_of(grown, scaling.rounds, display, "costs")
    rates = pd.DataFrame(
        [(*key, seconds, key[1] * key[2] / seconds) for key, seconds in took.items()],
        columns=["task", "processes", "worlds", "seconds", "steps_per_second"],
    )
    cost = pd.DataFrame(
        [(*key, seconds) for key, seconds in cost_took.items()],
        columns=["what", "amount", "seconds"],
    )
    models = {task: fitted(rates[rates["task"] == task]) for task in WORLDS}
    claim_folder(scaling.output)
    write_text(rates.to_csv(index=False, float_format="%.4g"), scaling.output / "rates.csv")
    write_text(cost.to_csv(index=False, float_format="%.4g"), scaling.output / "costs.csv")
    told = {
        task: {name: float(f"{1e6 * s:.4g}") for name, s in zip(MODEL, model, strict=True)}
        for task, model in models.items()
    }
    write_json({"microseconds": told}, scaling.output / "model.json")
    draw(rates, models, scaling.output / "scaling.png")
    output.print(rates.to_string(index=False))
    for what, group in cost.groupby("what", sort=False):
        output.print(group.to_string(index=False))
        if what != "joints":  # of different robots, which differ in more than these
            grows = power(group["amount"].tolist(), group["seconds"].tolist())
            output.print(f"more {what} cost more by the power {grows:.2f}", highlight=False)
    for task, entries in told.items():
        output.print(f"{task}, microseconds: {entries}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(guarded(lambda: tyro.cli(deferred(measure))))
