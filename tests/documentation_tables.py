"""Tables of the documentation that are made from the code or from recorded results.

A page marks one by `<!-- table: NAME -->`. `python -m tests.documentation_tables` writes them anew.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path

from agents.bundle import Network, lineage, load_bundle
from agents.settings import TUNED, PPOSettings, SACSettings
from envs import find_robot, robots
from envs.driving.scenario import SUITES
from envs.driving.task import Reward
from envs.parameters import PARAMETERS
from envs.parcel.features import deployable
from envs.parcel.reward import Reward as ParcelReward
from envs.randomization import RANDOMIZATIONS
from simtransfer import cli
from simtransfer.plan import PLANS, Schedule, TransferPlan

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RESULTS = ROOT / "experiments" / "results"
RESULT_PAGES = sorted(RESULTS.glob("*/README.md"))
# What `simtransfer evaluate POLICY --episodes 200 --json` printed for the shipped policies.
MEASURED = {
    "hatchback-driving": RESULTS / "teacher",
    "porter-parcel": RESULTS / "parcel_teacher",
    "porter-parcel-detuned": RESULTS / "parcel_detuned_teacher",
}


def name(page):
    return str(page.relative_to(ROOT))


def attributes(kind):
    """The `Attributes` section of a docstring: meaning by name."""
    _, _, section = inspect.getdoc(kind).partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, re.MULTILINE)
    return {key: " ".join(text.split()).replace("``", "`") for key, text in entries}


def markdown(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def settings(kind):
    def shown(value):
        return " ".join(map(str, value)) if isinstance(value, tuple) else value

    meaning = attributes(kind)
    rows = [[f"`{f.name}`", shown(f.default), meaning[f.name]] for f in fields(kind)]
    return markdown(["Name", "Default", "Meaning"], rows)


def hyperparameters():
    meaning = attributes(PPOSettings)
    rows = [
        [
            f"`{f.name}`",
            f.default,
            *(getattr(tuned, f.name) for tuned in TUNED.values()),
            meaning[f.name],
        ]
        for f in fields(PPOSettings)
    ]
    return markdown(["Name", "Default", *(f"for {task}" for task in TUNED), "Meaning"], rows)


def schedule(value: Schedule):
    if len(value.points) == 1:
        return f"{value.points[0][1]:g}"
    return ", ".join(f"{level:g} at {step:,}" for step, level in value.points)


def plans():
    columns = ["Method", "What it does", "`initialization`", "`trainable`", "`teacher_control`"]
    columns += ["`imitation`", "`remember`", "`reinforcement`", "`exploration`"]
    rows = [
        [
            f"`{method}`",
            plan.summary + (f" ({plan.source})" if plan.source else ""),
            plan.initialization,
            plan.trainable,
            schedule(plan.teacher_control),
            schedule(plan.imitation),
            "yes" if plan.remember else "no",
            schedule(plan.reinforcement),
            "as scratch" if plan.exploration is None else plan.exploration,
        ]
        for method, plan in PLANS.items()
    ]
    return markdown(columns, rows)


def plan_fields():
    meaning = attributes(TransferPlan)
    return markdown(
        ["Field", "Meaning"], [[f"`{f.name}`", meaning[f.name]] for f in fields(TransferPlan)]
    )


def commands():
    def summary(function):
        paragraph = inspect.getdoc(function).split("\n\n")[0]
        return " ".join(paragraph.split()).replace("``", "`")

    rows = [[f"`simtransfer {key}`", summary(function)] for key, function in cli.COMMANDS.items()]
    return markdown(["Command", "What it does"], rows)


def parcel_observation():
    """Features that differ only in what they are of share a row."""
    rows: dict[tuple[str, str], list[str]] = {}
    for feature in deployable(["left_elbow"]):
        first, *middle = feature.name.split("/")
        key, part = feature.name, ""
        if first == "base":
            key, part = f"base/{middle[0]}/…", middle[1]
        elif first in ("limb", "joint"):
            key, part = f"{first}/…/{middle[1]}", middle[0].split("_", 1)[1]
        parts = rows.setdefault((key, feature.unit), [])
        if part and part not in parts:
            parts.append(part)
    rows["joint/…/torque", "1"] = ["of the arm's joints, by role; a share of the largest"]
    return markdown(
        ["Feature", "Unit", "Of"],
        [[f"`{key}`", unit, ", ".join(parts)] for (key, unit), parts in rows.items()],
    )


def suite_rows():
    rows = []
    for key, suite in SUITES.items():
        least = 1 if suite.certain and suite.jaywalkers else 0
        walkers = f"{least} to {suite.jaywalkers}" if suite.jaywalkers else "none"
        wrong_way = f"{100 * suite.wrong_way:g} % of episodes" if suite.wrong_way else "never"
        rows.append([f"`{key}`", walkers, wrong_way])
    return markdown(["Suite", "Pedestrians who step out", "A car coming the wrong way"], rows)


def term_rows():
    def told(term):
        sign = {"scale": "×", "add": "+", "set": ""}[term.operation]
        parts = [f"{sign}{term.low:g} to {term.high:g}"]
        parts += [term.distribution.replace("_", "-")] * (term.distribution != "uniform")
        parts += [f"every {term.period:g} s"] * (term.period > 0)
        parts += ["at load"] * (term.occasion == "load")
        return ", ".join(parts)

    sets = {name: terms for name, terms in RANDOMIZATIONS.items() if terms}
    cells = {name: {term.parameter: told(term) for term in terms} for name, terms in sets.items()}
    drawn = [key for key in PARAMETERS if any(key in terms for terms in cells.values())]
    rows = [[f"`{key}`", *(terms.get(key, "–") for terms in cells.values())] for key in drawn]
    return markdown(["Parameter", *(f"`{name}`" for name in cells)], rows)


def parameter_rows():
    columns = [
        "Parameter",
        "Unit",
        "Meaning",
        "Without",
        "Limits",
        "Can be drawn at",
        "What others drew",
    ]
    rows = [
        [
            f"`{key}`",
            parameter.unit,
            parameter.meaning,
            f"{parameter.initial:g}",
            f"{parameter.low:g} to {parameter.high:g}",
            ", ".join(parameter.occasions),
            parameter.source or "–",
        ]
        for key, parameter in PARAMETERS.items()
    ]
    return markdown(columns, rows)


def robot_rows():
    rows = []
    for key in robots("driving"):
        robot = find_robot(key)
        actions = ", ".join(f"`{a.action.name}`" for a in robot.actuators)
        lidar = (
            f"{robot.lidar.beams} beams, {robot.lidar.field_of_view:g}°, {robot.lidar.range:g} m"
        )
        size = f"{robot.length:g} × {robot.width:g}"
        rows.append([f"`{key}`", robot.description, size, actions, lidar])
    return markdown(["Robot", "What it is", "Length × width, m", "Actions", "Lidar"], rows)


def measured(policy):
    return json.loads((MEASURED[policy] / f"{policy}.json").read_text(encoding="utf-8"))


def percent(rate, interval=None):
    shown = f"{100 * rate:.1f} %"
    return f"{shown} ({100 * interval[0]:.1f}–{100 * interval[1]:.1f} %)" if interval else shown


def teachers():
    rows = []
    for policy in MEASURED:
        bundle, row = load_bundle(policy), measured(policy)
        steps = sum(training["steps"] for training in lineage(bundle))
        success = percent(row["success_rate"], row["success_interval"])
        rows.append([f"`{policy}`", f"`{bundle.robot}`", f"`{bundle.task}`", f"{steps:,}", success])
    return markdown(["Policy", "Robot", "Task", "Training steps", "Success"], rows)


def comparison(*folders):
    """Results of recorded comparisons: a row for each student."""
    rows = []
    for folder in folders:
        summary = json.loads((RESULTS / folder / "summary.json").read_text(encoding="utf-8"))
        found = {(row["student"], row["method"]): row for row in summary["metrics"]}
        for student in summary["students"]:
            scratch, tuned = found[student, "scratch"], found[student, "finetune"]
            unchanged = found.get((student, "zero_shot"))
            rows.append(
                [
                    f"`{student}`",
                    len(scratch["seeds"]),
                    value(scratch["final_level"]),
                    value(unchanged["final_level"]) if unchanged else "–",
                    value(tuned["start"]),
                    value(tuned["final_level"]),
                    value(tuned["speed_up"], digits=1, interval=True),
                    value(tuned["speed_up_charged"]),
                ]
            )
    columns = ["Student", "Seeds", "Scratch, final", "Zero-shot", "Fine-tuned, at step 0"]
    columns += ["Fine-tuned, final", "Speed-up", "Speed-up, teacher's steps included"]
    return markdown(columns, rows)


def value(quantity, digits=2, interval=False):
    """An interquartile mean of a summary, with its 95 % interval where that is asked for."""
    if quantity["estimate"] is None:
        return "–"
    shown = f"{quantity['estimate']:.{digits}f}"
    span = f" ({quantity['low']:.{digits}f}–{quantity['high']:.{digits}f})"
    return shown + span if interval else shown


TABLES = {
    "demo results": lambda: comparison("demo"),
    "driving results": lambda: comparison("driving_transfer"),
    "parcel results": lambda: comparison("parcel_transfer"),
    "parcel and jvrc results": lambda: comparison("parcel_transfer", "parcel_jvrc"),
    "teachers": teachers,
    "commands": commands,
    "network": lambda: settings(Network),
    "plan fields": plan_fields,
    "plans": plans,
    "parcel observation": parcel_observation,
    "parcel reward": lambda: settings(ParcelReward),
    "ppo": hyperparameters,
    "parameters": parameter_rows,
    "randomization": term_rows,
    "reward": lambda: settings(Reward),
    "robots": robot_rows,
    "sac": lambda: settings(SACSettings),
    "suites": suite_rows,
}
MARKED = re.compile(r"<!-- table: ([a-z ]+) -->\n((?:\|.*\n)*)")


def marked_tables():
    return [
        (page, *found.groups())
        for page in (*PAGES, *RESULT_PAGES)
        for found in MARKED.finditer(page.read_text(encoding="utf-8"))
    ]


def write_tables():
    for page in (*PAGES, *RESULT_PAGES):
        text = page.read_text(encoding="utf-8")
        new = MARKED.sub(lambda m: f"<!-- table: {m[1]} -->\n{TABLES[m[1]]()}", text)
        page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    write_tables()
