"""Inertias that a rigid body can have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from envs.urdf import Link

TRIANGLE = 1e-2  # excess, as a fraction, that comes of rounding in published files
# Of the largest moment: engines find principal axes by iteration, so that what is exactly at the
# limit, as a thin plate is, would be beyond it to them.
SPARE = 1e-5
SMALLEST = 1e-12  # kg and kg·m²; engines refuse less


def inertia_flaw(link: Link) -> str:
    """Say why a link, with all that is fixed to it, cannot move as a rigid body; empty if it can.

    The moments of inertia of a body obey the triangle inequality: none exceeds the sum of the
    others.
    """
    where = f"link {link.name!r}"
    if not link.mass > SMALLEST:
        return f"{where} moves but has no mass; give it an <inertial>"
    moments = np.linalg.eigvalsh(link.inertia)
    if not link.inertia.any():
        return f"{where} moves and weighs {link.mass:g} kg but has no inertia; give it an <inertia>"
    if not moments[0] > SMALLEST:
        return (
            f"{where}: inertia has a moment of {moments[0]:.3g} kg·m²; "
            f"all principal moments must be positive (above {SMALLEST:g})"
        )
    others = moments[0] + moments[1]
    if moments[2] > others * (1.0 + TRIANGLE):
        return (
            f"{where}: the inertia's largest moment {moments[2]:.3g} kg·m² exceeds "
            f"the sum {others:.3g} of the others, which no body has"
        )
    return ""


def balanced(link: Link) -> Link:
    """The link with the nearest inertia that obeys the triangle inequality.

    Published inertias are rounded. PyBullet sets one that breaks the inequality to zero, MuJoCo
    refuses it. What obeys it is returned as it is.
    """
    moments, axes = np.linalg.eigh(link.inertia)
    diagonal = not (link.inertia - np.diag(np.diag(link.inertia))).any()
    spare = SPARE * moments[2]
    excess = moments[2] - moments[0] - moments[1]
    if excess <= (0.0 if diagonal else -spare):
        return link
    third = (excess + spare) / 3.0
    nearest = moments + np.asarray([third, third, -third])
    inertia = axes @ np.diag(nearest) @ axes.T
    return replace(link, inertia=0.5 * (inertia + inertia.T))
