"""The parcel world with a reference that was not tuned for it."""

from __future__ import annotations

from envs.parcel.task import Parcel


class Detuned(Parcel):
    """`Parcel` with half of each reflex: left to themselves, most robots fall.

    What tuned reflexes do by themselves a policy need not learn, and nobody can see what learning,
    or a teacher, is worth. Here the other half of keeping upright is the policy's.

    A stand farther than three legs is seen to be three legs off: the way there is the pilot's, and
    for a small robot the same metres are more legs than a large one has ever seen.
    """

    name = "parcel-detuned"
    reflexes = 0.5
    smoothing = 0.3
    far = 3.0
