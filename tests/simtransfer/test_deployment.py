import shutil
from dataclasses import replace

import numpy as np
import pytest

from envs import find_robot
from simtransfer.deployment import Deployment, robot_of


def test_on_its_own_robot_a_policy_acts_unmapped(make_bundle):
    bundle = make_bundle()
    deployed = Deployment(bundle)
    world = deployed.make()
    observations = world.reset(seed=0)[0][None]
    own = bundle.policy(world.interface)(observations)
    assert np.array_equal(deployed.act(observations), own)
    world.close()


def test_a_robot_that_has_changed_is_refused(make_bundle, tmp_path):
    source = find_robot("hatchback").source.parent
    folder = tmp_path / "mine"
    shutil.copytree(source, folder)
    toml = folder / "robot.toml"
    toml.write_text(toml.read_text().replace('name = "hatchback"', 'name = "mine"'))
    robot = find_robot(folder)
    bundle = replace(
        make_bundle(),
        robot="mine",
        robot_digest=robot.digest,
        provenance={"config": {"robot": str(folder)}},
    )
    assert robot_of(bundle) == robot
    toml.write_text(toml.read_text().replace("wheelbase = 2.5", "wheelbase = 2.6"))
    with pytest.raises(ValueError, match=r"'mine' .* has changed since the bundle was trained"):
        robot_of(bundle)


def test_a_robot_is_told_by_what_it_is_and_not_by_where_it_lies(tmp_path):
    robot = find_robot("van")
    shutil.copytree(robot.source.parent, tmp_path / "copy")
    copy = find_robot(tmp_path / "copy")
    assert copy.digest == robot.digest
    copy.urdf.write_text(copy.urdf.read_text().replace("<robot", "<!-- heavier --><robot", 1))
    assert copy.digest != robot.digest
