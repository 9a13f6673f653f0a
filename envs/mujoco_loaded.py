"""What MuJoCo made of a robot's file."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from envs.loaded import Loaded, LoadedJoint, LoadedLink
from envs.mjcf import ROBOT, World


def loaded(model: mujoco.MjModel, world: World) -> Loaded:
    """See `envs.simulator.Simulator.loaded`.

    Args:
        model: The model, as loaded.
        world: What it was made from.
    """
    links = {}
    for name in world.urdf.links:
        body = model.body(ROBOT + name)
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, body.iquat)
        axes = turn.reshape(3, 3)
        inertia = axes @ np.diag(body.inertia) @ axes.T
        links[name] = LoadedLink(
            float(body.mass[0]), body.ipos.copy(), inertia, int(body.geomnum[0])
        )
    joints = {}
    for name, joint in world.urdf.joints.items():
        if joint.kind != "fixed":
            found = model.joint(ROBOT + name)
            low, high = found.range.tolist() if found.limited[0] else (-math.inf, math.inf)
            joints[name] = LoadedJoint(found.axis.copy(), low, high)
    scripted = model.body_mocapid[model.geom_bodyid] >= 0
    bumps = frozenset(
        model.body(model.geom_bodyid[one]).name.removeprefix(ROBOT)
        for one, other in zip(model.pair_geom1, model.pair_geom2, strict=True)
        if scripted[other] and model.body(model.geom_bodyid[one]).name.startswith(ROBOT)
    )
    return Loaded(links, joints, bumps)
