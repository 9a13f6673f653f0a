"""Small robots for tests, written into a folder."""

import shutil
from pathlib import Path

from envs.catalogue import SHIPPED
from envs.robot_file import read_robot

BODY = (
    '<inertial><mass value="4"/>'
    '<inertia ixx="0.0213" iyy="0.0407" izz="0.0577" ixy="0" ixz="0" iyz="0"/></inertial>'
    '<collision><geometry><box size="0.34 0.24 0.08"/></geometry></collision>'
)
BALL = '<collision>{}<geometry><sphere radius="0.035"/></geometry></collision>'
PLAIN = BALL.format("")
SMOOTH = '<contact><lateral_friction value="0.0"/></contact>'
LIGHT = (
    '<inertial><mass value="0.1"/>'
    '<inertia ixx="5e-5" iyy="5e-5" izz="5e-5" ixy="0" ixz="0" iyz="0"/></inertial>'
)
WHEEL = """
  <link name="{side}_tyre">
    <inertial><mass value="0.4"/>
      <inertia ixx="6e-4" iyy="1e-3" izz="6e-4" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><geometry><sphere radius="0.07"/></geometry></collision>
  </link>
  <joint name="{side}_wheel" type="continuous">
    <parent link="chassis"/><child link="{side}_tyre"/>
    <origin xyz="0.06 {y} -0.03"/><axis xyz="0 1 0"/>
  </joint>"""
TOML = """
name = "diffbot"
description = "two wheels and a caster"
urdf = "diffbot.urdf"
tasks = ["driving"]
length = 0.34
width = 0.28
height = 0.1
wheel_radius = 0.07
wheels = [{wheels}]
cruise_speed = 1.0

[[actuators]]
role = "left"
kind = "wheel_speed"
joints = ["left_wheel"]
low = -0.5
high = 1.5
force = 1.0

[[actuators]]
role = "right"
kind = "wheel_speed"
joints = ["right_wheel"]
low = -0.5
high = 1.5
force = 1.0

[command]
model = "differential"
left = "left"
right = "right"
track = 0.28
[lidar]
beams = 25
field_of_view = 240.0
range = 25.0
mount = [0.15, 0.0, 0.12]
"""


def diffbot(folder, *, body="", links="", listed=False):
    """A robot on two wheels and what else ``body`` or ``links`` give it to stand on.

    Args:
        folder: Where its files are written.
        body: Elements of the body's link.
        links: Further links and joints.
        listed: Whether ``wheels`` names a joint ``caster``.
    """
    wheels = ["left_wheel", "right_wheel", *(["caster"] if listed else [])]
    sides = "".join(WHEEL.format(side=side, y=y) for side, y in (("left", 0.14), ("right", -0.14)))
    urdf = f'<robot name="diffbot"><link name="chassis">{BODY}{body}</link>{sides}{links}</robot>'
    (folder / "diffbot.urdf").write_text(urdf, encoding="utf-8")
    toml = TOML.format(wheels=", ".join(f'"{name}"' for name in wheels))
    (folder / "robot.toml").write_text(toml, encoding="utf-8")
    return read_robot(folder)


def caster(kind, shape=PLAIN):
    """A ball on a joint of a kind, named ``caster``."""
    return (
        f'<link name="ball">{LIGHT}{shape}{SMOOTH}</link>'
        f'<joint name="caster" type="{kind}"><parent link="chassis"/><child link="ball"/>'
        '<origin xyz="-0.14 0 -0.065"/><axis xyz="0 1 0"/></joint>'
    )


IN_BODY = BALL.format('<origin xyz="-0.14 0 -0.065"/>') + SMOOTH


def changed(folder, robot, *changes):
    """A copy of a shipped robot with ``(file, old, new)`` changes; its folder.

    Args:
        folder: Where its folder is made.
        robot: The shipped robot's name, which the copy keeps.
        changes: A file of None is the robot.toml; ``old`` is replaced wherever it is.
    """
    copy = Path(shutil.copytree(SHIPPED / robot, folder / robot))
    for file, old, new in changes:
        path = copy / (file or "robot.toml")
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return copy
