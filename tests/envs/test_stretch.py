"""Bodies of other proportions: closed forms for what changes, and that they stand and walk."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import find_robot, make_environment
from envs.bullet import Bullet
from envs.environment import Environment
from envs.inspection.humanoid import stand
from envs.outline import corners
from envs.parameters import BODY
from envs.parcel.delivery import SUITES
from envs.parcel.gait import Gait
from envs.parcel.humanoid import ARM
from envs.parcel.leg import PITCHES, posture
from envs.parcel.navigation import Pilot, Sidestepper, pilot_of
from envs.parcel.task import Parcel
from envs.randomization import RANDOMIZATIONS
from envs.stretch import Stretch, stretch
from envs.urdf import parse_urdf

SIZE, MASS = np.asarray([0.4, 0.3, 0.2]), 6.0
factors = st.floats(0.4, 2.5)
turns = st.tuples(*[st.floats(-3.0, 3.0)] * 3)


def box_inertia(mass, size):
    squares = np.square(size)
    return mass / 12.0 * np.diag(squares.sum() - squares)


def brick(rpy=(0.0, 0.0, 0.0)):
    """A box of even density, turned and off its link's origin, with a leaf hanging on it."""
    xx, yy, zz = np.diag(box_inertia(MASS, SIZE)).tolist()
    place = f'<origin xyz="0.1 0.2 -0.3" rpy="{" ".join(map(repr, rpy))}"/>'
    text = f"""<robot name="brick">
      <link name="brick">
        <inertial>{place}<mass value="{MASS}"/>
          <inertia ixx="{xx}" iyy="{yy}" izz="{zz}" ixy="0" ixz="0" iyz="0"/></inertial>
        <collision>{place}<geometry><box size="{" ".join(map(repr, SIZE.tolist()))}"/></geometry>
        </collision>
      </link>
      <link name="leaf"/>
      <joint name="stalk" type="revolute"><parent link="brick"/><child link="leaf"/>
        <origin xyz="0 0.5 1" rpy="0.3 0 0"/></joint>
    </robot>"""
    return parse_urdf(text, "brick.urdf")


def sizes(link):
    (shape,) = link.collisions[0].iterfind("geometry/*")
    return np.asarray([float(word) for word in shape.get("size").split()])


@given(size=factors, rpy=turns)
def test_a_larger_body_is_heavier_and_harder_to_turn(size, rpy):
    before = brick(rpy)
    after = stretch(before, [Stretch("brick", size=size)])
    link = after.links["brick"]
    assert link.mass == pytest.approx(size**3 * MASS)
    np.testing.assert_allclose(link.inertia, size**5 * before.links["brick"].inertia, atol=1e-9)
    np.testing.assert_allclose(sizes(link), size * SIZE)
    np.testing.assert_allclose(after.place("stalk"), size * before.place("stalk"))
    np.testing.assert_allclose(
        after.joints["stalk"].origin[:3, :3], before.joints["stalk"].origin[:3, :3]
    )


@given(factor=factors, axis=st.integers(0, 2), density=factors)
def test_a_box_made_longer_has_a_longer_boxs_inertia(factor, axis, density):
    along = np.eye(3)[axis]
    change = Stretch("brick", tuple(along.tolist()), factor=factor, density=density)
    link = stretch(brick(), [change]).links["brick"]
    longer = SIZE * (1.0 + (factor - 1.0) * along)
    assert link.mass == pytest.approx(factor * density * MASS)
    np.testing.assert_allclose(sizes(link), longer)
    np.testing.assert_allclose(link.inertia, box_inertia(link.mass, longer), atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("sphere", {"radius": 0.3}, {"radius": 0.4}),
        ("capsule", {"radius": 0.3, "length": 1.0}, {"radius": 0.3, "length": 2.0}),
        ("cylinder", {"radius": 0.3, "length": 1.0}, {"radius": 0.3, "length": 2.0}),
        ("mesh", {"scale": "1 1 1"}, {"scale": "1.0 1.0 2.0"}),
    ],
)
def test_every_kind_of_shape_grows(kind, before, after):
    told = " ".join(f'{key}="{value}"' for key, value in before.items())
    text = f"""<robot name="one"><link name="one">
      <collision><origin xyz="0 0 1"/><geometry><{kind} {told}/></geometry></collision>
    </link></robot>"""
    link = stretch(parse_urdf(text, "one.urdf"), [Stretch("one", factor=2.0)]).links["one"]
    (shape,) = link.collisions[0].iterfind("geometry/*")
    grown = {key: value if key == "scale" else float(value) for key, value in shape.items()}
    assert grown == pytest.approx(after) if kind != "mesh" else grown == after
    assert link.collisions[0].find("origin").get("xyz") == "0.0 0.0 2.0"


@given(factor=factors, rpy=turns)
def test_no_stretch_makes_a_body_that_cannot_be(factor, rpy):
    link = stretch(brick(rpy), [Stretch("brick", (0.3, -0.5, 1.0), factor=factor)]).links["brick"]
    moments = np.linalg.eigvalsh(link.inertia)
    assert moments[0] > 0.0
    assert moments[2] <= moments[0] + moments[1] + 1e-9


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"link": "brik"}, "did you mean 'brick'"),
        ({"link": "brick", "size": 0.0}, "must be positive"),
        ({"link": "brick", "along": (0.0, 0.0, 0.0)}, "must not be zero"),
    ],
)
def test_what_leaves_no_body_is_refused(values, said):
    with pytest.raises(ValueError, match=said):
        stretch(brick(), [Stretch(**values)])


def segments(robot):
    """Lengths of the left thigh and shin, m."""
    model = robot.model
    hip, knee, ankle = (
        model.place(f"left_{joint}") for joint in ("hip_pitch", "knee", "ankle_pitch")
    )
    return np.linalg.norm(knee - hip), np.linalg.norm(ankle - knee)


@pytest.mark.parametrize("name", ["porter", "courier", "pocket", "strider"])
def test_a_humanoid_has_the_proportions_that_it_is_told(name):
    robot = find_robot(name)
    thigh, shin = segments(robot)
    varied = robot.varied({"size": 0.8, "thigh": 1.1, "shin": 0.9, "hips": 1.2, "trunk": 1.3})
    np.testing.assert_allclose(segments(varied), (0.8 * 1.1 * thigh, 0.8 * 0.9 * shin))
    apart = [abs(leg.sole[1] * 2.0) for leg in (robot.legs[0], varied.legs[0])]
    assert apart[1] > 0.8 * 1.1 * apart[0]
    trunks = [body.model.links[body.model.root].mass for body in (robot, varied)]
    assert trunks[1] == pytest.approx(0.8**3 * 1.3 * trunks[0])
    # It stands as its files' robot does: with the soles on the ground.
    for body in (robot, varied):
        assert body.height + body.legs[0].sole[2] == pytest.approx(0.0, abs=2e-3)
    assert varied.digest != robot.digest
    assert robot.varied({}) is robot


@pytest.mark.parametrize("name", sorted(BODY))
def test_every_factor_makes_another_body(name):
    """A row of the table that nothing reads would be drawn in vain."""
    porter = find_robot("porter")
    assert porter.varied({name: 1.2}) != porter.varied({"what nothing reads": 1.2})


@pytest.mark.parametrize("name", ["porter", "strider", "pocket"])
@pytest.mark.parametrize("knee", [0.8, 1.2])
def test_other_proportions_stand_with_the_ankles_under_the_hips(name, knee):
    """Else a body would lean because of how it was drawn, and no designer would have it so."""
    robot = find_robot(name)
    assert robot.legs[0].lean == pytest.approx(0.0, abs=0.01)
    other = robot.varied({"thigh": 1.15, "shin": 0.85, "knee": knee})
    for leg in other.legs:
        assert leg.lean == pytest.approx(0.0, abs=0.01)
    pitches = [a.neutral for a in other.actuators if a.role.removeprefix("left_") in PITCHES]
    was = [a.neutral for a in robot.actuators if a.role.removeprefix("left_") in PITCHES]
    assert sum(pitches) == pytest.approx(sum(was) * (-1.0 if knee > 1.0 else 1.0))  # level soles
    assert abs(pitches[0]) != pytest.approx(abs(was[0]), abs=0.03)


@pytest.mark.parametrize("name", ["porter", "courier", "pocket", "strider"])
def test_a_longer_trunk_carries_as_much_higher_and_weighs_the_same(name):
    robot = find_robot(name)
    tall = robot.varied({"torso": 1.2})
    elbows, masses, centers = (
        [measure(body) for body in (robot, tall)]
        for measure in (
            lambda body: body.model.place("left_elbow")[2],
            lambda body: sum(link.mass for link in body.model.links.values()),
            lambda body: body.model.links[body.model.root].center[2],
        )
    )
    assert tall.cradle.up - robot.cradle.up == pytest.approx(elbows[1] - elbows[0], abs=0.01)
    assert elbows[1] > elbows[0] + 0.03
    assert masses[1] == pytest.approx(masses[0])
    assert centers[1] == pytest.approx(1.2 * centers[0])
    assert tall.height == pytest.approx(robot.height)


def test_who_has_no_arms_that_move_carries_higher_with_a_longer_trunk_too():
    robot = find_robot("porter")
    legs = tuple(a for a in robot.actuators if a.role.split("_", 1)[1] not in ARM)
    armless = replace(robot, actuators=legs)
    tall = armless.varied({"torso": 1.2})
    assert tall.cradle.up == pytest.approx(1.2 * armless.cradle.up)


@pytest.mark.parametrize("name", ["porter", "courier", "pocket", "strider"])
def test_shorter_feet_end_earlier_before_and_behind(name):
    robot = find_robot(name)
    ends = []
    for body in (robot, robot.varied({"foot": 0.8})):
        foot = body.model.links[body.model.joints[body.feet[0]].child]
        pose = body.model.posed(posture(body, body.model))[foot.name]
        boxes = [corners(foot, shape, pose) for shape in foot.collisions]
        around = np.concatenate(boxes) - pose[:3, 3]
        ends.append((around.min(axis=0), around.max(axis=0)))
    np.testing.assert_allclose(ends[1], ends[0] * np.asarray((0.8, 1.0, 1.0)), atol=1e-6)


def test_a_heavier_trunk_comes_with_stronger_motors():
    porter = find_robot("porter")
    heavy = porter.varied({"trunk": 1.8})
    weight, force, stiffness = (
        [measure(body) for body in (porter, heavy)]
        for measure in (
            lambda body: sum(link.mass for link in body.model.links.values()),
            lambda body: body.actuators[0].force,
            lambda body: body.actuators[0].stiffness,
        )
    )
    assert weight[1] > 1.3 * weight[0]
    assert force[1] / force[0] == pytest.approx(weight[1] / weight[0])
    assert stiffness[1] / stiffness[0] == pytest.approx(weight[1] / weight[0])


@pytest.mark.parametrize("name", ["porter", "strider"])
def test_knees_that_bend_the_other_way_are_as_far_behind_as_they_were_before(name):
    robot = find_robot(name)
    other = robot.varied({"knee": 1.2})
    way = []
    for body in (robot, other):
        poses = body.model.posed(posture(body, body.model))
        hip, knee, ankle = (
            poses[body.model.joints[f"left_{role}"].child][:3, 3] for role in PITCHES
        )
        way.append((knee - hip, ankle - hip))
    np.testing.assert_allclose(way[1], way[0] * np.asarray((-1.0, 1.0, 1.0)), atol=1e-6)
    assert abs(way[0][0][0]) > 0.1
    assert other.legs[0].length == pytest.approx(robot.legs[0].length)
    assert all(finding.passed for finding in stand(other, Parcel.physics_rate))


def test_hips_that_hardly_yaw_are_locked_and_who_has_them_goes_aside():
    porter = find_robot("porter")
    reaches, pilots = [], []
    for factor in (1.0, 0.41, 0.39):
        robot = porter.varied({"yaw": factor})
        gait = Gait(robot)
        reaches.append(max(a.high for a in robot.actuators if a.role.endswith("hip_yaw")))
        pilots.append(type(pilot_of(gait, 0.5, 0.2, 0.0)))
    assert reaches == pytest.approx([0.25, 0.41 * 0.25, 0.02 * 0.25])
    assert pilots == [Pilot, Pilot, Sidestepper]
    assert 0.0 < Gait(porter.varied({"yaw": 0.41})).turn < Gait(porter).turn


@pytest.mark.parametrize("size", [0.5, 1.0, 1.3])
def test_hips_that_are_held_do_not_give(size):
    """A robot would turn by what they give, which one without such joints cannot."""
    given = {}
    for factor in (0.41, 0.39):
        robot = find_robot("porter").varied({"yaw": factor, "size": size})
        env = Environment(robot, Parcel(robot), Bullet())
        yaws = [k for k, a in enumerate(robot.actuators) if a.role.endswith("hip_yaw")]
        neutral = np.asarray([robot.actuators[k].neutral for k in yaws])
        still = np.zeros(16, dtype=np.float32)
        env.reset(options={"episode": 2, "suite": "mixed"})
        env.task.pilot = Pilot(Gait(robot), 0.2, 0.1)  # neither is told to turn
        deflections = []
        for _ in range(120):
            env.step(still)
            deflections.append(np.abs(env.simulator.joints()[0][yaws] - neutral).max())
        env.close()
        given[factor] = max(deflections)
    assert given[0.39] < 0.012
    assert given[0.39] < 0.3 * given[0.41]


def test_another_size_walks_as_froude_says():
    porter = find_robot("porter")
    half = porter.varied({"size": 0.5})
    whole, small = Gait(porter), Gait(half)
    assert small.period == pytest.approx(math.sqrt(0.5) * whole.period)
    assert small.speed == pytest.approx(math.sqrt(0.5) * whole.speed)
    still = 0.7, 0.0, 0.0, 1.0
    np.testing.assert_allclose(small.targets(*still), whole.targets(*still), atol=1e-6)


def test_another_size_is_read_as_the_same(monkeypatch):
    """In a world of 0.7 the size, where all takes the root of it as long, the same is read."""
    size, read = 0.7, []
    porter = find_robot("porter")
    for factor in (1.0, size):
        robot, tempo = porter.varied({"size": factor}), math.sqrt(factor)
        with monkeypatch.context() as scaled:
            near = replace(SUITES["mixed"], distance=(2.0 * factor, 5.0 * factor))
            scaled.setitem(SUITES, "mixed", near)
            scaled.setattr(Parcel, "control_rate", Parcel.control_rate / tempo)
            scaled.setattr(Parcel, "physics_rate", Parcel.physics_rate / tempo)
            env = Environment(robot, Parcel(robot), Bullet(), privileged=True)
            seen = [env.reset(options={"episode": 1, "suite": "mixed"})[0]]
            seen += [env.step(np.full(16, 0.1, dtype=np.float32))[0] for _ in range(40)]
            env.close()
        read.append(np.asarray(seen))
    scale = np.asarray([feature.scale for feature in env.interface.observation])
    scale[env.interface.observation_names.index("privileged/leg")] = math.inf
    differ = np.abs(read[0] - read[1]) / scale
    moved = np.abs(read[0] - read[0][0]).max(axis=0) / scale
    assert np.quantile(differ, 0.9, axis=0).max() < 0.07
    assert np.median(moved) > 0.1


@pytest.mark.parametrize("simulator", ["pybullet", "mujoco"])
def test_a_world_changes_its_body_with_its_seed_and_nothing_else(simulator):
    env = make_environment("parcel", "porter", randomization="bodies", simulator=simulator)
    still = np.zeros(env.action_space.shape, dtype=np.float32)
    spaces, seen = (env.observation_space, env.interface), []
    for seed in (1, 2, 1):
        env.reset(seed=seed)
        body = env.robot
        seen.append((body.height, [env.step(still)[0] for _ in range(10)]))
        env.reset()
        assert env.robot is body
        assert (env.observation_space, env.interface) == spaces
    env.close()
    assert seen[0][0] != seen[1][0]
    assert seen[0][0] == seen[2][0]
    np.testing.assert_array_equal(seen[0][1], seen[2][1])


def test_bodies_are_drawn_from_all_that_can_be():
    """Every corner of what shapes legs is a body that its gait can move, at ends of the rest."""
    ends = {
        term.parameter: (term.low, term.high)
        for term in RANDOMIZATIONS["bodies"]
        if term.parameter in BODY
    }
    assert set(ends) == set(BODY)
    legs = ("size", "thigh", "shin", "foot", "knee", "yaw")
    others = sorted(set(ends) - set(legs))
    porter = find_robot("porter")
    for corner in product((0, 1), repeat=len(legs)):
        # Sums of three: all ends of any three parameters come together.
        side = dict(zip(legs, corner, strict=True))
        side |= {name: sum(corner[k : k + 3]) % 2 for k, name in enumerate(others)}
        Gait(porter.varied({name: ends[name][end] for name, end in side.items()}))


def test_a_robot_file_may_stretch_its_urdf(tmp_path):
    folder = find_robot("porter").source.parent
    text = (folder / "robot.toml").read_text()
    (tmp_path / "porter.urdf").write_bytes((folder / "porter.urdf").read_bytes())
    more = '\n[[stretches]]\nlink = "trunk"\ndensity = 1.5\n'
    (tmp_path / "robot.toml").write_text(text + more)
    trunks = [find_robot(where).model.links["trunk"].mass for where in ("porter", tmp_path)]
    assert trunks[1] == pytest.approx(1.5 * trunks[0])
    (tmp_path / "robot.toml").write_text(text + more.replace("density", "densiti"))
    with pytest.raises(ValueError, match=r"stretches\[0\].densiti.*did you mean"):
        find_robot(tmp_path)
