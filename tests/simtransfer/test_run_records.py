"""The records of a finished run, damaged in every way that they are read."""

import json

import pandas as pd
import pytest

from simtransfer.run_records import (
    is_finished,
    read_done,
    read_finished_curve,
    read_ranges,
    read_transfer,
)
from simtransfer.schedule import COLUMNS

SUITES = ("mixed", "nominal")


def result(suite):
    return {
        "suite": suite,
        "episodes": 4,
        "success_rate": 0.25,
        "return_mean": -1.5,
        "progress_mean": 0.5,
    }


@pytest.fixture
def run(tmp_path):
    """A finished run of 256 steps with evaluations at 0, 96, 192 and 256, without checksums."""
    rows = [{"step": step, "wall_seconds": 1.0, **result("mixed")} for step in (0, 96, 192, 256)]
    rows.append({"step": 256, "wall_seconds": 1.0, **result("nominal")})
    pd.DataFrame(rows).to_parquet(tmp_path / "curve.parquet", index=False)
    ranges = [dict.fromkeys(COLUMNS, 0.0) | {"parameter": "mass", "occasion": "reset"}]
    pd.DataFrame(ranges).to_parquet(tmp_path / "ranges.parquet", index=False)
    done = {"steps": 256, "seconds": 3.5, "measured": [result(suite) for suite in SUITES]}
    done["evaluations"] = 4
    (tmp_path / "done.json").write_text(json.dumps(done))
    tensors = [{"tensor": "actor.w", "status": "new", "shape": [3, 4], "detail": ""}]
    (tmp_path / "transfer.json").write_text(json.dumps(tensors))
    return tmp_path


def read_all(run):
    return is_finished(run), read_done(run), read_transfer(run), read_ranges(run / "ranges.parquet")


def test_what_is_whole_is_read(run):
    finished, done, tensors, ranges = read_all(run)
    assert finished and done.steps == 256 and done.measured[1]["suite"] == "nominal"
    assert tensors[0].shape == (3, 4) and len(ranges) == 1
    assert list(read_finished_curve(run)["step"]) == [0, 96, 192, 256, 256]
    assert not is_finished(run / "elsewhere")


def curve(run, change):
    file = run / "curve.parquet"
    change(pd.read_parquet(file)).to_parquet(file, index=False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "curve.parquet").unlink(),
        lambda run: (run / "curve.parquet").write_bytes(b""),
        lambda run: curve(run, lambda table: table.head(0)),
        lambda run: curve(run, lambda table: table.head(3)),  # the last evaluation is gone
        lambda run: curve(run, lambda table: table.drop(index=1)),  # one between
        lambda run: curve(run, lambda table: table.drop(index=0)),  # the first
        lambda run: curve(run, lambda table: table.drop(index=4)),  # a suite of the last
        lambda run: curve(run, lambda table: table.assign(success_rate=2.0)),
        lambda run: curve(run, lambda table: table.assign(step=table["step"] + 0.5)),
    ],
)
def test_a_run_whose_curve_is_not_whole_does_not_count_as_finished(run, damage):
    damage(run)
    with pytest.raises(ValueError, match=r"curve\.parquet: .*; delete that run's folder"):
        is_finished(run)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_runs_of_any_number_of_evaluations_may_be_finished(run, count):
    steps = [0, 96, 192][:count]
    rows = [{"step": step, "wall_seconds": 1.0, **result("mixed")} for step in steps]
    pd.DataFrame(rows).to_parquet(run / "curve.parquet", index=False)
    done = {"steps": steps[-1], "seconds": 0.0, "measured": [result("mixed")]}
    (run / "done.json").write_text(json.dumps(done))
    assert is_finished(run)


def places(entry, path=()):
    """Every place in nested JSON."""
    yield path
    if isinstance(entry, dict | list):
        for key in entry if isinstance(entry, dict) else range(len(entry)):
            yield from places(entry[key], (*path, key))


def put(entry, path, value):
    if not path:
        return value
    copy = entry.copy()
    copy[path[0]] = put(entry[path[0]], path[1:], value)
    return copy


def without(entry, path):
    copy = entry.copy()
    if len(path) > 1:
        copy[path[0]] = without(entry[path[0]], path[1:])
    else:
        del copy[path[0]]
    return copy


WRONG = (None, "x", -1, [], {}, float("nan"), float("inf"), True, [[1]], 10**400, [{"a": 1}])


@pytest.mark.parametrize("name", ["done.json", "transfer.json"])
def test_whatever_stands_anywhere_it_is_read_or_refused_in_one_line(run, name):
    file = run / name
    whole = json.loads(file.read_text())
    cases = [put(whole, path, wrong) for path in places(whole) for wrong in WRONG]
    cases += [without(whole, path) for path in places(whole) if path]
    refused = 0
    for case in cases:
        file.write_text(json.dumps(case))
        try:
            read_all(run)
        except ValueError as error:
            refused += 1
            assert str(file) in str(error) or "curve.parquet" in str(error)
            assert "; delete that run's folder" in str(error) and "\n" not in str(error)
    assert refused > 0.8 * len(cases)


@pytest.mark.parametrize("name", ["done.json", "transfer.json", "ranges.parquet"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{", b"[" * 100_000, b"null", b'"x"'])
def test_what_is_no_record_at_all_is_refused_in_one_line(run, name, content):
    (run / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: .*; delete that run's folder") as error:
        read_all(run)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("column", COLUMNS)
def test_ranges_without_a_column_are_refused(run, column):
    file = run / "ranges.parquet"
    pd.read_parquet(file).drop(columns=column).to_parquet(file)
    with pytest.raises(ValueError, match=f"has no column {column}; delete"):
        read_ranges(file)
