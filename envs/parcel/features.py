"""What a carrying humanoid reads, in units of its own body.

Lengths are in legs, l, and times in clocks, √(l / g): in these, bodies of one shape and of all
sizes move alike (Froude; Alexander and Jayes 1983), so that one reads what another has learned.
What joints do is said as what soles and arms do, in the words of actions (`Humanoid.limbs`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from envs.interface import Feature
from envs.parcel.gait import DEEPEST, Walk
from envs.parcel.humanoid import SIDES, WORDS

# Scales of standard deviation, at the least: of what is the same at most times, of what one robot
# is told and another never, and of all else.
RARE, SOME, COMMON = 2.0, 0.5, 0.01
FAR = 16.0  # legs, farther than any stand
NEAR = 1.0  # radii of the plate: what is at hand is seen better than what is far
CLOCKS = 4.0, 16.0  # control steps: how soon, by its own time, a robot of a size can answer
LENGTHS = ("sole_forward", "sole_up")  # of `WORDS`; the others are angles


def deployable(
    arms: Sequence[str], lacking: Collection[str] = (), far: float = FAR
) -> list[Feature]:
    """What a robot can sense, and what it knows of its own doing: gait, commands and actions.

    Args:
        arms: Roles of its arms' joints.
        lacking: Those of `WORDS` that it has no joint for, which are always zero.
        far: Legs, beyond which a stand is as good as that far.
    """
    axes, top = "xyz", 2.0 * Walk().speed
    inertial, odometry, encoder, located = (
        partial(Feature, sensor=kind)
        for kind in ("inertial", "odometry", "encoder", "localization")
    )
    features = [inertial(f"base/gravity/{axis}", "1", -1.0, 1.0) for axis in axes]
    features += [inertial(f"base/angular_velocity/{a}", "rad/clock", -1.2, 1.2) for a in axes]
    for what in ("base/stance", "base/odometry"):
        features += [odometry(f"{what}/{axis}", "leg/clock", -top, top) for axis in "xy"]
    for what, per, limit, measured in (
        ("deflection", "", 1.0, "encoder"),
        ("velocity", "/clock", 4.0, "encoder"),
        ("last_action", "", 1.5, ""),
    ):
        for word in WORDS:
            unit = "leg" if word.split("_", 1)[1] in LENGTHS else "rad"
            # Nothing measures a joint that is not there.
            floor, sensor = (RARE, "") if word in lacking else (COMMON, measured)
            name = f"limb/{word}/{what}"
            features += [Feature(name, unit + per, -limit, limit, floor=floor, sensor=sensor)]
    features += [encoder(f"joint/{role}/torque", "1", -1.0, 1.0) for role in arms]
    features += [Feature(f"gait/{what}", "1", -1.0, 1.0) for what in ("sin", "cos")]
    features += [
        Feature("gait/vigour", "1", 0.0, 1.0, floor=RARE),
        Feature("gait/lowered", "1", 0.0, 1.0, floor=RARE),
        Feature("command/speed", "leg/clock", -0.5 * top, top),
        Feature("command/yaw_rate", "rad/clock", -0.4, 0.4, floor=SOME),
        Feature("command/aside", "leg/clock", -0.12, 0.12, floor=SOME),
        located("task/goal/forward", "leg", -far, far),
        located("task/goal/left", "leg", -far, far),
        located("task/plate/ahead", "radius", -NEAR, NEAR),
        located("task/plate/left", "radius", -NEAR, NEAR),
        located("task/stand/clearance", "leg", 0.0, DEEPEST),
        Feature("body/clock", "step", *CLOCKS, floor=SOME),
    ]
    return features


def privileged() -> list[Feature]:
    """What only a simulator knows."""
    speed = 4.0 * Walk().speed
    told = [(f"base/linear_velocity/{a}", "leg/clock", -speed, speed) for a in "xyz"]
    told += [(f"base/drift/{a}", "leg/clock", -speed, speed) for a in "xy"]
    told += [("base/drift/yaw_rate", "rad/clock", -0.6, 0.6)]
    told += [("base/height", "leg", 0.0, 1.5), ("leg", "m", 0.0, 2.0)]
    told += [(f"parcel/position/{a}", "leg", -0.4, 0.4) for a in "xyz"]
    told += [(f"parcel/up/{a}", "1", -1.0, 1.0) for a in "xy"]
    told += [("parcel/mass", "1", 0.0, 0.12), ("parcel/friction", "1", 0.0, 1.2)]
    told += [(f"sole/{side}/force", "1", 0.0, 2.0) for side in SIDES]
    told += [
        ("friction", "1", 0.0, 2.0),
        ("mass", "1", 0.5, 1.5),
        ("motor_strength", "1", 0.0, 1.5),
        ("action_delay", "step", 0.0, 1.0),
    ]
    return [
        Feature(f"privileged/{name}", unit, low, high, "privileged")
        for name, unit, low, high in told
    ]
