"""Left and right swapped: a parcel is as likely to be due on one side as on the other."""

from __future__ import annotations

import re
from dataclasses import replace

from envs.parcel.humanoid import SIDES, Humanoid

OTHER = dict(zip(SIDES, reversed(SIDES), strict=True))
# Parts of the names of what changes its sign in a mirror. A gait's phase moves on by half a cycle,
# which turns sine and cosine round.
ODD = (
    "_yaw/",
    "_roll/",
    "/aside",
    "angular_velocity/x",
    "angular_velocity/z",
    "/yaw_rate",
    "drift/y",
    "gait/cos",
    "gait/sin",
    "goal/left",
    "gravity/y",
    "linear_velocity/y",
    "odometry/y",
    "parcel/position/y",
    "parcel/up/y",
    "plate/left",
    "stance/y",
)


def counterpart(name: str) -> tuple[str, float]:
    """What a feature or action is called in a mirror, and the sign it has there."""
    swapped = re.sub(r"(?<![a-z])(left|right)(?=_|/)", lambda found: OTHER[found[0]], name)
    return swapped, -1.0 if any(part in name for part in ODD) else 1.0


def is_symmetric(robot: Humanoid) -> bool:
    """Whether each actuator does on its side what its counterpart does on the other."""
    actuators = {actuator.role: actuator for actuator in robot.actuators}
    for role, actuator in actuators.items():
        other, sign = counterpart(f"{role}/position")
        image = actuators.get(other.removesuffix("/position"))
        low, high = (actuator.low, actuator.high) if sign > 0 else (-actuator.high, -actuator.low)
        wanted = replace(actuator, low=low, high=high)
        if image is None or replace(image, role=role, joints=actuator.joints) != wanted:
            return False
    return True
