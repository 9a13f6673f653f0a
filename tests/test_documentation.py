"""The documentation says what the code does: its commands, examples, tables and links.

Examples are run as they are printed, with two reductions so that this takes seconds: a run trains
for 64 steps (`ShortRun`), and evaluations play one episode.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
import shlex
import sys
from dataclasses import MISSING, fields, replace
from unittest.mock import patch

import numpy as np
import pytest

import simtransfer
from agents import bundle as bundles
from agents.bundle import save_bundle
from envs import find_robot, make_environment, robots, suites
from envs.assembly import Solid
from envs.driving.car import Ackermann, Car, Differential, Lidar
from envs.driving.task import Driving
from envs.inspection import check_robot
from envs.known_robots import ENTRY_POINTS
from envs.parcel.humanoid import Cradle
from envs.randomization_file import find_randomization
from envs.robot import Actuator
from envs.stretch import Stretch
from experiments import driving_demo
from simtransfer import cli, library
from simtransfer.plan import PLANS, find_plan
from simtransfer.records import CURVE_COLUMNS
from simtransfer.report import tables as report_tables
from simtransfer.run import Run
from simtransfer.transfer_metrics import TransferMetrics
from simtransfer.verdicts import Outcome
from tests.documentation_tables import (
    PAGES,
    ROOT,
    TABLES,
    marked_tables,
    measured,
    name,
    percent,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEACHER = "hatchback-driving"
# Lines of a bash block that are no command of this project's.
FOREIGN = ("cd ", "git clone ", "make ", "pip install ", "source ", "tensorboard ")


@pytest.mark.parametrize(
    ("page", "table", "shown"), [pytest.param(*row, id=row[1]) for row in marked_tables()]
)
def test_a_table_is_what_the_code_says(page, table, shown):
    assert shown == TABLES[table](), (
        f"{name(page)}: table {table!r} is out of date; run python -m tests.documentation_tables"
    )


def test_every_table_is_shown_somewhere():
    assert {table for _, table, _ in marked_tables()} == set(TABLES)


def test_every_result_in_the_readme_comes_from_a_record():
    """Every table of numbers is generated from a recorded file."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Results")[2]
    tables = len(re.findall(r"^\| --- ", text, re.MULTILINE))
    assert tables == len(
        re.findall(r"^<!-- table: .*(?:results|teachers) -->$", text, re.MULTILINE)
    )


@pytest.mark.parametrize("policy", ["porter-parcel", "porter-parcel-detuned"])
def test_a_shipped_policy_has_one_success_rate(policy):
    """The page on performance gives what the table of teachers gives."""
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    (row,) = [cells for cells in rows(page) if cells[0] == f"`{policy}`, `porter`"]
    assert row[-1] == percent(measured(policy)["success_rate"])


# Tables written by hand


def section(page, heading):
    """The text below a heading, up to the next one of any level."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {heading!r}"
    return found[1]


def rows(text):
    """Cells of the table rows in a text, the header left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("The robot", Car),
        ("`[[actuators]]`", Actuator),
        ('`[command]` with `model = "ackermann"`', Ackermann),
        ('`[command]` with `model = "differential"`', Differential),
        ("`[lidar]`", Lidar),
        ("`[cradle]`", Cradle),
        ("`[[shapes]]`", Solid),
        ("`[[stretches]]`", Stretch),
    ],
)
def test_every_key_of_a_robot_is_described(heading, kind):
    described = {cells[0].strip("`"): cells for cells in rows(section("docs/robots.md", heading))}
    keys = {
        f.name: f
        for f in fields(kind)
        if f.name not in ("actuators", "command", "held", "lidar", "shapes", "source", "stretches")
    }
    assert list(described) == list(keys)
    for key, field in keys.items():
        needed = field.default is MISSING
        assert (described[key][1] == "required") == needed, f"{key}: required or a default?"


def test_every_check_of_a_robot_is_described():
    described = [cells[0] for cells in rows(section("docs/robots.md", "What is checked"))]
    assert described == [finding.name for finding in check_robot("husky").findings]
    first, *others = [cells[0] for cells in rows(section("docs/robots.md", "Of a humanoid"))]
    found = [finding.name for finding in check_robot("porter").findings]
    assert [*first.split(", "), *others] == found


def test_every_feature_of_the_driving_world_is_described():
    described = rows(section("docs/worlds.md", "Observation"))
    patterns = {
        re.sub(
            r"<\w+>",
            "[^/]+",
            re.escape(cells[0].strip("`")).replace(r"\<", "<").replace(r"\>", ">"),
        ): cells
        for cells in described
    }
    used = set()
    for key in robots("driving"):
        for feature in Driving(find_robot(key)).features:
            matching = [p for p in patterns if re.fullmatch(p, feature.name)]
            assert len(matching) == 1, f"{feature.name}: described by {matching or 'nothing'}"
            _, unit, group, _ = patterns[matching[0]]
            assert (unit, group) == (feature.unit, feature.group), feature.name
            used.add(matching[0])
    assert used == set(patterns)


def test_every_metric_of_the_report_is_explained():
    page = (ROOT / "docs/report.md").read_text(encoding="utf-8")
    for column in report_tables.METRIC_COLUMNS[1:]:
        assert f"**{column}**" in page
    described = {cells[1].strip("`") for cells in rows(section("docs/report.md", "The metrics"))}
    shown = {f.name for f in fields(TransferMetrics) if str(f.type) == "Interval"}
    assert described == shown
    for outcome in Outcome:
        assert f"`{outcome.value}`" in section("docs/report.md", "The verdict")
    for column in CURVE_COLUMNS:
        assert f"`{column}`" in page


def test_the_demo_is_described_as_it_is():
    text = section("README.md", "Two commands")
    demo = driving_demo.EXPERIMENT
    for word in (*demo.students, *demo.methods):
        assert f"`{word}`" in text
    numbers = {3: "three", 4: "four", 5: "five"}
    assert f"{numbers[demo.seeds]} seeds" in text
    assert f"runs/{demo.name}/report.html" in text
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"^make ([\w-]+)", text, re.MULTILINE):
        assert target in targets


def test_one_version_everywhere():
    version = simtransfer.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


# Commands and examples


def blocks(page, language):
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def command_lines():
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip() and not line.startswith("#"):
                    yield pytest.param(line, id=f"{page.stem}: {line}"[:60])


@pytest.fixture
def shipped_teacher(make_bundle, tmp_path, monkeypatch):
    """The shipped teacher, or an untrained one under its name where it is not built yet."""
    if TEACHER not in bundles.shipped_bundles():
        folder = save_bundle(make_bundle(), tmp_path / "shipped" / TEACHER)
        monkeypatch.setattr(bundles, "shipped_bundles", lambda: {TEACHER: folder})


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder with the files that pages tell to write: first line, a comment, the path."""
    for page in PAGES:
        for block in blocks(page, "toml") + blocks(page, "xml"):
            found = re.match(r"(?:# |<!-- )(my_robots/\S+)", block)
            if found:
                file = tmp_path / found[1]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def recorded(monkeypatch):
    """Commands that say what they were asked for and do nothing."""
    calls = []

    def recording(function):
        @functools.wraps(function)
        def record(*args, **kwargs):
            calls.append(inspect.signature(function).bind(*args, **kwargs).arguments)

        return record

    doing_nothing = {key: recording(function) for key, function in cli.COMMANDS.items()}
    monkeypatch.setattr(cli, "COMMANDS", doing_nothing)
    return calls


@pytest.mark.parametrize("line", command_lines())
def test_a_command_line_is_understood(line, recorded, shipped_teacher, elsewhere):
    words = shlex.split(line)
    if words[0] == "simtransfer":
        assert cli.main(words[1:]) == 0
    elif words[:2] == ["python", "-m"]:
        script = importlib.import_module(words[2])
        assert cli.launch(script.EXPERIMENT, words[3:]) == 0
    else:
        assert line.startswith(FOREIGN), f"not tested: {line}"
        return
    (arguments,) = recorded
    check_names(arguments)


def check_names(arguments):
    """Names that a command line gives exist."""
    known = {
        "robot": find_robot,
        "method": find_plan,
        "randomization": find_randomization,
        "suite": lambda suite: suite == "all" or suites("driving").index(suite),
        "teacher": check_bundle,
        "bundle": check_bundle,
    }
    for key, find in known.items():
        if arguments.get(key) is not None:
            find(arguments[key])
    experiment = arguments.get("experiment")
    for student in experiment.students if experiment else ():
        find_robot(student)
    for method in experiment.methods if experiment else ():
        find_plan(method)


def check_bundle(bundle):
    """A bundle is the shipped one or lies where a run leaves it."""
    assert bundle == TEACHER or re.fullmatch(r"runs/.+/bundle", bundle), bundle


def cheap(line):
    return line.startswith(("simtransfer robots", f"simtransfer evaluate {TEACHER}"))


@pytest.mark.parametrize("line", [p for p in command_lines() if cheap(p.values[0])])
def test_a_cheap_command_succeeds(line, shipped_teacher, elsewhere, capsys):
    words = shlex.split(line)[1:]
    if words[0] == "evaluate":
        if "--episodes" in words:
            del words[words.index("--episodes") :][:2]
        words += ["--episodes", "2"]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    if "--json" in words:
        assert json.loads(printed)


def test_the_fields_that_evaluate_prints_are_described(shipped_teacher, capsys):
    cli.main(["evaluate", TEACHER, "--episodes", "2", "--json"])
    described = [cells[0].strip("`") for cells in rows(section("docs/report.md", "One policy"))]
    assert set(described) == set(json.loads(capsys.readouterr().out))


class ShortRun(Run):
    """A run of 64 steps and single episodes."""

    def __init__(self, config, folder, *args, **options):
        ppo = replace(config.hyperparameters, worlds=2, rollout=32, batch=32, epochs=1)
        short = {"steps": 64, "interval": 64, "episodes": 1, "final_episodes": 1, "ppo": ppo}
        super().__init__(replace(config, **short), folder, *args, **options)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=name)
def test_examples_run(page, shipped_teacher, elsewhere, monkeypatch):
    def play(act, make, episodes):
        return evaluate(act, make, dict.fromkeys(episodes, 1))

    evaluate = library.play
    monkeypatch.setattr(library, "Run", ShortRun)
    monkeypatch.setattr(library, "play", play)
    namespace = {}
    with patch.dict(PLANS):  # an example adds one of its own
        for block in blocks(page, "python"):
            exec(compile(block, name(page), "exec"), namespace)


def test_the_files_of_a_run_are_described(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "Run", ShortRun)
    library.train("trike", output=tmp_path)
    described = [cells[0] for cells in rows(section("docs/train.md", "Stop and go on"))]
    at_the_end = {file.strip("`/") for file in described}
    assert at_the_end == {path.name for path in tmp_path.iterdir() if path.name != ".lock"}
    keys = [cells[0] for cells in rows(section("docs/train.md", "The bundle"))]
    bundle = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert re.findall(r"`(\w+)`", " ".join(keys)) == list(bundle)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "toml")], ids=name)
def test_toml_is_valid(page):
    for block in blocks(page, "toml"):
        data = tomllib.loads(block)
        if "project" in data:
            assert list(data["project"]["entry-points"]) == [ENTRY_POINTS]


def test_the_worked_example_is_a_sound_robot(elsewhere):
    assert check_robot("my_robots/cart").passed
    world = make_environment(robot="my_robots/cart")
    observation, _ = world.reset(seed=0)
    assert np.isfinite(observation).all()
    world.close()


# Links


def links():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if not re.match(r"\w+:", target):
                yield pytest.param(page, target, id=f"{page.stem}: {target}")


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize(("page", "target"), links())
def test_a_link_leads_somewhere(page, target):
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    assert file.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in map(slug, headings)
