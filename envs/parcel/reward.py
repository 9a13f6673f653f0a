"""What is rewarded on the way to a stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

STEADY = 0.12  # rad of tilt, of the trunk or the parcel, at which little is left of what it earns
SLID = 0.25  # of the cradle's length that a parcel may have slid, likewise


@dataclass(frozen=True)
class Reward:
    """What is rewarded, each per control step unless said.

    Attributes:
        velocity: Per metre nearer to the stand as commanded; what is gone otherwise costs as much.
        turning: Per rad turned at the commanded yaw rate, likewise.
        fitting: For having the parcel above the middle of the plate; half of it 0.8 radii off.
        upright: For an upright trunk.
        parcel: For a level parcel in the middle of the arms.
        contact: For feet on the ground when the gait has them there, and only then.
        change: Per squared change of an action, mean over actuators.
        effort: Per squared torque over its limit, mean over actuators.
        time: For every step: as much as posture earns in it, so that never arriving does not pay.
        carried: Once, when it has been carried to the stand.
        kneeling: On the way down at the stand, in all.
        delivered: Once, when it rests there.
        failure: Once, on a fall, a dropped parcel, or where the physics diverges.
    """

    velocity: float = 0.8
    turning: float = 0.9
    fitting: float = 0.5
    upright: float = 0.0005
    parcel: float = 0.001
    contact: float = 0.001
    change: float = -0.001
    effort: float = -0.001
    time: float = -0.0025
    carried: float = 0.25
    kneeling: float = 0.25
    delivered: float = 1.0
    failure: float = -1.0

    def moving(
        self, told: Sequence[float], drift: Sequence[float], bearing: tuple[float, float]
    ) -> float:
        """For moving as told, per second; moving otherwise, or too fast, costs as much.

        To be told to step back costs what coming again earns, so that who does so over and over
        earns nothing by it.

        Args:
            told: Commanded speed forward and to the left, m/s, and yaw rate, rad/s.
            drift: The same as they are.
            bearing: Of the stand, a unit vector forward and to the left.
        """
        speed, aside, turn = told
        vx, vy, yaw_rate = drift
        nearer = speed * bearing[0] + aside * bearing[1]
        gone = nearer - math.hypot(vx - speed, vy - aside)
        turned = abs(turn) - abs(yaw_rate - turn)
        return self.velocity * gone + self.turning * turned

    def steady(self, tilt: float, parcel_tilt: float, slid: float) -> float:
        """For how trunk and parcel are held, per step.

        Args:
            tilt: Of the trunk, rad.
            parcel_tilt: Of the parcel, rad.
            slid: How far the parcel is from where it was laid, in lengths of the cradle.
        """
        level = math.exp(-((parcel_tilt / STEADY) ** 2) - (slid / SLID) ** 2)
        return self.upright * math.exp(-((tilt / STEADY) ** 2)) + self.parcel * level
