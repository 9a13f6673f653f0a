import os
import signal
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from agents.actor import Actor
from agents.arena import WORLDS, Arena
from agents.evaluation import evaluate, places
from agents.networks import Trunk
from agents.processes import ProcessGroup, forkserver
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


def actor(*hidden):
    world = MAKE()
    world.close()
    torch.manual_seed(0)
    trunk = Trunk(world.interface, world.interface.group("deployable"), hidden, "tanh")
    return Actor(trunk, nn.Linear(hidden[-1], 2))


def test_the_number_of_processes_changes_no_result(arena):
    tables = [
        evaluate(creep, arena(workers), {"mixed": 23, "jaywalker": 3}) for workers in (1, 2, 3)
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    assert list(tables[0]["episode"]) == [*range(23), *range(3)]
    assert list(tables[0]["suite"]) == ["mixed"] * 23 + ["jaywalker"] * 3


@pytest.mark.parametrize("hidden", [(8,), (100, 50)])  # of which some round each row in its own way
def test_who_plays_which_episode_changes_no_result(arena, hidden):
    act = actor(*hidden).act
    tables = [evaluate(act, arena(workers), {"mixed": 24}) for workers in (1, 2, 2, 3)]
    assert all(table.equals(tables[0]) for table in tables)


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


def test_of_a_policy_that_changes_later_what_it_was_is_played(arena):
    here, policy = arena(2), actor(8)
    before = evaluate(policy.act, here, {"mixed": 9})
    here.begin(policy.act, places({"mixed": 9}))
    here.hold()
    with torch.no_grad():
        policy.head.weight.mul_(-1.0)
    changed = evaluate(policy.act, arena(1), {"mixed": 9})
    assert [e.episode_return for e in here.finish()] == list(before["episode_return"])
    assert list(changed["episode_return"]) != list(before["episode_return"])


def within(seconds, condition):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_others_play_without_this_process_and_rest_while_they_are_held(arena):
    here = arena(2)
    here.begin(creep, places({"mixed": 100}))
    assert within(300.0, lambda: here.is_done() or len(here._played) > 5)
    here.hold()

    def rest():  # each may have a step to end, however long that takes on a busy machine
        here.is_done()
        heard = len(here._played)
        time.sleep(0.3)
        return not here.is_done() and len(here._played) == heard

    assert within(300.0, rest)
    here.release()
    assert within(300.0, here.is_done)
    assert [episode.episode for episode in here.finish()] == list(range(100))


@pytest.mark.parametrize("workers", [1, 2])
def test_what_goes_wrong_is_told_and_no_process_left(arena, workers):
    here = arena(workers)
    with pytest.raises(ValueError, match="unknown suite 'mixd'; did you mean 'mixed'"):
        evaluate(creep, here, {"mixd": 30})
    assert not any(process.is_alive() for process in here._processes)
    with pytest.raises(RuntimeError, match="the arena is closed"):
        evaluate(creep, here, {"mixed": 30})


def test_one_thing_is_played_at_a_time(arena):
    here = arena(2)
    here.begin(creep, places({"mixed": 30}))
    with pytest.raises(RuntimeError, match="plays something else"):
        here.begin(creep, places({"mixed": 2}))
    assert len(here.finish()) == 30


def test_what_goes_wrong_elsewhere_is_told_as_it_was(arena):
    here = arena(2)
    here.begin(fail, places({"mixed": 30}))
    with pytest.raises(FileNotFoundError, match="no such thought") as caught:
        within(300.0, here.is_done)
    assert "in fail" in str(caught.value.__cause__)


def test_a_policy_that_cannot_be_sent_is_refused(arena):
    here = arena(2)
    with pytest.raises(ValueError, match="the policy cannot be sent to other processes"):
        evaluate(lambda observations: creep(observations), here, {"mixed": 3})
    assert len(evaluate(creep, here, {"mixed": 3})) == 3


@pytest.mark.parametrize("held", [False, True])
def test_a_process_that_was_killed_is_noticed(arena, held):
    here = arena(2)
    here.begin(creep, places({"mixed": 400}))
    assert within(300.0, lambda: here.is_done() or len(here._played) > 5)
    if held:
        here.hold()
        time.sleep(0.2)
    os.kill(here._processes[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="a worker process died"):
        here.finish()


def take_and_die(queue):
    queue.get_lock().acquire()
    os._exit(1)


def test_who_died_with_the_queue_in_hand_is_noticed(arena, monkeypatch):
    monkeypatch.setattr("agents.arena.PATIENCE", 0.1)
    here = arena(2)
    thief = forkserver().Process(target=take_and_die, args=(here._counters,))
    thief.start()
    thief.join()
    with pytest.raises(RuntimeError, match="died while it took one"):
        evaluate(creep, here, {"mixed": 3})


def interrupt(episode):
    raise KeyboardInterrupt


def test_who_is_interrupted_leaves_no_process(arena):
    here = arena(2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(creep, here, {"mixed": 50}, on_episode=interrupt)
    assert not any(process.is_alive() for process in here._processes)


def test_the_end_leaves_no_process_though_episodes_are_being_played():
    with Arena(MAKE, 2) as here:
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
