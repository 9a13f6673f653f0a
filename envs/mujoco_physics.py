"""What is randomized about a MuJoCo world's physics: what a value of each parameter is given to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import mujoco

from envs.gravity import Gravity
from envs.pd_motors import GAINS, PdMotors
from envs.wrench import WRENCH, Wrench

SOFT = 0.02  # s, the engine's own time of contacts
HARD = 0.999, 0.9999  # shares of what a constraint asks for that it gets
SLIDING, SPINNING, ROLLING = slice(0, 2), slice(2, 3), slice(3, 5)  # of a pair's frictions


class Physics:
    """A model's physical parameters; see `envs.simulator.Simulator.vary`.

    Args:
        model: The model, as loaded.
        scratch: Data that nobody needs.
        motors: Its springs and dampers.
        links: Numbers of the robot's links, the base's first.
        turned: Of the degrees of freedom that the motors turn, in their order.
        frictions: Of all pairs, by place, as loaded.
        soles: Which pairs are of a sole and what it may touch.
        grounded: Where that is the ground.

    Attributes:
        gravity: As it is now.
        wrench: What pulls and turns the robot's base from outside.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        scratch: mujoco.MjData,
        motors: PdMotors,
        *,
        links: Sequence[int],
        turned: Sequence[int],
        frictions: Sequence[float],
        soles: Sequence[int],
        grounded: Sequence[int],
    ) -> None:
        self.gravity = Gravity()
        self._model, self._scratch, self._motors = model, scratch, motors
        self._links, self._turned = list(links), list(turned)
        self._frictions, self._soles, self._grounded = list(frictions), set(soles), set(grounded)
        self._grip, self._rough = 1.0, [1.0] * len(frictions)
        self._mass, self._inertia = model.body_mass.copy(), model.body_inertia.copy()
        self.wrench = Wrench(float(self._mass[self._links].sum()))
        self._armature = model.dof_armature.copy()
        self._ways: dict[str, Callable[[float], None]] = {
            "friction": self._scale_friction,
            "spinning_friction": partial(self._resist, SPINNING),
            "rolling_friction": partial(self._resist, ROLLING),
            "restitution": self._bounce,
            "mass": self._scale_mass,
            "armature": self._scale_armature,
            "joint_damping": self._damp,
            "joint_friction": self._rub,
            **{name: partial(self.wrench.set, name) for name in WRENCH},
            **{name: partial(motors.vary, name) for name in GAINS},
            **{name: partial(self._fall, name) for name in ("gravity", "slope_x", "slope_y")},
        }

    def vary(self, parameter: str, value: float) -> None:
        """See `envs.simulator.Simulator.vary`."""
        self._ways[parameter](value)

    def _fall(self, parameter: str, value: float) -> None:
        self.gravity = replace(self.gravity, **{parameter: value})
        self._model.opt.gravity[:] = self.gravity.acceleration

    def _scale_mass(self, factor: float) -> None:
        self._model.body_mass[self._links] = factor * self._mass[self._links]
        self._model.body_inertia[self._links] = factor * self._inertia[self._links]
        mujoco.mj_setConst(self._model, self._scratch)

    def _scale_armature(self, factor: float) -> None:
        self._model.dof_armature[:] = factor * self._armature
        mujoco.mj_setConst(self._model, self._scratch)

    def _scale_friction(self, factor: float) -> None:
        self._grip = factor
        for pair in self._soles:
            self.roughen(pair, self._rough[pair])

    def roughen(self, pair: int, factor: float) -> None:
        """Multiply a pair's friction as loaded; that of a sole goes with the soles', too."""
        self._rough[pair] = factor
        grip = self._grip if pair in self._soles else 1.0
        self._model.pair_friction[pair, SLIDING] = grip * factor * self._frictions[pair]

    def _resist(self, axes: slice, friction: float) -> None:
        """Against spinning or rolling; the engine is told how many axes there are."""
        model = self._model
        for pair in self._soles:
            model.pair_friction[pair, axes] = friction
            model.pair_dim[pair] = 6 if model.pair_friction[pair, 2:].any() else 3

    def _bounce(self, restitution: float) -> None:
        """A contact is a spring, whose damping leaves so much of the speed of a hit."""
        damping = 1.0
        if restitution > 0.0:
            decay = -math.log(restitution)
            damping = decay / math.hypot(math.pi, decay)
        # The less it is damped the stiffer it would be, up to more than a step can follow.
        time = max(SOFT, 2.0 * self._model.opt.timestep / damping)
        for pair in self._grounded:
            self._model.pair_solref[pair] = time, damping

    def _damp(self, share: float) -> None:
        for place, (torque, rate) in zip(self._turned, self._motors.limits, strict=True):
            self._model.dof_damping[place] = share * torque / rate

    def _rub(self, share: float) -> None:
        for place, (torque, _) in zip(self._turned, self._motors.limits, strict=True):
            self._model.dof_frictionloss[place] = share * torque
            self._model.dof_solimp[place, :2] = HARD  # or what holds a joint lets it creep
