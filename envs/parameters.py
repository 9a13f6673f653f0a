"""What about a world can be randomized, each with its unit, limits and meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.terrain import HIGHEST

OCCASIONS = ("load", "reset", "interval")
BETWEEN = OCCASIONS[:2]  # of what an episode begins with
# What others drew, on robots that then worked outside a simulator unless it is said otherwise.
TAN = "Tan 2018, arXiv 1804.10332"
HUMANOID_GYM = "Gu 2024, arXiv 2404.05695"
MARGOLIS = "Margolis 2022, arXiv 2212.03238, its code"
HAARNOJA = "Haarnoja 2023, arXiv 2304.13653"
DAO = "Dao 2023, arXiv 2310.03191"
RUDIN = "Rudin 2021, arXiv 2109.11978, its code"
EXARCHOS = "Exarchos 2020, arXiv 2011.01891, between simulators"
FARTHEST = 100.0  # that a factor or a speed may be drawn: engines lose their grip far beyond
LATEST = 5.0  # control steps that anything is late at most


@dataclass(frozen=True)
class Parameter:
    """Something about the world that a term can change.

    Attributes:
        unit: SI unit, or ``1``.
        initial: Its value without randomization.
        meaning: One line.
        low: Smallest value that makes sense.
        high: Largest value that makes sense.
        occasions: When it can be drawn.
        physical: Whether the engine is told of it, see `envs.simulator.Simulator.vary`.
        source: What the ranges of the named sets go by; empty where they are our own guess.
    """

    unit: str
    initial: float
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    occasions: tuple[str, ...] = OCCASIONS
    physical: bool = False
    source: str = ""


PARAMETERS: dict[str, Parameter] = {
    "friction": Parameter(
        "1",
        1.0,
        "friction of tyres and soles, as a factor on the loaded one",
        low=0.0,
        high=FARTHEST,
        physical=True,
        source=f"{HUMANOID_GYM}: coefficients of 0.1 to 2",
    ),
    "spinning_friction": Parameter(
        "m",
        0.0,
        "torque against turning on the spot, over the load, of each contact of a sole or tyre; "
        "PyBullet limits friction by cones then",
        low=0.0,
        high=1.0,
        physical=True,
    ),
    "rolling_friction": Parameter(
        "m", 0.0, "torque against rolling, likewise", low=0.0, high=1.0, physical=True
    ),
    "restitution": Parameter(
        "1",
        0.0,
        "share of its speed with which a sole or tyre leaves the ground that it hits; in PyBullet "
        "at most",
        low=0.0,
        high=0.95,
        physical=True,
        source=f"{MARGOLIS}: 0 to 0.4",
    ),
    "mass": Parameter(
        "1",
        1.0,
        "mass and inertia of every link, as a factor on the loaded ones",
        low=0.01,
        high=FARTHEST,
        physical=True,
        source=f"{TAN}: 0.8 to 1.2",
    ),
    "armature": Parameter(
        "1",
        1.0,
        "factor on the inertia of the motors' rotors",
        low=0.5,
        high=20.0,
        physical=True,
        source=f"{TAN}: inertias by 0.5 to 1.5",
    ),
    "gravity": Parameter(
        "1",
        1.0,
        "factor on gravity",
        low=0.05,
        high=5.0,
        physical=True,
        source=f"{MARGOLIS}: up to 1 m/s² along each axis",
    ),
    "slope_x": Parameter(
        "deg",
        0.0,
        "how much the ground rises along x, as starts go",
        low=-30,
        high=30,
        physical=True,
    ),
    "slope_y": Parameter(
        "deg", 0.0, "how much it rises along y, to the left", low=-30, high=30, physical=True
    ),
    "roughness": Parameter(
        "m",
        0.0,
        "how far bumps of the ground rise and hollows sink",
        low=0.0,
        high=HIGHEST,
        occasions=BETWEEN,
        source=f"{RUDIN}: 0.05 m, for four legs",
    ),
    **{
        f"{way}_force": Parameter(
            "1",
            0.0,
            f"force on the base, {where}, over the robot's weight, until it is drawn anew",
            low=-2.0,
            high=2.0,
            physical=True,
            source=f"{HAARNOJA}: pushes of 5 to 15 N on 3 kg",
        )
        for way, where in (
            ("forward", "forward"),
            ("sideways", "to its left"),
            ("upward", "upward"),
        )
    },
    **{
        f"{turn}_torque": Parameter(
            "m",
            0.0,
            f"torque on the base about its own axis {axis}, over the robot's weight, likewise",
            low=-0.2,
            high=0.2,
            physical=True,
        )
        for turn, axis in (("roll", "forward"), ("pitch", "to the left"), ("yaw", "upward"))
    },
    "stiffness": Parameter(
        "1",
        1.0,
        "factor on the stiffness of motors that are springs",
        low=0.05,
        high=4.0,
        physical=True,
        source=f"{MARGOLIS}: 0.8 to 1.3",
    ),
    "damping": Parameter(
        "1",
        1.0,
        "factor on the damping of motors that are springs",
        low=0.3,
        high=1.5,  # with more, the lightest feet shake
        physical=True,
        source=f"{DAO}: much wider",
    ),
    "joint_damping": Parameter(
        "1",
        0.0,
        "torque against turning of such a motor's joint, over its limits of torque and speed",
        low=0.0,
        high=0.2,  # with more, the lightest feet shake
        physical=True,
    ),
    "joint_friction": Parameter(
        "1",
        0.0,
        "torque that it takes to turn such a motor's joint at all, over its limit",
        low=0.0,
        high=2.0,
        physical=True,
        source=f"{TAN}: 0 to 0.05 N·m",
    ),
    "motor_strength": Parameter(
        "1",
        1.0,
        "factor on the torque limits of motors and brakes",
        low=0.0,
        high=FARTHEST,
        source=f"{TAN}: 0.8 to 1.2",
    ),
    "servo_speed": Parameter(
        "1",
        1.0,
        "factor on the largest speed of every servo",
        low=0.01,
        high=FARTHEST,
        physical=True,
    ),
    "steering_offset": Parameter("rad", 0.0, "error of every servo's zero", low=-3.2, high=3.2),
    "encoder_offset": Parameter(
        "rad",
        0.0,
        "largest error of the zero of each joint that is told positions, each its own",
        low=0.0,
        high=0.3,
        occasions=BETWEEN,
        source=f"{MARGOLIS}: up to 0.02 rad",
    ),
    "action_delay": Parameter(
        "step",
        0.0,
        "time until an action acts, in control steps",
        low=0.0,
        high=LATEST,
        source=f"{HUMANOID_GYM}: up to half a step",
    ),
    "action_noise": Parameter(
        "1",
        0.0,
        "standard deviation of what is added to actions, as seen, too",
        low=0.0,
        high=1.0,
        source=f"{HUMANOID_GYM}: 0.02",
    ),
    "observation_delay": Parameter(
        "step",
        0.0,
        "age of what is read, in control steps",
        low=0.0,
        high=LATEST,
        source=f"{HAARNOJA}: 10 to 50 ms",
    ),
    "observation_loss": Parameter(
        "1", 0.0, "probability that the last reading is read again", low=0.0, high=0.99
    ),
    "observation_noise": Parameter(
        "1",
        0.0,
        "noise of all that is measured but the lidar's ranges, in quarters of range",
        low=0.0,
        high=10.0,
        source=f"{TAN}: up to 0.05 rad of an inertial unit",
    ),
    "observation_bias": Parameter(
        "1",
        0.0,
        "largest error, each its own all episode long, of posture and torque read by a humanoid, "
        "in quarters of range",
        low=0.0,
        high=10.0,
        source=f"{TAN}: up to 0.05 rad of an inertial unit",
    ),
    "lidar_noise": Parameter(
        "m",
        0.0,
        "standard deviation of a lidar range",
        low=0.0,
        high=1000.0,
        source="Velodyne VLP-16 data sheet: ±0.03 m",
    ),
    "lidar_dropout": Parameter(
        "1",
        0.0,
        "probability that a beam returns nothing",
        low=0.0,
        high=1.0,
    ),
    "lidar_yaw": Parameter(
        "deg", 0.0, "error of the lidar's mounting angle", low=-180.0, high=180.0
    ),
    "traffic_speed": Parameter(
        "1", 1.0, "factor on the speed of other cars", low=0.1, high=3.0, occasions=BETWEEN
    ),
    "walking_speed": Parameter(
        "1",
        1.0,
        "factor on the speed of who crosses the road",
        low=0.1,
        high=3.0,
        occasions=BETWEEN,
    ),
    "parcel_mass": Parameter(
        "1",
        1.0,
        "factor on the parcel's mass",
        low=0.1,
        high=3.0,
        occasions=BETWEEN,
        source=f"{DAO}: 0.8 to 1.2",
    ),
    "parcel_friction": Parameter(
        "1",
        1.0,
        "factor on the parcel's friction",
        low=0.1,
        high=3.0,
        occasions=BETWEEN,
        source=f"{DAO}: 0.7 to 1.3",
    ),
    "push": Parameter(
        "m/s",
        0.0,
        "sudden sideways velocity, as from a gust",
        low=-FARTHEST,
        high=FARTHEST,
        occasions=("interval",),
        source=f"{HUMANOID_GYM}: 0.2 m/s, every 4 s",
    ),
}

# Proportions of the body, as factors; see `envs.robot.Robot.varied`.
BODY: dict[str, str] = {
    "size": "lengths; masses, torques and speeds go with them",
    "thigh": "length of the thighs",
    "shin": "length of the shins",
    "foot": "length of the feet",
    "hips": "width of the trunk and of the hips",
    "trunk": "mass of the trunk; motors grow with what the robot weighs",
    "torso": "length of the trunk, upward; its mass stays",
    "knee": "way of the knees; above 1 they bend the other way",
    "yaw": "reach of the hips' yaw joints; up to 0.4 they are held",
}
PARAMETERS |= {
    name: Parameter("1", 1.0, f"factor on the {meaning}", 0.2, 5.0, ("load",), source=EXARCHOS)
    for name, meaning in BODY.items()
}

# Where the trunk's centre of mass is; see `envs.robot.Robot.varied`.
CENTER: dict[str, str] = {"center_x": "forward", "center_y": "left", "center_z": "up"}
PARAMETERS |= {
    name: Parameter(
        "m",
        0.0,
        f"how much farther {way} the centre of the trunk's mass is",
        low=-0.3,
        high=0.3,
        occasions=("load",),
    )
    for name, way in CENTER.items()
}

# Kinds of sensors and what they measure; a feature names its own, see `envs.interface.Feature`.
SENSORS: dict[str, str] = {
    "inertial": "the inertial unit",
    "encoder": "joints and motors",
    "odometry": "odometry",
    "localization": "where goal, road and stand are",
}
PARAMETERS |= {
    f"{key}_noise": Parameter("1", 0.0, f"noise of {what}, in quarters of range", 0.0, 2.0)
    for key, what in SENSORS.items()
}
PARAMETERS |= {
    f"{key}_bias": Parameter(
        "1",
        0.0,
        f"largest error of {what}, each reading its own all episode long, in quarters of range",
        0.0,
        2.0,
        BETWEEN,
    )
    for key, what in SENSORS.items()
}
