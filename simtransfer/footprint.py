"""The memory that runs need, estimated before it is allocated."""

from __future__ import annotations

from collections.abc import Iterable

from agents.memory import refuse_too_large
from envs import make_environment
from simtransfer.run_config import RunConfig

# Bytes of one environment: measured, with some room.
WORLD = {"pybullet": 37_000_000, "mujoco": 3_000_000}
PROCESS = 60_000_000  # bytes of a process that steps environments, beside those
WEIGHT = 16  # bytes of a weight with its gradient and the optimizer's two averages
COPIES = 4  # of a rollout's observations: as collected, flat, and as actor and critic read them
ASSUMED = 1_024  # entries of an observation, before an environment is asked for their number


def footprint(config: RunConfig, workers: int, entries: int = ASSUMED) -> dict[str, int]:
    """Bytes that a run needs, by the setting that needs them.

    Args:
        config: The run's.
        workers: Processes that step its environments.
        entries: Number of entries of an observation and an action together.
    """
    ppo, sac = config.hyperparameters, config.sac
    if config.algorithm == "sac":
        worlds, remembered = sac.worlds, ("sac.buffer", sac.buffer * (2 * entries + 4))
    else:
        worlds = ppo.worlds
        remembered = ("ppo.rollout", ppo.worlds * ppo.rollout * (COPIES * entries + 8))
    return {
        f"{config.algorithm}.worlds": worlds * WORLD[config.simulator],
        remembered[0]: 4 * remembered[1],
        "network.hidden": WEIGHT * config.network.weights(entries, entries, entries),
        "workers": workers * PROCESS,
    }


def require_memory(config: RunConfig, workers: int, runs: int = 1) -> None:
    """Refuse a run that does not fit in memory.

    Args:
        config: The run's.
        workers: Processes that step its environments.
        runs: How many such runs there are at a time.

    Raises:
        ValueError: With the memory that it needs and that is available.
    """

    def require(entries: int) -> None:
        parts = footprint(config, workers, entries)
        largest = max(parts, key=lambda name: parts[name])
        fewer = " or fewer --workers" if runs > 1 else ""
        refuse_too_large(
            {name: runs * size for name, size in parts.items()},
            f"give a smaller --{largest}{fewer}",
        )

    try:
        require(ASSUMED)
    except ValueError:  # it may fit all the same: see how large an observation is
        world = make_environment(config.task, config.robot, privileged=True)
        entries = len(world.interface.observation) + len(world.interface.action)
        world.close()
        require(entries)


def require_memory_of_all(configs: Iterable[RunConfig], at_once: int) -> None:
    """Refuse runs of which so many at a time do not fit in memory; see `require_memory`."""
    configs = list(configs)
    if configs:
        largest = max(configs, key=lambda config: sum(footprint(config, 1).values()))
        require_memory(largest, 1, runs=min(at_once, len(configs)))
