"""What `make` installs: a build of PyBullet that can be downloaded, and tested versions."""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from simtransfer.versions import engine_version, versions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = [Requirement(text) for text in PROJECT["dependencies"]]
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}
MAC = {"sys_platform": "darwin", "platform_machine": "arm64"}


@pytest.mark.parametrize(
    ("machine", "python", "expected"),
    [
        (LINUX, "3.10", "pybullet"),
        (LINUX, "3.11", "pybullet"),
        (LINUX, "3.12", "pybullet-arm64"),
        (LINUX, "3.13", "pybullet-arm64"),
        (MAC, "3.11", "pybullet-arm64"),
        (MAC, "3.13", "pybullet-arm64"),
    ],
)
def test_one_build_of_pybullet_is_installed_that_has_a_wheel(machine, python, expected):
    environment = machine | {"python_version": python}
    chosen = [
        requirement.name
        for requirement in DEPENDENCIES
        if requirement.name.startswith("pybullet") and requirement.marker.evaluate(environment)
    ]
    assert chosen == [expected]


def test_every_dependency_has_a_tested_version_that_the_project_allows():
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            pinned.setdefault(canonicalize_name(pin.name), []).append(pin)
    extras = [text for texts in PROJECT["optional-dependencies"].values() for text in texts]
    for requirement in (*DEPENDENCIES, *map(Requirement, extras)):
        if requirement.name != PROJECT["name"]:
            pins = pinned[canonicalize_name(requirement.name)]
            tested = [str(specifier.version) for pin in pins for specifier in pin.specifier]
            assert all(requirement.specifier.contains(each) for each in tested), requirement


def test_every_python_in_ci_is_one_that_the_readme_names():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    tested = re.findall(r'"(3\.\d+)"', workflow)
    assert f"Python {tested[0]} to {tested[-1]}" in (ROOT / "README.md").read_text()
    assert PROJECT["requires-python"] == f">={tested[0]}"


@pytest.mark.parametrize("engine", ["pybullet", "mujoco"])
def test_an_engine_has_the_version_of_the_distribution_that_its_module_comes_from(engine):
    (distribution,) = set(packages_distributions()[engine]) & {engine, f"{engine}-arm64"}
    assert engine_version(engine).startswith(version(distribution))
    if distribution != engine:
        assert distribution in engine_version(engine)


def test_what_a_result_was_made_with_is_recorded():
    assert versions()["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions()["pybullet"] == engine_version("pybullet")
