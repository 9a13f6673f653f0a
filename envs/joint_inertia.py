"""How hard a joint is to turn."""

from __future__ import annotations

import numpy as np

from envs.urdf import Urdf


def joint_inertia(urdf: Urdf, joint: str) -> float:
    """Inertia of all that a joint carries about its axis, kg·m² (kg if it is prismatic).

    That is the joint's diagonal entry of the mass matrix, with all joints at zero.

    Args:
        urdf: The robot.
        joint: The joint's name.
    """
    axis = urdf.axis(joint) / np.linalg.norm(urdf.axis(joint))
    total = 0.0
    waiting = [urdf.joints[joint].child]
    while waiting:
        name = waiting.pop()
        waiting += [other.child for other in urdf.joints.values() if other.parent == name]
        link, pose = urdf.links[name], urdf.poses[name]
        if urdf.joints[joint].kind == "prismatic":
            total += link.mass
            continue
        arm = np.cross(axis, pose[:3, :3] @ link.center + pose[:3, 3] - urdf.place(joint))
        turned = pose[:3, :3].T @ axis
        total += link.mass * float(arm @ arm) + float(turned @ link.inertia @ turned)
    return total
