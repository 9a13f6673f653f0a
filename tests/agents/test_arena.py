import os
import signal
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from agents.actor import Actor
from agents.arena import WORLDS, Arena, side_by_side
from agents.evaluation import evaluate, places
from agents.networks import Trunk
from agents.processes import ProcessGroup
from envs import make_environment

MAKE = partial(make_environment, "driving", "hatchback", randomization="wide")


def creep(observations):
    return np.tile(np.float32([0.1, 0.3]), (len(observations), 1))


def fail(observations):
    raise FileNotFoundError("no such thought")


@pytest.fixture
def arena():
    made = []

    def build(workers):
        made.append(Arena(MAKE, workers))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def actor():
    world = MAKE()
    world.close()
    torch.manual_seed(0)
    trunk = Trunk(world.interface, world.interface.group("deployable"), (8,), "tanh")
    return Actor(trunk, nn.Linear(8, 2))


def test_the_number_of_processes_changes_no_result(arena):
    tables = [
        evaluate(creep, arena(workers), {"mixed": 23, "jaywalker": 3}) for workers in (1, 2, 3)
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    assert list(tables[0]["episode"]) == [*range(23), *range(3)]
    assert list(tables[0]["suite"]) == ["mixed"] * 23 + ["jaywalker"] * 3


@pytest.mark.parametrize("workers", [1, 2])
def test_an_arena_has_no_memory(arena, workers):
    here = arena(workers)
    later = evaluate(creep, here, {"mixed": 4}, first=9)
    evaluate(creep, here, {"wrong_way": 5})
    assert evaluate(creep, here, {"mixed": 4}, first=9).equals(later)
    assert evaluate(creep, here, {}).empty


@pytest.mark.parametrize("workers", [1, 2])
def test_each_episode_is_told_once_as_it_ends(arena, workers):
    told = []
    table = evaluate(creep, arena(workers), {"mixed": 2 * WORLDS + 1}, on_episode=told.append)
    assert sorted(episode.episode for episode in told) == list(table["episode"])


def test_of_a_policy_that_changes_later_what_it_was_is_played(arena, actor):
    here = arena(2)
    before = evaluate(actor.act, here, {"mixed": 3})
    here.hold()
    here.begin(actor.act, places({"mixed": 3}))
    weight = actor.head.weight.detach().clone()
    with torch.no_grad():
        actor.head.weight.mul_(-1.0)
    changed = evaluate(actor.act, arena(1), {"mixed": 3})
    assert [e.episode_return for e in here.finish()] == list(before["episode_return"])
    assert list(changed["episode_return"]) != list(before["episode_return"])
    with torch.no_grad():
        actor.head.weight.copy_(weight)


def within(seconds, condition):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_others_play_without_this_process_and_rest_while_they_are_held(arena):
    here = arena(2)
    here.begin(creep, places({"mixed": 400}))
    assert within(30.0, lambda: here.is_done() or len(here._told) > 5)
    here.hold()
    time.sleep(0.2)  # to end a step
    here.is_done()
    heard = len(here._told)
    time.sleep(0.3)
    assert not here.is_done()
    assert len(here._told) == heard
    here.release()
    assert within(60.0, here.is_done)
    assert [episode.episode for episode in here.finish()] == list(range(400))


@pytest.mark.parametrize("workers", [1, 2])
def test_what_goes_wrong_is_told_and_no_process_left(arena, workers):
    here = arena(workers)
    with pytest.raises(ValueError, match="unknown suite 'mixd'; did you mean 'mixed'"):
        evaluate(creep, here, {"mixd": 30})
    assert not any(process.is_alive() for process in here._processes)


def test_what_goes_wrong_elsewhere_is_told_as_it_was(arena):
    here = arena(2)
    here.begin(fail, places({"mixed": 30}))
    with pytest.raises(FileNotFoundError, match="no such thought") as caught:
        within(30.0, here.is_done)
    assert "in fail" in str(caught.value.__cause__)


def test_a_policy_that_cannot_be_sent_is_refused(arena):
    here = arena(2)
    with pytest.raises(ValueError, match="the policy cannot be sent to other processes"):
        evaluate(lambda observations: creep(observations), here, {"mixed": 3})
    assert len(evaluate(creep, here, {"mixed": 3})) == 3


def test_a_process_that_was_killed_is_noticed(arena):
    here = arena(2)
    here.hold()
    here.begin(creep, places({"mixed": 9}))
    os.kill(here._processes[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="a process that steps worlds died"):
        here.finish()


def interrupt(episode):
    raise KeyboardInterrupt


def test_who_is_interrupted_leaves_no_process(arena):
    here = arena(2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(creep, here, {"mixed": 50}, on_episode=interrupt)
    assert not any(process.is_alive() for process in here._processes)


def test_the_end_leaves_no_process_though_episodes_are_being_played():
    with side_by_side(MAKE, 2) as here:
        here.begin(creep, places({"mixed": 500}))
    assert not any(process.is_alive() for process in here._processes)


def test_a_wrong_robot_is_told_here():
    with pytest.raises(ValueError, match="did you mean 'hatchback'"):
        Arena(partial(make_environment, "driving", "hatchbak"), 2)


def test_it_and_a_group_of_worlds_get_along(arena):
    here, training = arena(2), ProcessGroup(MAKE, 2, 2)
    try:
        here.begin(creep, places({"mixed": 6}))
        training.reset({0: {"seed": 1}, 1: {"seed": 2}})
        for _ in range(50):
            training.step(renew=True)
        assert len(here.finish()) == 6
    finally:
        training.close()
