import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtransfer.plan import PLANS, Schedule, TransferPlan, constant, find_plan, name_plan


def test_a_schedule_is_linear_between_points_and_constant_outside():
    schedule = Schedule(((0.1, 1.0), (0.3, 0.0)))
    values = [schedule.at(fraction) for fraction in (0.0, 0.1, 0.2, 0.3, 1.0)]
    assert values == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6, unique=True).map(sorted),
    st.floats(0.0, 1.0),
)
def test_a_schedule_stays_within_its_values(fractions, asked):
    schedule = Schedule(tuple((place, float(i % 3)) for i, place in enumerate(fractions)))
    values = [value for _, value in schedule.points]
    assert min(values) <= schedule.at(asked) <= max(values)


@pytest.mark.parametrize("points", [(), ((0.5, 1.0), (0.5, 0.0)), ((0.9, 1.0), (0.3, 0.0))])
def test_disorder_is_refused(points):
    with pytest.raises(ValueError, match="rising fractions"):
        Schedule(points)


@pytest.mark.parametrize("place", [20_000, 1.01, -0.1, float("nan")])
def test_environment_steps_are_no_fractions_of_a_budget(place):
    with pytest.raises(ValueError, match="fractions of the run's budget, from 0 to 1"):
        Schedule(((place, 1.0),))


def test_shipped_schedules_are_over_when_the_run_is():
    for plan in PLANS.values():
        for schedule in (plan.imitation, plan.teacher_control):
            assert not schedule.changes or schedule.at(1.0) == 0.0
    assert {name for name, plan in PLANS.items() if plan.changes} == {
        "dagger",
        "kickstart",
        "reuse_kickstart",
    }


def test_a_plan_is_called_what_it_is_called_in_the_table():
    own = TransferPlan("a plan of my own", imitation=constant(0.5))
    assert [name_plan(plan) for plan in PLANS.values()] == list(PLANS)
    assert name_plan(own) == "custom"
    assert name_plan(own, "mine") == "mine"
    for plan, called in ((own, "kickstart"), (PLANS["finetune"], "kickstart")):
        with pytest.raises(ValueError, match="method 'kickstart' is not the plan given"):
            name_plan(plan, called)


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
