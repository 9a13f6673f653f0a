"""The report of a small made-up experiment, whole, unfinished and damaged."""

import json
import math
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from envs.driving.task import Driving
from simtransfer.files import write_json, write_table
from simtransfer.records import read_experiment
from simtransfer.report import write_report
from simtransfer.report.findings import BOOTSTRAP_SEED, find
from simtransfer.report.page import unfinished_lines
from simtransfer.report.tables import metric_rows
from simtransfer.statistics import aggregate_curves, wilson_interval
from simtransfer.transfer_metrics import measure_all

# What each method's curve is made of: level at the start, level at the end, share of the run's
# steps after which two thirds of the way are done. Zero-shot is evaluated once.
METHODS = {
    "scratch": (0.0, 0.85, 0.40),
    "zero_shot": (0.40, 0.40, 1.0),
    "finetune": (0.40, 0.88, 0.15),
    "frozen": (0.30, 0.55, 0.20),
    "reuse_kickstart": (0.40, 0.92, 0.08),
}
STATUSES = ["copied, frozen", "aligned", "new"]


def write_experiment(
    folder, students=("sedan", "truck"), methods=METHODS, seeds=6, evaluations=9, steps=200_000
):
    generator = np.random.default_rng(3)
    interval = steps // (evaluations - 1)
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "name": "driving-transfer",
        "task": "driving",
        "teacher": {"name": "kart", "steps": 500_000, "hours": 1.5, "success_rate": 0.93},
        "students": list(students),
        "methods": list(methods),
        "seeds": list(range(seeds)),
        "steps": steps,
        "evaluation_interval": interval,
        "command": f"python -m experiments.driving_transfer --seeds {seeds}",
        "versions": {"python": "3.11", "torch": "2.4"},
        "config": {"ppo": {"learning_rate": 3e-4}, "clip": math.nan},
    }
    (folder / "experiment.json").write_text(json.dumps(record))
    for number, student in enumerate(students):
        for method, (start, end, pace) in methods.items():
            for seed in range(seeds):
                run = folder / "runs" / student / method / f"seed-{seed}"
                run.mkdir(parents=True)
                once = method == "zero_shot"
                at = np.zeros(1) if once else np.arange(evaluations) * interval
                way = 1 - np.exp(-at / (pace * (1 + 0.3 * number) * steps))
                level = start + (end - start) * way + generator.normal(0, 0.02)
                success = generator.binomial(50, np.clip(level, 0.0, 1.0)) / 50
                rows = [row("mixed", *pair, interval) for pair in zip(at, success, strict=True)]
                rows += [
                    row(suite, at[-1], success[-1], interval)
                    for suite in ("nominal", "jaywalker", "wrong_way")
                ]
                pd.DataFrame(rows).to_parquet(run / "curve.parquet", index=False)
                tensors = [
                    {
                        "tensor": f"actor.{layer}.weight",
                        "status": "new" if method == "scratch" else STATUSES[layer],
                        "shape": [64, 64],
                        "detail": "12 of 14 names" if layer == 1 else "",
                    }
                    for layer in range(3)
                ]
                (run / "transfer.json").write_text(json.dumps(tensors))
                (run / "config.json").write_text("{}")
                result = {"suite": "mixed", "episodes": 50, "success_rate": 1, "return_mean": 0}
                done = {"steps": int(at[-1]), "seconds": 60.0, "measured": [result]}
                (run / "done.json").write_text(json.dumps(done))
    return folder


def row(suite, step, success, interval):
    return {
        "step": int(step),
        "suite": suite,
        "episodes": 50,
        "success_rate": success,
        "collision_rate": (1 - success) / 2,
        "return_mean": 10 * success,
        "wall_seconds": step / interval * 60.0,
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = write_experiment(tmp_path_factory.mktemp("finished") / "experiment")
    (folder / "video.mp4").write_bytes(b"not really a video")
    return folder, write_report(folder)


@pytest.fixture
def small(tmp_path):
    methods = {name: METHODS[name] for name in ("scratch", "finetune")}
    return write_experiment(tmp_path / "small", ("sedan",), methods, seeds=3, evaluations=5)


def visible(page):
    return re.sub(r"base64,[A-Za-z0-9+/=]*", "", page)


def test_all_files_are_written_and_nothing_is_left_behind(finished):
    folder, files = finished
    assert files.curves.read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in folder.iterdir()} == {
        "experiment.json",
        "runs",
        "video.mp4",
        "report.html",
        "curves.png",
        "summary.json",
        "table.txt",
    }


def test_the_page_needs_no_other_file(finished):
    page = visible(finished[1].page.read_text())
    assert "http" not in page and "//" not in page.replace("<!--", "")
    assert "<script" not in page and "@import" not in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 3
    assert all(source.startswith("data:") for source in sources)


def test_the_page_says_everything_in_order(finished):
    page = finished[1].page.read_text()
    headings = re.findall(r"<h2>([^<]*)</h2>", page)
    assert headings == [
        "Learning curves and speed-up",
        "What transfer was worth",
        "Results per suite",
        "Video",
        "What was transferred",
        "Cost",
        "To make it again",
    ]
    assert page.index("<strong>reuse_kickstart</strong>") < page.index(headings[0])
    for text in (
        "actor.1.weight",
        "12 of 14 names",
        "copied, frozen",
        "kart",
        "1.5 h",
        "--seeds 6",
    ):
        assert text in page


def test_time_to_the_level_is_the_steps_it_took_at_the_runs_own_pace(finished):
    """A minute per interval, in this experiment; what trains nothing never gets there."""
    found = find(read_experiment(finished[0]))
    steps = {(m.student, m.method): m.time_to_threshold.estimate for m in found.metrics}
    for cost in found.costs:
        if cost.method == "zero_shot":
            assert math.isnan(cost.hours_to_level)
        elif cost.method != "frozen":  # which ends below the level
            expected = steps[cost.student, cost.method] / 25_000 / 60.0
            assert cost.hours_to_level == pytest.approx(expected)
            assert 0.0 < cost.hours_to_level <= cost.hours_per_run


@pytest.mark.parametrize("name", ["page", "table"])
def test_what_is_not_defined_is_never_shown_as_nan(finished, name):
    text = visible(getattr(finished[1], name).read_text())
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)


def test_the_summarys_numbers_are_those_of_the_statistics(finished):
    folder, files = finished
    summary = json.loads(files.summary.read_text())
    experiment = read_experiment(folder)
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    curves = aggregate_curves(experiment.curves, generator)
    metrics = measure_all(experiment.curves, generator, teacher_steps=500_000, teacher_success=0.93)
    assert len(summary["metrics"]) == len(metrics) == 10
    for shown, row in zip(summary["metrics"], metrics, strict=True):
        assert (shown["student"], shown["method"]) == (row.student, row.method)
        assert shown["threshold"] == row.threshold
        for name in ("speed_up", "speed_up_charged", "jumpstart", "area_ratio", "slope"):
            interval = getattr(row, name)
            assert shown[name] == {
                "estimate": interval.estimate,
                "low": interval.low,
                "high": interval.high,
            }
    for shown, curve in zip(summary["curves"], curves, strict=True):
        assert shown["success"] == curve.mean.tolist()
        assert shown["low"] == curve.low.tolist()
    nominal = next(result for result in summary["suites"] if result["suite"] == "nominal")
    runs = experiment.curves.query("student == 'sedan' and method == 'scratch'")
    successes = round((runs[runs["suite"] == "nominal"]["success_rate"] * 50).mean())
    # All seeds play the same 50 episodes.
    assert nominal["success"]["low"] == wilson_interval(successes, 50).low


def test_summary_is_the_same_each_time_and_has_no_nan(finished, tmp_path):
    folder, files = finished
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert write_report(copy).summary.read_text() == files.summary.read_text()
    assert "NaN" not in files.summary.read_text()
    assert json.loads(files.summary.read_text())["config"]["clip"] is None


def test_page_and_terminal_show_the_same_numbers(finished):
    folder, files = finished
    page, table = files.page.read_text(), files.table.read_text()
    for row in metric_rows(find(read_experiment(folder))):
        for cell in row.cells:
            assert cell.text.replace(">", "&gt;") in page and cell.text in table


def test_negative_transfer_is_said_in_those_words(finished):
    page = finished[1].page.read_text()
    assert "negative transfer: final level lower by" in page
    assert "negative transfer: zero_shot, frozen" in page


def test_unfinished_runs_are_named_and_do_not_stop_the_report(small):
    run = small / "runs" / "sedan" / "finetune"
    shutil.rmtree(run / "seed-2")
    (run / "seed-1" / "done.json").unlink()
    curve = pd.read_parquet(run / "seed-1" / "curve.parquet")
    short = curve[(curve["step"] <= 100_000) & (curve["suite"] == "mixed")]
    short.to_parquet(run / "seed-1" / "curve.parquet")
    lines = unfinished_lines(read_experiment(small).unfinished)
    assert lines == ["sedan, finetune: seed 1 at step 100k; seed 2 not begun"]
    files = write_report(small)
    page = files.page.read_text()
    assert "Not finished: 2 of\n6 runs" in page and lines[0] in page
    assert "so far: step 100,000 of 200,000" in page
    assert "No video was recorded" in page
    summary = json.loads(files.summary.read_text())
    assert summary["finished"] is False
    assert [run["seed"] for run in summary["unfinished"]] == [1, 2]
    finetune = [result for result in summary["suites"] if result["method"] == "finetune"]
    assert {result["seeds"] for result in finetune} == {1}


@pytest.mark.parametrize("gone", ["runs", "runs/sedan/scratch"])
def test_a_report_can_be_written_before_there_is_anything_to_compare(small, gone):
    shutil.rmtree(small / gone)
    page = visible(write_report(small).page.read_text())
    assert "nothing to compare yet" in page and not re.search(r"\bnan\b", page, re.IGNORECASE)


def test_names_are_text_and_not_markup(tmp_path):
    methods = {"scratch": METHODS["scratch"], "[b]x": METHODS["finetune"]}
    folder = write_experiment(tmp_path / "odd", ("<b>bot",), methods, seeds=2, evaluations=3)
    files = write_report(folder)
    assert "<b>bot" not in files.page.read_text() and "&lt;b&gt;bot" in files.page.read_text()
    assert "[b]x" in files.table.read_text()


def test_a_task_without_collisions_shows_none(small):
    for path in small.rglob("curve.parquet"):
        pd.read_parquet(path).assign(collision_rate=math.nan).to_parquet(path)
    summary = json.loads(write_report(small).summary.read_text())
    assert {result["collision_rate"] for result in summary["suites"]} == {None}


def test_a_tasks_own_measures_are_shown(small):
    for path in small.rglob("curve.parquet"):
        curve = pd.read_parquet(path).drop(columns="collision_rate")
        curve.assign(off_road_rate=0.125, progress_mean=0.5).to_parquet(path)
    files = write_report(small)
    summary = json.loads(files.summary.read_text())
    assert {result["off_road_rate"] for result in summary["suites"]} == {0.125}
    assert {result["progress_mean"] for result in summary["suites"]} == {0.5}
    assert "off road 12.5 %, progress 0.50" in files.page.read_text()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda f: (f / "experiment.json").unlink(),
            r"experiment.json: cannot be read \(.*\); point to",
        ),
        (
            lambda f: (f / "experiment.json").write_text("{"),
            "experiment.json: truncated or not JSON",
        ),
        (lambda f: (f / "experiment.json").write_text("{}"), "key 'teacher' is missing"),
        (
            lambda f: (f / "experiment.json").write_text("[]"),
            "experiment.json: .* expected a table",
        ),
        (lambda f: (f / "experiment.json").write_text("[" * 100_000), "truncated or not JSON"),
        (lambda f: state(f, students=3), "students: expected a list of names, got 3"),
        (lambda f: state(f, methods=["scratch", None]), "methods: expected text in quotes"),
        (lambda f: state(f, seeds="x"), "seeds: expected a list of whole numbers, got 'x'"),
        (lambda f: state(f, seeds=[0, 0]), "seeds: 0 is named twice"),
        (lambda f: state(f, students=[]), "students: names none"),
        (lambda f: state(f, steps="many"), "steps: expected a whole number, got 'many'"),
        (lambda f: state(f, steps=math.nan), "steps: expected a whole number, got nan"),
        (lambda f: state(f, steps=10**400), "steps: expected a whole number, got 1000"),
        (lambda f: state(f, config=[]), r"config: expected a table, got \[\]"),
        (lambda f: state(f, teacher=None), "teacher: expected a table, got None"),
        (lambda f: state(f, teacher={"name": "a", "hours": "x"}), "teacher.hours: expected a num"),
        (lambda f: curve(f).unlink(), "curve.parquet: is missing though the run is finished"),
        (lambda f: curve(f).write_bytes(b"PAR1 half"), "curve.parquet: cannot be read as Parquet"),
        (lambda f: pd.DataFrame({"step": [0]}).to_parquet(curve(f)), "has no column suite"),
        (lambda f: alter(f, success_rate="x"), "column success_rate does not hold numbers"),
        (lambda f: alter(f, success_rate=math.nan), "success_rate has a value that is missing"),
        (lambda f: alter(f, success_rate=1.5), "success_rate must be within 0 and 1"),
        (lambda f: alter(f, return_mean=None), "column return_mean does not hold numbers"),
        (lambda f: alter(f, wall_seconds=math.inf), "wall_seconds has a value .* not finite"),
        (lambda f: alter(f, collision_rate="x"), "column collision_rate does not hold numbers"),
        (lambda f: alter(f, suite=3), "column suite does not hold text"),
        (lambda f: alter(f, step=0.5), "column step must hold whole numbers from 0"),
        (lambda f: alter(f, step=0), "two rows for step 0, suite mixed"),
        (lambda f: pd.read_parquet(curve(f)).head(0).to_parquet(curve(f)), "is empty though"),
        (
            lambda f: transfer(f).write_text('[{"tensor": 1, "status": "", "shape": "x"}]'),
            "a list of",
        ),
        (lambda f: transfer(f).write_text('[{"tensor": 1}]'), "is not a list of tensor, status"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line_that_says_how_to_mend_it(small, damage, message):
    damage(small)
    with pytest.raises(ValueError, match=message) as raised:
        write_report(small)
    assert "\n" not in str(raised.value) and "; " in str(raised.value)


@pytest.mark.parametrize("name", ["experiment.json", "curve.parquet", "transfer.json", "done.json"])
def test_a_flipped_bit_in_any_record_is_noticed(small, name):
    file = small / name if name == "experiment.json" else curve(small).with_name(name)
    if name == "curve.parquet":
        write_table(pd.read_parquet(file), file)
    else:
        write_json(json.loads(file.read_text()), file)
    read_experiment(small)
    whole = file.read_bytes()
    for bit in np.random.default_rng(0).integers(0, 8 * len(whole), 20).tolist():
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        file.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}: (damaged|.*JSON|.*UTF-8).*; "):
            read_experiment(small)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"students": ["../.."]}, "students: must not contain '/'"),
        ({"methods": ["scratch", "a\nb"]}, "methods: has characters that cannot be printed"),
        ({"seeds": list(range(10_001))}, "seeds: names 10001, the limit is 10000"),
    ],
)
def test_names_that_are_no_folders_are_refused(small, changes, said):
    state(small, **changes)
    with pytest.raises(ValueError, match=said):
        read_experiment(small)


def test_a_name_that_cannot_be_encoded_does_not_cost_the_report(small):
    state(small, name="a\udcffb", command="simtransfer --name \udcff")
    assert "a\\udcffb" in write_report(small).page.read_text()


def curve(folder):
    return folder / "runs" / "sedan" / "scratch" / "seed-0" / "curve.parquet"


def state(folder, **changes):
    file = folder / "experiment.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def alter(folder, **columns):
    pd.read_parquet(curve(folder)).assign(**columns).to_parquet(curve(folder))


def transfer(folder):
    return curve(folder).with_name("transfer.json")


def test_a_report_that_cannot_be_written_leaves_the_old_one(small, monkeypatch):
    files = write_report(small)
    before = files.page.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk is full"):
        write_report(small)
    assert files.page.read_bytes() == before
    assert not [path for path in small.iterdir() if path.name.startswith(".")]


def fail(*_):
    raise OSError("disk is full")


def test_curves_are_read_on_the_suite_that_the_task_measures_them_on(small, monkeypatch):
    experiment = read_experiment(small)
    on_mixed = find(experiment)
    swapped = {"mixed": "nominal", "nominal": "mixed"}
    curves = experiment.curves.assign(suite=experiment.curves["suite"].replace(swapped))
    monkeypatch.setattr(Driving, "curve_suite", "nominal")
    on_nominal = find(replace(experiment, curves=curves))
    assert repr(on_nominal.metrics) == repr(on_mixed.metrics)
    assert repr(on_nominal.aggregates) == repr(on_mixed.aggregates)
    assert on_nominal.aggregates


@pytest.mark.parametrize(
    ("scratch", "warned"), [((0.0, 1.4, 1.0), True), ((0.0, 0.8, 0.05), False)]
)
def test_a_baseline_that_was_still_improving_is_warned_of(scratch, warned, tmp_path):
    methods = {"scratch": scratch, "finetune": METHODS["finetune"]}
    files = write_report(
        write_experiment(tmp_path / "e", students=("sedan",), methods=methods, evaluations=21)
    )
    told = json.loads(files.summary.read_text())["scratch_not_converged"]
    assert [row["student"] for row in told] == ["sedan"] * warned
    said = "training from scratch was still improving at the end (+0."
    assert (f"sedan: {said}" in files.table.read_text()) == warned
    assert (said in files.page.read_text()) == warned
    if warned:
        assert told[0]["gain"] > told[0]["low"] > 0.0
        assert told[0]["warning"].endswith("run longer")
