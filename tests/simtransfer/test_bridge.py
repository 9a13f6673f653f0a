"""Two engines: what a policy keeps, and where worlds part."""

import json
import math
from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import find_robot, make_environment
from envs.interface import Feature
from simtransfer.bridge.cells import Episodes
from simtransfer.bridge.divergence import APART, EARLY, LASTING, diverge
from simtransfer.bridge.files import write_bridge
from simtransfer.bridge.findings import Course, crossing, find
from simtransfer.bridge.matrix import Cell, MatrixRow
from simtransfer.bridge.passage import Passage, compare
from simtransfer.bridge.policies import ENGINES, Row
from simtransfer.bridge.recording import Recording, play, replay
from simtransfer.bridge.retention import Kept, is_kept, retention
from simtransfer.deployment import Deployment
from simtransfer.statistics import Interval

pytest.importorskip("mujoco")


def outcomes(both, only_away, only_home, neither):
    away = [True] * (both + only_away) + [False] * (only_home + neither)
    home = [True] * both + [False] * only_away + [True] * only_home + [False] * neither
    return np.asarray([away]), np.asarray([home])


# What is kept


def test_the_interval_is_the_published_one():
    """Bonett and Price's formula on two published tables, worked out by hand."""

    def by_hand(a, b, c):
        n, first, second = a + b + c, a + b, a + c
        apart = math.sqrt((b + c + 2) / ((first + 1) * (second + 1)))
        spread = [math.sqrt((1 - (k + 1) / (n + 2)) / (k + 1)) for k in (first, second)]
        z = 1.959964 * apart / sum(spread)

        def ends(k):
            reach = z * math.sqrt(z * z + 4 * k * (1 - k / n))
            return [(2 * k + z * z + s * reach) / (2 * (n + z * z)) for s in (-1, 1)]

        (low, high), (below, above) = ends(first), ends(second)
        return low / above, high / below

    for a, b, c, d in ((1, 1, 7, 12), (59, 6, 16, 80)):  # Bentur 2009, Cavo 2012
        kept = retention(*outcomes(a, b, c, d))
        assert kept.estimate == pytest.approx((a + b) / (a + c))
        assert (kept.low, kept.high) == pytest.approx(by_hand(a, b, c), rel=1e-5)


@given(st.tuples(*[st.integers(0, 60)] * 4).filter(lambda counts: counts[0] + counts[2] > 0))
def test_an_interval_holds_its_estimate_and_turned_round_is_the_inverse(counts):
    away, home = outcomes(*counts)
    kept = retention(away, home)
    assert 0.0 <= kept.low <= kept.estimate <= kept.high
    if away.any():
        turned = retention(home, away)
        assert turned.low == pytest.approx(1.0 / kept.high)
        assert turned.high == pytest.approx(1.0 / kept.low)


@pytest.mark.parametrize(("home", "away"), [(0.95, 0.95), (0.9, 0.8), (0.5, 0.45), (0.99, 0.9)])
def test_nineteen_of_twenty_intervals_hold_the_truth(home, away):
    """On 200 episodes whose difficulty both engines share, as the same episodes do."""
    rng, held, repeats = np.random.default_rng(0), 0, 1500
    for _ in range(repeats):
        luck = rng.random(200)
        shared = rng.random(200) < 0.5
        other = np.where(shared, luck, rng.random(200))
        kept = retention(other[None] < away, luck[None] < home)
        held += kept.low <= away / home <= kept.high
    assert 0.93 <= held / repeats <= 0.985


def test_all_successes_of_few_episodes_prove_little():
    few, many = (retention(*outcomes(n, 0, 0, 0)) for n in (5, 200))
    assert few.estimate == many.estimate == 1.0
    assert few.low < 0.85 < 0.98 < many.low < 1.0
    assert (is_kept(few), is_kept(many)) == (Kept.OPEN, Kept.YES)


def test_without_success_there_is_nothing_to_keep_or_nothing_kept():
    nothing = retention(*outcomes(0, 3, 0, 7))
    assert all(math.isnan(v) for v in (nothing.estimate, nothing.low, nothing.high))
    assert is_kept(nothing) is Kept.UNDEFINED
    lost = retention(*outcomes(0, 0, 50, 0))
    assert (lost.estimate, lost.low) == (0.0, 0.0)
    assert 0.0 < lost.high < 0.2
    assert is_kept(lost) is Kept.NO


def test_seeds_that_agree_are_no_more_episodes():
    away, home = outcomes(30, 2, 5, 3)
    one, five = retention(away, home), retention(away.repeat(5, axis=0), home.repeat(5, axis=0))
    assert (one.low, one.high) == pytest.approx((five.low, five.high))


# Where worlds part

FEATURES = (
    Feature("joint/knee/position", "rad", -1.0, 1.0),
    Feature("base/height", "m", 0.0, 2.0, "privileged"),
)


def made(readings):
    readings = np.asarray(readings, dtype=float)
    steps = len(readings) - 1
    return Recording(FEATURES, readings, ("a",), np.zeros((steps, 1), np.float32), True, False)


def waving(steps=60):
    phase = np.arange(steps)
    return np.stack([0.5 * np.sin(0.3 * phase), 1.0 + 0.0 * phase], axis=1)


@given(st.integers(0, 59 - LASTING), st.sampled_from([0, 1]), st.floats(1.1, 50.0))
def test_what_begins_to_differ_is_named_with_its_step(step, column, distance):
    reference = made(waving())
    units = diverge(reference, reference).units
    other = waving()
    other[step:, column] += distance * units[column]
    (onset,) = diverge(reference, made(other)).onsets
    assert (onset.feature, onset.step) == (FEATURES[column], step)
    assert onset.size == pytest.approx(distance)


def test_what_is_apart_for_a_moment_or_a_little_does_not_diverge():
    reference = made(waving())
    units = diverge(reference, reference).units
    blip, little = waving(), waving()
    blip[20 : 20 + LASTING - 1, 0] += 10.0 * units[0]
    little += 0.9 * APART * units
    assert not diverge(reference, made(blip)).onsets
    assert not diverge(reference, made(little)).onsets


def test_what_is_not_a_number_is_as_far_away_as_can_be():
    other = waving()
    other[7:, 1] = np.nan
    (onset,) = diverge(made(waving()), made(other)).onsets
    assert (onset.step, onset.size) == (7, math.inf)


def test_only_a_joint_that_is_elsewhere_at_once_is_misplaced():
    for step, column, misplaced in ((0, 0, 1), (EARLY, 0, 1), (EARLY + 1, 0, 0), (0, 1, 0)):
        other = waving()
        other[step:, column] += 0.5
        assert len(diverge(made(waving()), made(other)).misplaced) == misplaced


def swapped(robot, pair):
    """Two actuators' places in a description, each now called what the other is."""
    actuators = list(robot.actuators)
    i, j = ([a.role for a in actuators].index(role) for role in pair)
    first, second = actuators[i], actuators[j]
    actuators[i] = replace(first, role=second.role)
    actuators[j] = replace(second, role=first.role)
    return replace(robot, actuators=tuple(actuators))


@pytest.fixture(scope="module")
def porter():
    return Deployment("porter-parcel", randomization="none")


def passage_of(porter, robot, steps=24, away="mujoco"):
    options = {"privileged": True, "randomization": "none", "simulator": away}
    with (
        closing(porter.make(privileged=True)) as here,
        closing(make_environment("parcel", robot, **options)) as there,
    ):
        return compare("porter", ("pybullet", here), (away, there), porter.act, "mixed", 0, steps)


def report_of(passage, porter, folder):
    """A report of a passage, with episodes that are made up."""
    row = Row("porter", "pybullet", porter.robot, (porter.bundle,))
    episodes = Episodes(("mixed",), 4, 0, "nominal")
    table = pd.DataFrame({"success": [True, True, False, True], "length": [800, 700, 500, 600]})
    cells = {(porter.bundle.digest, engine, "mixed"): table for engine in ENGINES}
    found = find("porter", [row], cells, episodes, [passage], "made up", {"numpy": "2"})
    return found, write_bridge(found, folder)


def test_two_joints_that_are_swapped_are_named(porter, tmp_path):
    pair = ("left_ankle_pitch", "left_ankle_roll")
    passage = passage_of(porter, swapped(porter.robot, pair))
    found, files = report_of(passage, porter, tmp_path)
    assert found.crossings[0].course is Course.AT_ONCE
    early = [onset for onset in passage.replay_divergence.misplaced if onset.step == 0]
    assert {onset.feature.name for onset in early} == {f"joint/{role}/position" for role in pair}
    assert passage.closed_divergence.onsets[0].feature.name in {o.feature.name for o in early}
    page = files.page.read_text()
    for role in pair:
        assert f"joint/{role}/position" in found.crossings[0].sentence
        assert f"joint/{role}/position" in page
    assert "swapped joint order, a sign" in page


def test_in_the_same_order_no_joint_is_misplaced(porter, tmp_path):
    passage = passage_of(porter, porter.robot)
    found, files = report_of(passage, porter, tmp_path)
    assert found.crossings[0].course is Course.GRADUALLY
    assert not passage.replay_divergence.misplaced
    assert passage.replay_divergence.onsets  # engines differ all the same
    page = files.page.read_text()
    assert "no sign of a swapped joint order" in page
    assert "<script" not in page
    assert 'src="data:image/png;base64,' in page
    summary = json.loads(files.summary.read_text())
    assert summary["divergence"][0]["replay"]["first"]["observation"] in page
    table = pd.read_parquet(tmp_path / "divergence-0.parquet")
    assert set(table["driven_by"]) == {"policy", "replay"}
    assert {f.name for f in passage.reference.features} < set(table.columns)


def test_in_one_engine_a_replay_is_the_episode_to_the_bit(porter):
    passage = passage_of(porter, porter.robot, away="pybullet")
    np.testing.assert_array_equal(passage.replayed.readings, passage.reference.readings)
    assert crossing(passage, report_row(800.0, 800.0)).course is Course.NEVER


def report_row(home, away):
    found = Interval(1.0, 0.9, 1.0)
    cells = (Cell("pybullet", found, home), Cell("mujoco", found, away))
    return MatrixRow("porter", "pybullet", "mixed", 1, 10, cells, found, Kept.YES)


def test_episodes_that_end_at_once_everywhere_are_told_of():
    reference, short = made(waving(400)), made(waving(30))
    passage = Passage(
        "porter", "pybullet", "mujoco", 40.0, "mixed", 0, reference, closed=short, replayed=short
    )
    assert crossing(passage, report_row(400.0, 30.0)).course is Course.CUT_SHORT
    assert crossing(passage, report_row(400.0, 390.0)).course is Course.NEVER


@pytest.mark.parametrize("name", ["porter", "courier"])
def test_swapped_hip_rolls_are_named_though_nothing_is_misplaced(name):
    """They stand alike, so that who is swapped falls before a joint is elsewhere."""
    robot = find_robot(name)
    pair = [f"{side}_hip_roll" for side in ("left", "right")]
    joints = {a.role: a.joints for a in robot.actuators}
    other = {pair[0]: joints[pair[1]], pair[1]: joints[pair[0]]}
    swapped = replace(
        robot,
        actuators=tuple(replace(a, joints=other.get(a.role, a.joints)) for a in robot.actuators),
    )
    with (
        closing(make_environment("parcel", robot, privileged=True)) as here,
        closing(make_environment("parcel", swapped, privileged=True, simulator="mujoco")) as there,
    ):
        still = np.zeros((1, len(robot.actuators)), np.float32)
        passage = compare(
            name, ("pybullet", here), ("mujoco", there), lambda _: still, "mixed", 0, 200
        )
    found = crossing(passage, report_row(400.0, float(passage.closed.steps)))
    assert found.course is Course.CUT_SHORT
    assert "the first to diverge is" in found.sentence
    assert "left_hip_roll" in found.sentence


def test_actions_go_by_name(porter):
    """Actuators listed in another order, each called what it is, are the same robot."""
    turned = replace(porter.robot, actuators=porter.robot.actuators[::-1])
    options = {"privileged": True, "randomization": "none"}
    reads = [f.name for f in porter.make().interface.observation]
    with (
        closing(porter.make(privileged=True)) as here,
        closing(make_environment("parcel", turned, **options)) as there,
    ):
        first = play(here, porter.act, reads, "mixed", 1, 8)
        second = replay(there, first, "mixed", 1)
    assert not diverge(first, second).misplaced
    np.testing.assert_array_equal(first.actions, second.actions[:, ::-1])
