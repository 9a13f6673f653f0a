import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agents.bundle import shipped_bundles
from envs.randomization import RANDOMIZATIONS
from envs.randomization_file import as_toml, find_randomization
from experiments.bridge import (
    JUDGED,
    LEFT_OUT_OF,
    WITHOUT,
    WORLDS,
    Bridge,
    draw,
    gains,
    judge,
    kinds,
    rank,
    runs,
    summarize,
    write_randomizations,
    written,
)

FOUND = as_toml(RANDOMIZATIONS["nominal"], "Identified before.")
TERMS = [term.parameter for term in RANDOMIZATIONS[LEFT_OUT_OF]]


def measured(kinds_and_success, seeds=4):
    """Success of each kind, a little more with each seed, the same in all worlds."""
    return pd.DataFrame(
        [
            {"kind": kind, "seed": seed, "world": world, "success": success + 0.01 * seed}
            for seed in range(seeds)
            for kind, success in kinds_and_success.items()
            for world in WORLDS
        ]
    )


@pytest.fixture
def study(tmp_path):
    """One whose log of the target has been identified before."""
    (tmp_path / "identified.toml").write_text(FOUND)
    return Bridge(output=tmp_path, seeds=2, episodes=2, workers=1)


def test_every_seed_has_every_kind_of_training_and_nothing_else_differs(study):
    write_randomizations(study)
    planned = dict(runs(study))
    assert len(planned) == 2 * len(kinds(study)) == 2 * (6 + len(TERMS))
    first = planned["none/seed-0"]
    for config in planned.values():
        alike = replace(config, seed=0, randomization="none", schedule=first.schedule)
        assert alike == first
    drawn = {config.randomization for config in planned.values()}
    assert len(drawn) == len(kinds(study)) - 1  # automatic widens to what full draws


def test_without_its_terms_fewer_are_trained(study):
    assert list(kinds(replace(study, terms=False))) == [
        *("none", "nominal", "wide", "full", "automatic", "identified")
    ]


def test_each_file_leaves_one_term_out(study):
    write_randomizations(study)
    for parameter in TERMS:
        drawn = find_randomization(str(study.output / f"without-{parameter}.toml"))
        rest = [term for term in RANDOMIZATIONS[LEFT_OUT_OF] if term.parameter != parameter]
        assert list(drawn) == rest
    assert (study.output / "identified.toml").read_text() == FOUND


def test_a_policy_is_judged_once_in_every_world(study):
    place = "wide/seed-0"
    shutil.copytree(shipped_bundles()["hatchback-driving"], study.output / place / "bundle")
    judge(study, [place])
    table = pd.read_parquet(study.output / place / JUDGED)
    assert table.groupby("world").size().to_dict() == dict.fromkeys(WORLDS, study.episodes)
    judge(replace(study, episodes=1), [place])
    pd.testing.assert_frame_equal(pd.read_parquet(study.output / place / JUDGED), table)


def test_success_has_an_interval_if_there_are_seeds():
    told = summarize(measured({"none": 0.5, "wide": 0.9})).set_index(["kind", "world"])
    assert told.loc[("none", "MuJoCo"), "success"] == pytest.approx(0.515)
    assert told.loc[("none", "MuJoCo"), "low"] < 0.515 < told.loc[("none", "MuJoCo"), "high"]
    assert summarize(measured({"none": 0.5}, seeds=1))["low"].isna().all()


def test_terms_are_ranked_by_what_is_lost_without_them():
    table = measured({"wide": 0.9, WITHOUT + "mass": 0.85, WITHOUT + "friction": 0.4})
    ranked = rank(gains(table))
    assert list(dict.fromkeys(ranked["term"])) == ["friction", "mass"]
    np.testing.assert_allclose(ranked["worth"], [0.5] * 3 + [0.05] * 3)
    np.testing.assert_allclose(ranked["low"], ranked["worth"])  # the seeds are paired


def test_what_is_gained_over_wide_is_told_seed_by_seed():
    gained = gains(measured({"wide": 0.5, "identified": 0.8, "none": 0.1}))
    assert list(gained["kind"].unique()) == ["identified", "none"]
    np.testing.assert_allclose(gained["gain"], [0.3] * 3 + [-0.4] * 3)
    np.testing.assert_allclose(gained["low"], gained["gain"])  # the seeds are paired
    assert rank(gained).empty


def test_results_are_written_and_drawn(tmp_path):
    table = measured({"wide": 0.9, WITHOUT + "mass": 0.85})
    with pd.option_context("display.max_columns", 1, "display.max_rows", 1):  # a small terminal
        text = written(summarize(table), "kind", "success")
    assert "0.92 (0.90 to 0.93)" in text or "0.91 (0.90 to 0.93)" in text
    assert "..." not in text
    for name, ranked in (("both", rank(gains(table))), ("one", pd.DataFrame())):
        draw(summarize(table), ranked, tmp_path / f"{name}.png")
    with Image.open(tmp_path / "both.png") as both, Image.open(tmp_path / "one.png") as one:
        assert both.width > 1.9 * one.width


@pytest.mark.parametrize("wrong", [{"seeds": 0}, {"episodes": 0}, {"steps": -1}])
def test_a_study_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="must be at least 1"):
        Bridge(**wrong)
