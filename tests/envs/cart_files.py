"""A cart of four wheels as a folder, whose URDF and robot.toml tests change in one thing."""

from pathlib import Path

WHEELS = ("front_left", 0.3, 0.34), ("front_right", 0.3, -0.34)
WHEELS += ("rear_left", -0.3, 0.34), ("rear_right", -0.3, -0.34)
CHASSIS = """<link name="chassis"><inertial><mass value="60"/>
<inertia ixx="3.25" iyy="5.8" izz="7.45" ixy="0" ixz="0" iyz="0"/></inertial>
<collision><geometry><box size="1.0 0.7 0.4"/></geometry></collision></link>
"""
TYRE = """<link name="{0}_tyre"><inertial><mass value="3"/>
<inertia ixx="0.02" iyy="0.034" izz="0.02" ixy="0" ixz="0" iyz="0"/></inertial>
<collision><geometry><sphere radius="0.15"/></geometry></collision></link>
<joint name="{0}_wheel" type="continuous"><parent link="chassis"/><child link="{0}_tyre"/>
<origin xyz="{1} {2} -0.15"/><axis xyz="0 1 0"/></joint>
"""
TYRES = "".join(TYRE.format(*wheel) for wheel in WHEELS)
URDF = f'<robot name="cart">\n{CHASSIS}{TYRES}</robot>\n'
BOX = '<box size="1.0 0.7 0.4"/>'
TOML = """name = "cart"
description = "test cart"
urdf = "cart.urdf"
tasks = ["driving"]
length = 1.0
width = 0.7
height = 0.3
wheel_radius = 0.15
wheels = ["front_left_wheel", "front_right_wheel", "rear_left_wheel", "rear_right_wheel"]
cruise_speed = 4.0
[[actuators]]
role = "left"
kind = "wheel_speed"
joints = ["front_left_wheel", "rear_left_wheel"]
low = -1.0
high = 6.0
force = 25.0
[[actuators]]
role = "right"
kind = "wheel_speed"
joints = ["front_right_wheel", "rear_right_wheel"]
low = -1.0
high = 6.0
force = 25.0
[command]
model = "differential"
left = "left"
right = "right"
track = 1.0
[lidar]
beams = 25
field_of_view = 240.0
range = 25.0
mount = [0.4, 0.0, 0.25]
"""


def changed(text: str, *changes: tuple[str, str]) -> str:
    """A text with each ``(old, new)`` replaced wherever it stands."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def write(folder: Path, urdf: str | bytes = URDF, toml: str = TOML) -> Path:
    """Write a cart; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    content = urdf if isinstance(urdf, bytes) else urdf.encode()
    (folder / "cart.urdf").write_bytes(content)
    (folder / "robot.toml").write_text(toml, encoding="utf-8")
    return folder
