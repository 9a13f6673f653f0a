"""Whether a policy fits a robot: by names, units, ranges and control rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from envs.interface import Feature, Interface, unknown


def require_readings(reads: Sequence[Feature], interface: Interface) -> None:
    """Check that everything that a policy reads is observed, in the same units.

    Ranges may differ, since a range says only where a reading saturates.

    Args:
        reads: The policy's features, in any order.
        interface: Observation features of the environment.

    Raises:
        ValueError: If a feature is not observed, or has another unit or place in a series.
    """
    observed = {feature.name: feature for feature in interface.observation}
    for feature in reads:
        if feature.name not in observed:
            raise ValueError(
                f"the policy reads an {unknown('observation', feature.name, observed)}"
            )
        there = observed[feature.name]
        for key in ("unit", "series", "coordinate"):
            _require_equal("reads", feature, there, key)


def require_actions(acts: Sequence[Feature], interface: Interface) -> list[int]:
    """Check that a policy's actions are those of an interface.

    Ranges must be equal, since normalized actions are scaled by them.

    Args:
        acts: The policy's action entries, in any order.
        interface: What acts.

    Returns:
        For each action of ``interface``, its place among the policy's.

    Raises:
        ValueError: If the policy lacks an action or has another one, or if one has another unit or
            range.
    """
    place = {feature.name: i for i, feature in enumerate(acts)}
    taken = {feature.name: feature for feature in interface.action}
    for feature in acts:
        if feature.name not in taken:
            raise ValueError(f"the policy has an {unknown('action', feature.name, taken)}")
    for name, there in taken.items():
        if name not in place:
            raise ValueError(f"the policy lacks the action {name!r}; it has {', '.join(place)}")
        for key in ("unit", "low", "high"):
            _require_equal("acts", acts[place[name]], there, key)
    return [place[name] for name in taken]


def require_rate(policy: float, other: float, what: str) -> None:
    """Check that a policy acts at the control rate of what it controls.

    Args:
        policy: Control rate of the policy, Hz.
        other: Control rate of the robot or task, Hz.
        what: Its name, for the message.

    Raises:
        ValueError: If they differ.
    """
    if not math.isclose(policy, other, rel_tol=1e-6):
        raise ValueError(
            f"control_rate: the policy acts at {policy:g} Hz, but {what} at {other:g} Hz; "
            "train it at that rate"
        )


def _require_equal(where: str, ours: Feature, theirs: Feature, key: str) -> None:
    mine, other = getattr(ours, key), getattr(theirs, key)
    same = math.isclose(mine, other, abs_tol=1e-9) if isinstance(mine, float) else mine == other
    if not same:
        raise ValueError(
            f"{where}: {ours.name!r} has {key} {mine!r} for the policy, but {other!r} here; "
            "a policy fits only what it was trained for"
        )
