import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.randomization import RANDOMIZATIONS, Samples, Term
from simtransfer.run import CHECKPOINT, Run
from simtransfer.run_config import RunConfig
from simtransfer.schedule import KINDS, Schedule
from tests.simtransfer.test_run import SMALL

TERMS = (
    Term("friction", "reset", "scale", 0.4, 1.2),
    Term("lidar_noise", "reset", "set", 0.0, 0.1),
    Term("lidar_yaw", "load", "add", -2.0, 2.0),
    Samples(("mass", "motor_strength"), ((1.0, 1.0), (1.2, 0.9))),
)
AUTOMATIC = Schedule("automatic", episodes=2, move=0.25)


def ends(ranges, step=0):
    return [(t.low, t.high) for t in ranges.drawn(step)[0] if isinstance(t, Term)]


def play(ranges, place, high, success, episodes):
    """Episodes held at one end as it is now."""
    probes = ranges.drawn(0)[1]
    probe = next(p for p in probes if (p.place, p.high) == (place, high))
    for _ in range(episodes):
        ranges.tell({"is_success": success, "probe": probe})


def test_a_fixed_schedule_is_the_terms_as_they_are():
    assert Schedule().begin(TERMS, 1000).drawn(0) == (TERMS, (), 0.0)


def test_a_curriculum_grows_from_nothing_to_all_by_when_it_says():
    ranges = Schedule("curriculum", until=0.5).begin(TERMS, 1000)
    assert ends(ranges, 0) == [(1.0, 1.0), (0.0, 0.0), (0.0, 0.0)]
    assert ends(ranges, 250)[0] == pytest.approx((0.7, 1.1))
    assert ends(ranges, 500) == ends(ranges, 900) == [(0.4, 1.2), (0.0, 0.1), (-2.0, 2.0)]


def test_automatic_begins_without_and_moves_only_the_end_that_was_probed():
    ranges = AUTOMATIC.begin(TERMS, 1000)
    assert ends(ranges) == [(1.0, 1.0), (0.0, 0.0), (0.0, 0.0)]
    play(ranges, 0, False, True, episodes=1)
    assert ends(ranges)[0] == (1.0, 1.0)  # one of two
    play(ranges, 0, False, True, episodes=1)
    assert ends(ranges) == [(pytest.approx(0.85), 1.0), (0.0, 0.0), (0.0, 0.0)]


def test_automatic_moves_in_where_the_policy_does_badly_and_stays_between():
    ranges = replace(AUTOMATIC, badly=0.4).begin(TERMS, 1000)
    for _ in range(2):
        play(ranges, 2, True, True, episodes=2)
    assert ends(ranges)[2] == (0.0, pytest.approx(1.0))
    for success in (True, False):  # half: neither well nor badly
        play(ranges, 2, True, success, episodes=1)
    assert ends(ranges)[2] == (0.0, pytest.approx(1.0))
    play(ranges, 2, True, False, episodes=2)
    assert ends(ranges)[2] == (0.0, pytest.approx(0.5))


def test_what_has_no_end_to_move_is_never_probed():
    probed = {(p.place, p.high) for p in AUTOMATIC.begin(TERMS, 1000).drawn(0)[1]}
    assert probed == {(0, False), (0, True), (1, True), (2, False), (2, True)}


def test_an_episode_that_began_before_its_end_moved_tells_nothing():
    ranges = AUTOMATIC.begin(TERMS, 1000)
    old = next(p for p in ranges.drawn(0)[1] if (p.place, p.high) == (0, False))
    play(ranges, 0, False, True, episodes=2)
    moved = ranges.shares(0)
    for _ in range(4):
        ranges.tell({"is_success": False, "probe": old})
    assert np.array_equal(ranges.shares(0), moved)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=80))
def test_ends_stay_within_the_whole_range_and_state_goes_round(episodes):
    ranges = AUTOMATIC.begin(TERMS, 1000)
    for end, success in episodes:
        ranges.tell({"is_success": success, "probe": ranges.drawn(0)[1][end]})
    for now, whole in zip(ranges.drawn(0)[0], TERMS, strict=True):
        if isinstance(now, Term):
            assert whole.low <= now.low <= now.neutral <= now.high <= whole.high
    other = AUTOMATIC.begin(TERMS, 1000)
    other.restore(ranges.state())
    assert other.drawn(0) == ranges.drawn(0)
    for both in (ranges, other):
        both.tell({"is_success": True, "probe": both.drawn(0)[1][0]})
    assert other.drawn(0) == ranges.drawn(0)


def test_a_measure_that_the_task_does_not_tell_is_refused():
    ranges = replace(AUTOMATIC, measure="carryed").begin(TERMS, 1000)
    with pytest.raises(ValueError, match="did you mean 'carried'"):
        ranges.tell({"is_success": False, "carried": True})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "automatc"}, "did you mean 'automatic'"),
        ({"until": 0.0}, "schedule.until"),
        ({"move": float("nan")}, "schedule.move"),
        ({"probability": 1.5}, "schedule.probability"),
        ({"episodes": 0}, "schedule.episodes"),
        ({"badly": 0.9}, "schedule.badly"),
    ],
)
def test_schedules_that_move_nothing_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        Schedule(**change)


@pytest.mark.parametrize("terms", RANDOMIZATIONS.values(), ids=RANDOMIZATIONS)
def test_every_set_can_be_drawn_from_under_every_schedule(terms):
    """What is drawn lies in the whole range; it begins as nothing and may grow to all of it."""

    def ends(term):
        neutral = {parameter: term.made(term.neutral) for parameter in term.names}
        whole = sorted((term.made(term.low), term.made(term.high)))
        return neutral, *(dict.fromkeys(term.names, end) for end in whole)

    for kind in KINDS:
        rng = np.random.default_rng(0)
        for step in (0, 100, 1000):
            drawn = Schedule(kind).begin(terms, 1000).drawn(step)[0]
            for whole, term in zip(terms, drawn, strict=True):
                neutral, low, high = ends(whole)
                values = [term.values(rng) for _ in range(20)]
                assert all(value.keys() == low.keys() for value in values)
                for name in whole.names:
                    some = [value[name] for value in values]
                    if whole.distribution != "normal":  # which has tails
                        assert low[name] - 1e-12 <= min(some) <= max(some) <= high[name] + 1e-12
                    if kind != "fixed" and step == 0:  # it begins without any randomization
                        assert some == pytest.approx([neutral[name]] * 20)
                    elif kind != "automatic":  # which grows by what it is told alone
                        assert max(some) > min(some)


def test_where_nothing_is_drawn_no_range_can_move():
    with pytest.raises(ValueError, match="has no range to move in randomization 'none'"):
        RunConfig(randomization="none", schedule=Schedule("automatic"))


EASY = replace(
    SMALL, steps=1024, schedule=Schedule("automatic", episodes=1, well=0.01, badly=0.0, move=0.5)
)


def ranges_of(folder):
    return pd.read_parquet(folder / "ranges.parquet")


def test_a_run_probes_ends_and_writes_down_what_it_drew_from(tmp_path):
    Run(replace(EASY, schedule=replace(EASY.schedule, measure="off_road")), tmp_path).execute()
    table = ranges_of(tmp_path)
    assert sorted(table["step"].unique()) == list(range(0, 1025, 128))
    first, last = (table[table["step"] == step] for step in (0, 1024))
    assert (first["high"] - first["low"] == 0.0).all()
    assert (last["high"] - last["low"]).sum() > 0.0
    assert (table["low"] >= table["lowest"]).all()
    assert (table["high"] <= table["highest"]).all()


def test_a_killed_automatic_run_ends_as_one_that_was_not(tmp_path, monkeypatch):
    config = replace(EASY, schedule=replace(EASY.schedule, measure="off_road"))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    Run(config, whole, workers=2).execute()
    run = Run(config, killed)
    monkeypatch.setattr(run, "_evaluate", dying(run._evaluate, 5))
    with pytest.raises(KeyboardInterrupt):
        run.execute()
    assert (killed / CHECKPOINT).exists()
    Run(config, killed).execute()
    assert ranges_of(whole).equals(ranges_of(killed))
    curves = [
        pd.read_parquet(f / "curve.parquet").drop(columns="wall_seconds") for f in (whole, killed)
    ]
    assert curves[0].equals(curves[1])


def dying(evaluate, segment):
    def until(now):
        if now == segment:
            raise KeyboardInterrupt
        evaluate(now)

    return until


def test_a_record_from_before_there_were_schedules_is_a_fixed_one(tmp_path):
    Run(SMALL, tmp_path).execute()
    assert not (tmp_path / "ranges.parquet").exists()
    record = json.loads((tmp_path / "config.json").read_text())
    del record["schedule"]
    (tmp_path / "config.json").write_text(json.dumps(record))
    (tmp_path / "checksums.json").unlink()  # there were none either
    assert Run(SMALL, tmp_path).is_done()
    assert RunConfig().schedule.kind == "fixed"


def test_what_is_kept_of_a_run_does_not_grow_with_the_episodes_that_are_waited_for():
    schedule = Schedule("automatic", episodes=10**12)
    ranges = schedule.begin((Term("mass", "reset", "scale", 0.5, 2.0),), 100)
    probe = ranges.drawn(0)[1][0]
    for success in (True, False, True):
        ranges.tell({"is_success": success, "probe": probe})
    again = schedule.begin(ranges.terms, 100)
    again.restore(ranges.state())
    assert sum(tensor.numel() for tensor in ranges.state().values()) < 100
    assert again._seen == ranges._seen == [[[1.0, 0.0, 1.0], []]]
