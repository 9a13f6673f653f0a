import math
import os
import shutil
from dataclasses import fields

import pytest

from agents.bundle import load_bundle, shipped_bundles
from envs import find_robot, robots
from envs.assembly import Solid
from envs.driving.car import Ackermann, Car, Differential, Lidar
from envs.known_robots import FOLDERS, SHIPPED
from envs.robot import Actuator
from envs.stretch import Stretch
from simtransfer.cli import main


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package that offers copies of the van, and that must not be imported."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def put(module, names, entry=None):
        folder = site.joinpath(*module.split("."))
        folder.mkdir(parents=True)
        (site / module.split(".")[0] / "__init__.py").write_text("raise SystemExit('imported')")
        for name in names:
            shutil.copytree(SHIPPED / "van", folder / name)
        metadata = site / f"{module.replace('.', '_')}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {metadata.name}\n")
        line = f"some = {module}" if entry is None else entry
        (metadata / "entry_points.txt").write_text(f"[simtransfer.robots]\n{line}\n")
        return folder

    return put


def listed(capsys):
    """What ``simtransfer robots`` prints: the table, and what it says of what is left out."""
    assert main(["robots"]) == 0
    return capsys.readouterr()


def test_a_package_offers_robots_without_being_imported(install, capsys):
    folder = install("acme_robots", ["cart", "truck"])
    assert robots()["cart"] == folder / "cart" / "robot.toml"
    for name in ("cart", "acme_robots:cart"):
        assert find_robot(name).urdf.parent == folder / "cart"
    printed = listed(capsys)
    assert "cart" in printed.out and "truck" in printed.out and not printed.err


def test_a_module_inside_a_package_is_found_without_importing_either(install):
    folder = install("acme.walking.robots", ["cart"])
    assert find_robot("cart").source.parent == folder / "cart"
    assert find_robot("acme.walking.robots:cart").source.parent == folder / "cart"


def test_a_package_does_not_replace_a_shipped_robot(install, capsys):
    folder = install("acme_robots", ["hatchback"])
    assert find_robot("hatchback").source.parent == SHIPPED / "hatchback"
    assert find_robot("acme_robots:hatchback").source.parent == folder / "hatchback"
    (line,) = listed(capsys).err.splitlines()
    assert "'acme_robots:hatchback' has the name of a shipped one" in line


def test_robots_of_one_name_are_known_by_their_full_names(install, capsys):
    install("acme", ["cart"])
    other = install("brand", ["cart"])
    with pytest.raises(ValueError, match="'cart'; give one of acme:cart, brand:cart"):
        find_robot("cart")
    assert find_robot("brand:cart").source.parent == other / "cart"
    assert len(listed(capsys).err.splitlines()) == 2


def test_a_broken_robot_hides_no_other(install, capsys):
    folder = install("acme_robots", ["broken", "cart"])
    (folder / "broken" / "robot.toml").write_text("name = ")
    assert find_robot("cart").source.parent == folder / "cart"
    with pytest.raises(ValueError, match=r"broken.robot\.toml: not valid TOML"):
        find_robot("broken")
    printed = listed(capsys)
    assert "cart" in printed.out
    (line,) = printed.err.splitlines()
    assert "robot 'broken' is left out" in line
    with pytest.warns(UserWarning, match="robot 'broken' is left out"):
        assert "cart" in robots("driving")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("some = no_such_package.robots", "module 'no_such_package' is not installed"),
        ("some = acme_robots.walking", "module 'acme_robots.walking' is not in the package"),
        ("some = !", "entry points are damaged"),
        ("some", "entry points are damaged"),
        ("some = sys", "module 'sys' is not installed"),
    ],
)
def test_a_broken_package_hides_no_robot(install, entry, said, capsys):
    install("acme_robots", ["cart"], entry)
    install("brand", ["truck"])
    assert find_robot("truck").name == "van"
    printed = listed(capsys)
    assert "hatchback" in printed.out and "truck" in printed.out
    (line,) = printed.err.splitlines()
    assert said in line


def test_robots_are_known_by_name_in_folders_that_the_user_names(tmp_path, monkeypatch, capsys):
    for name in ("cart", "van"):
        shutil.copytree(SHIPPED / "van", tmp_path / "garage" / name)
    places = [
        str(tmp_path / "garage"),
        str(tmp_path / "garage" / "cart"),
        str(tmp_path / "nowhere"),
    ]
    monkeypatch.setenv(FOLDERS, os.pathsep.join(places))
    assert find_robot("cart").source.parent == tmp_path / "garage" / "cart"
    assert find_robot("van").source.parent == SHIPPED / "van"
    first, second = listed(capsys).err.splitlines()
    assert "nowhere' holds no robot" in first and "has the name of a shipped one" in second


def test_shipped_bundles_know_their_robots():
    for name in shipped_bundles():
        bundle = load_bundle(name)
        assert bundle.robot_digest == find_robot(bundle.robot).digest


DEFAULTS = {
    "Actuator.rate": math.inf,
    "Actuator.brake_joints": (),
    "Actuator.brake": 0.0,
    "Actuator.stiffness": 0.0,
    "Actuator.damping": 0.0,
    "Actuator.armature": 0.0,
    "Ackermann.rear": False,
    "Lidar.mount": (0.0, 0.0, 0.5),
    "Lidar.focus": 1.0,
    "Lidar.rays_per_beam": 3,
    "Car.held": (),
    "Car.shapes": (),
    "Car.stretches": (),
    "Solid.xyz": (0.0, 0.0, 0.0),
    "Solid.rpy": (0.0, 0.0, 0.0),
    "Solid.friction": 0.0,
    "Stretch.along": (0.0, 0.0, 1.0),
    "Stretch.factor": 1.0,
    "Stretch.size": 1.0,
    "Stretch.density": 1.0,
    "Stretch.reversed": False,
    "Stretch.shift": (0.0, 0.0, 0.0),
}


def test_defaults_stay_since_digests_leave_them_out():
    kinds = (Actuator, Ackermann, Differential, Lidar, Car, Solid, Stretch)
    stated = {f"{kind.__name__}.{f.name}": f.default for kind in kinds for f in fields(kind)}
    assert {name: stated.get(name) for name in DEFAULTS} == DEFAULTS
