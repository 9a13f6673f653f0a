import multiprocessing
import os
import signal
from functools import partial

import numpy as np
import pytest

from agents.answers import answer, opened
from agents.group import LocalGroup, shares
from agents.processes import ProcessGroup, forkserver, form, workers_for
from agents.worlds import Worlds
from envs import make_environment

MAKE = partial(make_environment, "driving", "hatchback", randomization="wide", privileged=True)


@pytest.fixture
def group():
    made = []

    def build(count, workers):
        made.append(form(MAKE, count, workers))
        return made[-1]

    yield build
    for one in made:
        one.close()


def rollout(worlds, steps=150):
    """Everything that worlds hand over in some steps, episodes' ends among them."""
    rng = np.random.default_rng(0)
    seen, ends = [worlds.reset()], []
    for _ in range(steps):
        actions = rng.uniform(-1, 1, (worlds.num_envs, 2)).astype(np.float32)
        observations, rewards, dones, infos = worlds.step(actions)
        seen.append(np.column_stack([observations, rewards, dones]))
        ends += [
            (i, info["episode"], info["terminal_observation"].tolist(), info["is_success"])
            for i, info in enumerate(infos)
            if info
        ]
    return seen[0], np.stack(seen[1:]), ends


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_where_worlds_run_changes_nothing(group, workers):
    here = rollout(Worlds(group(5, 1), range(5)))
    there = rollout(Worlds(group(5, workers), range(5)))
    np.testing.assert_array_equal(here[0], there[0])
    np.testing.assert_array_equal(here[1], there[1])
    assert here[2] == there[2]
    assert len({end[0] for end in here[2]}) > 1


def steer(observations, noise):
    drawn = noise + 0.1 * np.tanh(observations[:, :1])
    return drawn, np.clip(drawn, -1.0, 1.0)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_worlds_that_run_on_do_what_worlds_that_are_stepped_do(group, workers):
    noise = np.random.default_rng(1).normal(size=(150, 5, 2)).astype(np.float32)
    stepped, heard = Worlds(group(5, 1), range(5)), ([], [])
    there = Worlds(group(5, workers), range(5), on_episode=lambda *told: heard[1].append(told))
    stepped._on_episode = lambda *told: heard[0].append(told)
    seen = stepped.reset()
    np.testing.assert_array_equal(seen, there.reset())
    for some in (noise[:70], noise[70:]):
        for thrown, step in zip(some, there.run(steer, some), strict=True):
            drawn, done = steer(seen, thrown)
            after, rewards, ended, infos = stepped.step(done)
            for one, other in zip(step[:5], (seen, drawn, after, rewards, ended), strict=True):
                np.testing.assert_array_equal(one, other)
            for one, other in zip(step.infos, infos, strict=True):
                assert one.keys() == other.keys()
                last = [told.pop("terminal_observation", 0.0) for told in (one, other)]
                np.testing.assert_array_equal(*last)
                assert one == other
            seen = after
    assert heard[0] == heard[1]
    assert len({world for world, _ in heard[0]}) > 1


def stumble(observations, noise):
    raise ZeroDivisionError("how far?")


def test_what_goes_wrong_while_worlds_run_is_told_and_they_can_run_on(group):
    there, noise = Worlds(group(4, 2)), np.zeros((3, 4, 2), dtype=np.float32)
    there.reset()
    with pytest.raises(ZeroDivisionError, match="how far"):
        there.run(stumble, noise)
    assert len(there.run(steer, noise)) == 3


def test_a_worlds_methods_and_attributes_are_reached(group):
    worlds = Worlds(group(3, 2))
    assert isinstance(worlds.group, ProcessGroup)
    assert worlds.get_attr("suite") == ["mixed"] * 3
    worlds.set_attr("suite", "jaywalker", indices=[2])
    assert worlds.get_attr("suite") == ["mixed", "mixed", "jaywalker"]
    observations = worlds.env_method("reset", seed=4)
    assert np.array_equal(observations[0][0], observations[1][0])


@pytest.mark.parametrize("wrong", [0, 1])
def test_what_goes_wrong_in_a_process_is_told_here_and_it_goes_on(group, wrong):
    here, there = group(2, 1), group(2, 2)
    with pytest.raises(ValueError, match="unknown suite 'mixd'; did you mean 'mixed'") as caught:
        there.reset({wrong: {"options": {"suite": "mixd"}}, 1 - wrong: {"seed": 3}})
    where = [str(entry.path) for entry in caught.traceback]
    assert any("environment.py" in told for told in (*where, str(caught.value.__cause__)))
    for worlds in (here, there):
        worlds.reset({0: {"seed": 1}, 1: {"seed": 2}})
        worlds.step(renew=True)
    np.testing.assert_array_equal(here.arrays.observations, there.arrays.observations)


class SecretError(Exception):
    def __reduce__(self):
        raise TypeError("nobody may send this")


def refuse():
    raise SecretError("what went wrong")


@pytest.mark.parametrize(
    ("work", "said"), [(lambda: lambda: None, "pickle"), (refuse, "SecretError: what went wrong")]
)
def test_what_cannot_be_sent_is_told_in_words(work, said):
    with pytest.raises(Exception, match=said) as caught:
        opened(answer(work))
    assert "Traceback" in str(caught.value.__cause__)


def test_a_wrong_robot_is_told_here():
    with pytest.raises(ValueError, match="did you mean 'hatchback'"):
        ProcessGroup(partial(make_environment, "driving", "hatchbak"), 2, 2)


def test_a_process_that_was_killed_is_noticed(group):
    there = group(2, 2)
    os.kill(there._processes[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="a worker process died"):
        for _ in range(100):
            there.reset({0: {"seed": 1}, 1: {"seed": 2}})


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "work", [lambda group: group.get("suite", 1), lambda group: group.reset({})]
)
def test_who_is_interrupted_leaves_nothing_half_asked(group, work):
    there = group(2, 2)
    there._lines[0].answer = interrupt
    with pytest.raises(KeyboardInterrupt):
        work(there)
    assert not any(process.is_alive() for process in there._processes)


def test_closing_leaves_no_process(group):
    there = group(4, 2)
    there.close()
    assert not any(process.is_alive() for process in there._processes)


@pytest.mark.parametrize(("count", "workers"), [(1, 1), (5, 2), (16, 16), (3, 8), (20, 6)])
def test_worlds_are_shared_out_evenly(count, workers):
    parts = shares(count, workers)
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
    sizes = [part.stop - part.start for part in parts]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1


def test_worlds_that_rest_are_left_alone():
    worlds = LocalGroup(MAKE, 2)
    worlds.reset({0: {"seed": 1}, 1: {"seed": 2}})
    worlds.arrays.running[1] = False
    before = worlds.arrays.observations.copy()
    worlds.step(renew=True)
    assert np.array_equal(worlds.arrays.observations[1], before[1])
    assert not np.array_equal(worlds.arrays.observations[0], before[0])
    worlds.close()


def test_fewer_than_one_process_or_far_more_than_cores_are_refused():
    assert workers_for(3) == 3
    assert workers_for(None) >= 1
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        workers_for(0)
    with pytest.raises(ValueError, match=r"workers must be at most \d+ \(4 for each of"):
        workers_for(1_000_000)
    with pytest.raises(ValueError, match="workers must be a whole number"):
        workers_for(2.5)


def tell_what_is_blocked(pipe):
    pipe.send(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_processes_leave_ctrl_c_to_whoever_starts_them():
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = forkserver().Process(target=tell_what_is_blocked, args=(theirs,))
    process.start()
    assert signal.SIGINT in ours.recv()
    process.join()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
