import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtransfer.plan import PLANS, Schedule, TransferPlan, constant, find_plan


def test_a_schedule_is_linear_between_points_and_constant_outside():
    schedule = Schedule(((100, 1.0), (200, 0.0)))
    assert [schedule.at(step) for step in (0, 100, 150, 200, 10**9)] == [1.0, 1.0, 0.5, 0.0, 0.0]


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=6, unique=True).map(sorted),
    st.integers(0, 2 * 10**6),
)
def test_a_schedule_stays_within_its_values(steps, asked):
    schedule = Schedule(tuple((step, float(i % 3)) for i, step in enumerate(steps)))
    values = [value for _, value in schedule.points]
    assert min(values) <= schedule.at(asked) <= max(values)


@pytest.mark.parametrize("points", [(), ((5, 1.0), (5, 0.0)), ((9, 1.0), (3, 0.0))])
def test_disorder_is_refused(points):
    with pytest.raises(ValueError, match="rising steps"):
        Schedule(points)


def test_the_teacher_cannot_drive_while_the_students_actions_are_reinforced():
    with pytest.raises(ValueError, match="reinforcement must wait"):
        TransferPlan("x", teacher_control=constant(0.5), reinforcement=constant(1.0))


@pytest.mark.parametrize(
    "figures",
    [
        {"exploration": 0.0},
        {"exploration": float("nan")},
        {"imitation": constant(-1.0)},
        {"reinforcement": constant(float("inf"))},
    ],
)
def test_figures_that_nothing_can_be_trained_with_are_refused(figures):
    with pytest.raises(ValueError, match=f"transfer plan: {next(iter(figures))} must"):
        TransferPlan("x", **figures)


def test_an_unknown_method_is_told_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'kickstart'"):
        find_plan("kikstart")


def test_the_table_has_the_methods_of_the_literature():
    assert set(PLANS) >= {
        "scratch",
        "zero_shot",
        "finetune",
        "frozen",
        "last_layer",
        "distill",
        "dagger",
        "kickstart",
        "reuse_kickstart",
    }
    assert [name for name, plan in PLANS.items() if not plan.needs_teacher] == ["scratch"]
