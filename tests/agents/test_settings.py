from dataclasses import fields
from typing import get_type_hints

import pytest

from agents.settings import TUNED, PPOChanges, PPOSettings, settle
from envs import tasks


def test_every_field_can_be_changed():
    assert get_type_hints(PPOChanges) == get_type_hints(PPOSettings)


def test_a_task_has_its_own_and_what_is_not_named_stays():
    assert settle("driving", {}) == PPOSettings()
    assert settle("parcel", {}) == TUNED["parcel"]
    changed = settle("parcel", {"entropy": 0.02})
    same = [f.name for f in fields(changed) if f.name != "entropy"]
    assert changed.entropy == 0.02
    assert all(getattr(changed, name) == getattr(TUNED["parcel"], name) for name in same)


def test_a_value_can_be_put_back_to_the_common_default():
    common = PPOSettings()
    assert settle("parcel", {"exploration": common.exploration}).exploration == common.exploration


def test_only_tasks_that_there_are_have_their_own():
    assert set(TUNED) <= set(tasks())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"entropi": 0.1}, "unknown field of ppo 'entropi'; did you mean 'entropy'"),
        ({"entropy": -1.0}, "ppo.entropy must not be negative"),
    ],
)
def test_what_cannot_be_changed_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        settle("driving", changes)


def test_help_tells_every_default():
    for field in fields(PPOSettings):
        assert f"{field.name}: " in PPOChanges.__doc__
    assert (
        "entropy: Weight of the entropy bonus. Default: 0.01, parcel 0.0, parcel-detuned 0.0."
        in PPOChanges.__doc__
    )
