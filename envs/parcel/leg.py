"""A leg as a chain of joints: where its sole is, and how joints bring it elsewhere."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from envs.outline import lowest
from envs.robot import Robot
from envs.urdf import Urdf

PITCHES = ("hip_pitch", "knee", "ankle_pitch")  # what moves a sole in the plane of walking
TURNS = 40  # of Newton's method; it needs four or five
CLOSE = 1e-6  # m and rad at which a sole is where it should be


class Leg:
    """One leg of a robot in its nominal posture.

    Args:
        robot: The robot, whose actuators have the roles ``<side>_hip_pitch`` and so on.
        urdf: Its URDF.
        side: ``left`` or ``right``.
        foot: The joint that carries the sole.

    Attributes:
        sole: Nominal position of the middle of the sole in the base's frame, m, ``(3,)``.
        length: From the hip pitch axis down to the sole, m.
        lean: How far ahead of the hip the ankle is, as the angle of the way down to it, rad.

    Raises:
        ValueError: If the robot has no actuator for one of the three pitch joints.
    """

    def __init__(self, robot: Robot, urdf: Urdf, side: str, foot: str) -> None:
        actuators = {actuator.role: actuator for actuator in robot.actuators}
        missing = [role for role in PITCHES if f"{side}_{role}" not in actuators]
        if missing:
            raise ValueError(f"actuators: a leg needs {side}_{missing[0]}")
        nominal = posture(robot, urdf)
        poses = urdf.posed(nominal)
        link = urdf.joints[foot].child
        bottom = lowest(urdf, link, poses)
        self.sole = bottom
        joints = [actuators[f"{side}_{role}"].joints[0] for role in PITCHES]
        # In the sagittal plane: each joint's place, as seen in the nominal posture.
        places = [poses[urdf.joints[joint].child][:3, 3].tolist() for joint in joints]
        self._places = [(x, z) for x, _, z in places]
        self.length = float(places[0][2] - bottom[2])
        (hip, _, above), (ankle, _, below) = places[0], places[2]
        self.lean = math.atan2(ankle - hip, above - below)
        self._limits = [
            (urdf.limits(joint), actuators[f"{side}_{role}"].neutral)
            for joint, role in zip(joints, PITCHES, strict=True)
        ]

    def after(self, changes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Forward (m), up (m) and pitch (rad) of the sole against nominal.

        Args:
            changes: Of hip pitch, knee and ankle pitch from the nominal posture, rad, ``(3,)``.
        """
        x, z = float(self.sole[0]), float(self.sole[2])
        # From the ankle up, each joint turns what hangs on it about itself.
        for (px, pz), change in zip(self._places[::-1], changes.tolist()[::-1], strict=True):
            cos, sin = math.cos(change), math.sin(change)
            x, z = px + cos * (x - px) + sin * (z - pz), pz - sin * (x - px) + cos * (z - pz)
        return np.asarray([x - self.sole[0], z - self.sole[2], float(changes.sum())])

    def reach(
        self, forward: float, up: float, guess: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Changes of the three pitch joints that move the sole and keep it level.

        Args:
            forward: m.
            up: m.
            guess: Where to begin the search; default: the nominal posture.

        Returns:
            Rad, shape ``(3,)``.

        Raises:
            ValueError: If the leg cannot reach there, or only beyond its joints' limits.
        """
        wanted = np.asarray([forward, up, 0.0])
        changes = np.zeros(3) if guess is None else guess
        for _ in range(TURNS):
            missed = wanted - self.after(changes)
            if np.abs(missed).max() < CLOSE:
                break
            step = np.linalg.lstsq(self.slopes(changes), missed, rcond=None)[0]
            changes = changes + np.clip(step, -0.3, 0.3)
        else:
            raise ValueError(f"the leg cannot move its sole by {forward:.3g} m, {up:.3g} m up")
        for change, ((low, high), nominal), name in zip(
            changes.tolist(), self._limits, PITCHES, strict=True
        ):
            if not low <= nominal + change <= high:
                raise ValueError(
                    f"{name} would have to be {nominal + change:.3g} rad, beyond {low} to {high}, "
                    f"to move the sole by {forward:.3g} m, {up:.3g} m up"
                )
        return changes

    def slopes(self, changes: NDArray[np.float64]) -> NDArray[np.float64]:
        """How `after` changes with each joint, ``(3, 3)``: a sole turns about what moves it."""
        forward, up, _ = self.after(changes).tolist()
        x, z = float(self.sole[0]) + forward, float(self.sole[2]) + up
        slopes = np.ones((3, 3))
        for k in range(3):
            px, pz = self._moved(k, changes)
            slopes[:2, k] = z - pz, px - x
        return slopes

    def _moved(self, joint: int, changes: NDArray[np.float64]) -> tuple[float, float]:
        """Where one of the joints is, m forward and up."""
        x, z = self._places[joint]
        above = list(zip(self._places, changes.tolist(), strict=True))[:joint]
        for (px, pz), change in above[::-1]:
            cos, sin = math.cos(change), math.sin(change)
            x, z = px + cos * (x - px) + sin * (z - pz), pz - sin * (x - px) + cos * (z - pz)
        return x, z


def posture(robot: Robot, urdf: Urdf) -> dict[str, float]:
    """Positions of the actuated joints in the nominal posture, about their own axes, rad."""
    angles = {}
    for actuator in robot.actuators:
        for joint in actuator.joints:
            angles[joint] = urdf.sign(joint) * actuator.neutral
    return angles
