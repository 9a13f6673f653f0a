from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.bundle import Network
from agents.policy import NamedPolicy
from envs import find_robot, make_environment
from simtransfer.initialization import fit_head, freeze, initialize, report
from simtransfer.plan import PLANS
from simtransfer.recollection import recollect
from simtransfer.view import TeacherView

TINY = Network((16, 16), (16, 16))


def student_of(robot, network=TINY):
    world = make_environment("driving", robot, privileged=True)
    world.close()
    policy = NamedPolicy(
        world.observation_space,
        world.action_space,
        lambda _: 1e-3,
        interface=world.interface,
        hidden=network.hidden,
        critic_hidden=network.critic_hidden,
    )
    return policy, world.interface


def transfer(bundle, robot, method="finetune"):
    policy, interface = student_of(robot)
    view = TeacherView(bundle, find_robot("hatchback"), find_robot(robot), interface)

    def fit():
        return fit_head(bundle, view, recollect(bundle, find_robot("hatchback"), "none"))

    taken = initialize(policy, bundle, view, PLANS[method], fit)
    return policy, interface, view, taken


def observations(interface, count=200):
    rng = np.random.default_rng(3)
    low = np.asarray([f.low for f in interface.observation])
    high = np.asarray([f.high for f in interface.observation])
    middle, half = (low + high) / 2, (high - low) / 2
    return (middle + half * rng.uniform(-0.3, 0.3, (count, len(low)))).astype(np.float32)


def test_the_same_body_acts_identically(make_bundle):
    bundle = make_bundle()
    policy, interface, _, taken = transfer(bundle, "hatchback")
    seen = observations(interface)
    with torch.no_grad():
        copied = policy.mean_action(torch.as_tensor(seen)).clamp(-1, 1).numpy()
    np.testing.assert_allclose(copied, bundle.policy(interface)(seen), atol=2e-5)
    assert {status for status, _ in taken.values()} == {"copied"}


def test_another_body_of_the_same_name_is_another_body(make_bundle):
    bundle, teacher = make_bundle(), find_robot("hatchback")
    first, *others = teacher.actuators
    student = replace(teacher, actuators=(replace(first, high=0.5 * first.high), *others))
    policy, interface = student_of("hatchback")
    view = TeacherView(bundle, teacher, student, interface)
    states = np.random.default_rng(0).normal(size=(200, len(bundle.reads))).astype(np.float32)
    fitted = fit_head(bundle, view, states)
    taken = initialize(policy, bundle, view, PLANS["finetune"], lambda: fitted)
    assert taken["actor.head.weight"][0] == "aligned"


@pytest.mark.parametrize("robot", ["van", "skid_steer", "trike"])
def test_another_body_hears_what_the_teacher_would_see(make_bundle, robot):
    """The student's trunk computes the teacher's features of the aligned readings exactly."""
    bundle = make_bundle()
    policy, interface, view, taken = transfer(bundle, robot)
    seen = observations(interface)
    columns = interface.indices(f.name for f in interface.group("deployable"))
    aligned = torch.as_tensor(view.observations(seen[:, columns]))
    with torch.no_grad():
        theirs = bundle.actor().trunk(aligned)
        mine = policy.mlp_extractor.actor(torch.as_tensor(seen))
    torch.testing.assert_close(mine, theirs, atol=2e-4, rtol=1e-3)
    assert taken["actor.trunk.layers.0.weight"][0] == "aligned"


def test_the_critic_comes_along(make_bundle):
    bundle = make_bundle()
    policy, *_ = transfer(bundle, "van")
    assert torch.equal(policy.value_net.weight, bundle.tensors["critic.head.weight"])


def test_trunk_only_leaves_a_new_last_layer(make_bundle):
    bundle = make_bundle()
    _, _, _, taken = transfer(bundle, "van", "frozen")
    assert not any("head" in name for name in taken)


def test_every_tensor_is_accounted_for(make_bundle):
    policy, _, _, taken = transfer(make_bundle(), "van", "last_layer")
    rows = report(policy.named_tensors(), taken, freeze(policy, "head"))
    status = {row.tensor: row.status for row in rows}
    assert status["actor.trunk.layers.2.weight"] == "copied, frozen"
    assert status["actor.trunk.layers.0.weight"] == "aligned, frozen"
    assert "frozen" not in status["actor.head.weight"]
    assert set(status) == {n for n in policy.named_tensors() if not n.endswith("count")}
    assert "interpolated" in next(r.detail for r in rows if r.tensor.endswith("layers.0.weight"))


def test_another_width_is_refused_with_the_way_out(make_bundle):
    bundle = make_bundle()
    policy, interface = student_of("van", Network((8, 8), (8, 8)))
    view = TeacherView(bundle, find_robot("hatchback"), find_robot("van"), interface)
    with pytest.raises(ValueError, match="distill"):
        initialize(policy, bundle, view, PLANS["finetune"], not_needed)
    assert initialize(policy, bundle, view, PLANS["dagger"], not_needed) == {}


def not_needed():
    raise AssertionError("the teacher acted where nothing is fitted")


def test_the_teacher_acts_only_where_a_layer_is_fitted_to_it(make_bundle):
    bundle, own = make_bundle(), find_robot("hatchback")
    for robot, method in (("hatchback", "finetune"), ("van", "frozen")):
        policy, interface = student_of(robot)
        view = TeacherView(bundle, own, find_robot(robot), interface)
        assert initialize(policy, bundle, view, PLANS[method], not_needed)


@pytest.mark.parametrize("robot", ["van", "skid_steer", "trike"])
def test_the_fitted_head_acts_as_the_view_does_where_the_teacher_goes(make_bundle, robot):
    """Also where a limit bends the map of actions: the teacher's drive is near its own."""
    bundle = make_bundle()
    bundle.tensors["actor.head.bias"][:] = torch.tensor([0.1, 0.9])
    own = find_robot("hatchback")
    states = recollect(bundle, own, "nominal")
    policy, _, view, taken = transfer(bundle, robot)
    speed = [feature.name for feature in bundle.reads].index("base/linear_velocity/x")
    wanted = view.actions(bundle.actor().act(states), states[:, [speed]])
    with torch.no_grad():
        latent = bundle.actor().trunk(torch.as_tensor(states))
        fitted = policy.action_net(latent).numpy()
    assert np.abs(fitted - wanted).mean() < 0.08  # of 2, for a teacher of random weights
    assert "variance explained" in taken["actor.head.weight"][1]


def test_recollection_repeats(make_bundle):
    own = find_robot("hatchback")
    first, second = (recollect(make_bundle(), own, "nominal") for _ in range(2))
    assert np.array_equal(first, second)
