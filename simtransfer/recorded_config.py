"""What a run's folder records of its configuration, and how that differs from another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from agents.settings import PPOSettings, SACSettings
from envs.tables import shown
from simtransfer.files import plain
from simtransfer.run_config import RunConfig
from simtransfer.segments import Segments

SHOWN = 4  # differences that are listed
MISSING = "nothing"


def settled(config: RunConfig) -> dict[str, Any]:
    """What a run writes down of itself: all of its settings, with the steps that it trains."""
    segments = Segments.of(config)
    what_runs = {"steps": segments.budget, "interval": segments.interval}
    settings: dict[str, Any] = plain(config.resolved() | what_runs)
    return settings


def completed(found: Any) -> Any:
    """A run's record, completed by settings that its version did not have, as it ran without."""
    if not isinstance(found, dict):
        return found
    whole = plain(RunConfig().resolved()) | found
    for name, defaults in (("ppo", PPOSettings()), ("sac", SACSettings())):
        if isinstance(whole[name], dict):
            before = "decay" not in whole[name]
            whole[name] = asdict(defaults) | whole[name]
            if name == "ppo" and before:
                _count_as_before(whole)
    return whole


def _count_as_before(whole: dict[str, Any]) -> None:
    """Runs of before ``ppo.decay`` trained whole intervals, over which learning rates fell."""
    try:
        sac = whole["algorithm"] == "sac"
        rollout = (
            whole["sac"]["worlds"] if sac else whole["ppo"]["worlds"] * whole["ppo"]["rollout"]
        )
        interval = math.ceil(whole["interval"] / rollout) * rollout
        steps = math.ceil(whole["steps"] / interval) * interval
        trained = 0 if whole["plan"]["trainable"] == "none" else steps
        whole |= {"interval": interval, "steps": trained}
        whole["ppo"]["decay"] = steps
    except (KeyError, TypeError, ZeroDivisionError):
        return  # damaged: it differs, whatever it is completed with


def moved(there: Any, here: dict[str, Any]) -> tuple[str, ...]:
    """Which of robot and teacher are the same by digest in two records, whatever their paths are.

    Their folders may be moved, and the run still resumes.
    """
    digests = there.get("digests") if isinstance(there, dict) else None
    if not isinstance(digests, dict):
        return ()
    known = here["digests"]
    return tuple(
        key for key in ("robot", "teacher") if known[key] and digests.get(key) == known[key]
    )


def differences(there: Any, here: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Keys by which two records differ, dotted, with what each holds."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in here | there:
            below = f"{key}.{name}" if key else name
            yield from differences(there.get(name, MISSING), here.get(name, MISSING), below)
    elif there != here:
        yield key or "the record", there, here


def said(differing: list[tuple[str, Any, Any]]) -> str:
    """Differences in one line, the first few of them."""
    listed = "; ".join(
        f"{key} is {shown(there)} there, {shown(here)} here"
        for key, there, here in differing[:SHOWN]
    )
    more = len(differing) - SHOWN
    return listed + (f"; and {more} more" if more > 0 else "")
