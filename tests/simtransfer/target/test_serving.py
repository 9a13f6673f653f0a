"""A robot and its client, in two processes or two threads, over real sockets."""

import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from agents.arena import Arena
from agents.array_policy import ArrayPolicy
from agents.bundle import load_bundle
from agents.evaluation import evaluate
from envs import make_environment
from simtransfer.cli import main
from simtransfer.deployment import Deployment
from simtransfer.target.actuation import Actuation
from simtransfer.target.client import Client, ClientWire
from simtransfer.target.control_loop import Patience
from simtransfer.target.description import Description
from simtransfer.target.link import MOST
from simtransfer.target.network_faults import Faults
from simtransfer.target.record import Played
from simtransfer.target.server import TargetConfig, TargetServer
from simtransfer.target.wire import Kind, Message

DRIVER = "hatchback-driving"
SPEED = 20.0


@pytest.fixture(scope="module")
def deployed():
    return Deployment(DRIVER)


@contextmanager
def serving(over=None, **options):
    """A robot in a thread: its server, its URL and what it has played so far.

    With the event `over` it is switched off.
    """
    server = TargetServer(TargetConfig(**({"episodes": 1, "speed": SPEED} | options)))
    over, played = over or threading.Event(), []
    interrupted = lambda: "the test" if over.is_set() else ""  # noqa: E731
    thread = threading.Thread(target=server.run, args=(played.append, interrupted))
    thread.start()
    try:
        yield server, "udp://{}:{}".format(*server.address), played
    finally:
        over.set()
        thread.join(120.0)
        assert not thread.is_alive()


@pytest.fixture
def served():
    """A robot in a process of its own, in lockstep: the process and its URL."""
    words = ["target", "serve", "hatchback", "--lockstep", "--episodes", "2", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "simtransfer", *words], stdout=subprocess.PIPE, text=True
    )
    yield process, process.stdout.readline().strip()
    process.kill()
    process.wait()


class Peer:
    """Somebody who speaks the protocol by hand."""

    def __init__(self, server):
        self.wire = ClientWire(*server.address)

    def hear(self, *kinds, within=60.0):
        until = self.wire.clock.now() + within
        while came := self.wire.wait(until):
            if came[1].kind in kinds:
                return came[1]
        raise AssertionError(f"none of {kinds} came")

    def begin(self):
        """Say hello and begin; returns the first reading."""
        self.wire.send(Message(Kind.HELLO))
        described = self.hear(Kind.DESCRIPTION)
        self.told, self.digest = Description.read(described.text), described.digest
        self.wire.send(Message(Kind.READY, self.digest))
        return self.hear(Kind.READING)

    def drive(self, sequence, *targets):
        values = np.asarray(targets)
        self.wire.send(Message(Kind.COMMAND, self.digest, 0.0, 0, sequence, values))


def speed_of(reading, told):
    return reading.values[told.observation.index("base/linear_velocity/x")]


def in_process(episodes):
    """The same control loop without a network: all readings and successes."""
    bundle = load_bundle(DRIVER)
    world = make_environment("driving", "hatchback", randomization="nominal", simulator="mujoco")
    policy = ArrayPolicy(bundle.actor(world.interface))
    actuation = Actuation(world.robot, world.task.control_rate)
    readings, successes = [], []
    for episode in range(episodes):
        observation, _ = world.reset(options={"episode": episode})
        last, ended = actuation.rest, False
        while not ended:
            readings.append(observation)
            last = actuation.limited(actuation.targets(policy(observation)), last)
            observation, _, terminated, truncated, info = world.step(actuation.action(last))
            ended = terminated or truncated
        successes.append(info["is_success"])
    world.close()
    return np.asarray(readings), successes


def test_in_lockstep_two_processes_do_what_one_does_to_the_bit(served, deployed):
    _, url = served
    client, seen = Client(deployed, url), []
    control = client._skill.control

    def recording(observation):
        seen.append(observation.copy())
        return control(observation)

    client._skill = replace(client._skill, control=recording)
    run = client.run()
    readings, successes = in_process(2)
    assert np.asarray(seen).tobytes() == readings.tobytes()
    assert [played.success for played in run.played] == successes
    assert run.ended == ""
    assert run.counts[0]["answered"] == run.played[0].counts["steps"]


def test_success_in_lockstep_is_what_evaluation_says(deployed):
    make = partial(
        make_environment, "driving", "hatchback", randomization="nominal", simulator="mujoco"
    )
    with Arena(make) as worlds:
        table = evaluate(deployed.act, worlds, {"mixed": 2})
    with serving(lockstep=True, episodes=2) as (_, url, _):
        run = Client(deployed, url).run()
    assert [played.success for played in run.played] == table["success"].tolist()


def test_a_bad_network_is_borne_and_counted(deployed):
    faults = Faults(loss=0.2, delay=0.01, jitter=0.005)
    with serving(faults=faults, speed=10.0, leave_after=60.0) as (_, url, _):
        run = Client(deployed, url, Patience(give_up=60.0)).run()
    (played,), (counts,) = run.played, run.counts
    assert run.ended == ""
    assert 0.05 < played.counts["readings_lost"] / played.counts["steps"] < 0.4
    assert 0.05 < played.counts["commands_lost"] / played.counts["steps"] < 0.4
    assert counts["missing"] > 0 < counts["held"]
    assert played.counts["held"] >= played.counts["commands_lost"] // 2


def test_a_robot_that_hears_no_commands_any_more_stops(deployed):
    with serving(speed=5.0, safe_after=1.0, leave_after=60.0) as (server, _, _):
        peer = Peer(server)
        reading = peer.begin()
        while speed_of(reading, peer.told) < 4.0:
            peer.drive(reading.sequence, 0.0, 8.0)
            reading = peer.hear(Kind.READING)
        result = Played.read(peer.hear(Kind.RESULT).text)
    assert not result.success
    assert result.measures["stuck"]
    assert result.counts["safe"] > 10


def test_a_stop_brings_the_robot_to_rest_and_fails_the_episode(deployed):
    with serving(episodes=2, lockstep=True) as (server, _, _):
        peer = Peer(server)
        reading = peer.begin()
        for _ in range(10):
            peer.drive(reading.sequence, 0.0, 8.0)
            reading = peer.hear(Kind.READING)
        peer.wire.send(Message(Kind.STOP, peer.digest, text="smoke"))
        speeds = []
        while (message := peer.hear(Kind.READING, Kind.RESULT)).kind is Kind.READING:
            speeds.append(speed_of(message, peer.told))
        result = Played.read(message.text)
    assert (result.success, result.ended) == (False, "stopped: smoke")
    assert speeds[-1] < 0.5 < speeds[0]


def test_the_second_client_is_refused_and_not_obeyed(deployed, capsys):
    # In lockstep the robot waits for its client, however long the other one takes to start.
    with serving(leave_after=600.0, lockstep=True) as (server, url, _):
        first, second = Peer(server), Peer(server)
        reading = first.begin()
        assert main(["deploy", DRIVER, "--target", url]) == 2
        said = capsys.readouterr().err
        assert re.search(r"the robot is driven by 127.0.0.1:\d+ already", said)
        second.digest, second.wire.session = first.digest, first.wire.session  # it overheard it
        second.drive(reading.sequence, 0.0, -1.0)
        second.wire.send(Message(Kind.STOP))
        second.wire.send(Message(Kind.BYE))
        first.drive(reading.sequence, 0.0, 5.0)
        first.hear(Kind.READING)
        first.wire.send(Message(Kind.STOP, text="enough"))
        result = Played.read(first.hear(Kind.RESULT).text)
    assert result.ended == "stopped: enough"
    assert result.counts["foreign"] == 3
    assert result.counts["commands"] == 1
    assert result.counts["hellos"] >= 2


def test_who_does_not_know_the_session_number_is_not_obeyed():
    """A forger that sends from the client's own address, but cannot read what the robot sends."""
    with serving(leave_after=600.0, lockstep=True) as (server, _, _):
        peer = Peer(server)
        reading, session = peer.begin(), peer.wire.session
        for forged in (0, session ^ 1):
            peer.wire.session = forged
            peer.drive(reading.sequence, 0.0, -1.0)
            peer.wire.send(Message(Kind.STOP))
        peer.wire.session = session
        peer.drive(reading.sequence, 0.0, 5.0)
        assert peer.hear(Kind.READING).sequence == 1
        peer.wire.send(Message(Kind.STOP, text="enough"))
        result = Played.read(peer.hear(Kind.RESULT).text)
    assert result.ended == "stopped: enough"
    assert (result.counts["foreign"], result.counts["commands"]) == (4, 1)


def test_a_hello_from_a_forged_address_does_not_keep_the_robot():
    with serving(leave_after=600.0, lockstep=True) as (server, _, _):
        for _ in range(3):  # they never come back with the number that was sent to them
            ClientWire(*server.address).send(Message(Kind.HELLO))
        peer = Peer(server)
        assert peer.begin().sequence == 0
        peer.wire.send(Message(Kind.BYE))
        result = Played.read(peer.hear(Kind.RESULT).text)
    assert result.counts["hellos"] == 3 + 2


def test_a_session_that_the_robot_has_ended_is_refused_in_words():
    with serving(episodes=2, lockstep=True) as (server, _, _):
        peer = Peer(server)
        peer.begin()
        peer.wire.send(Message(Kind.STOP, text="enough"))
        peer.hear(Kind.RESULT)
        peer.wire.send(Message(Kind.READY, peer.digest, episode=1))
        with pytest.raises(ValueError, match="has ended the session with this client"):
            peer.hear(Kind.READING)


def test_more_messages_than_are_read_take_no_memory_and_are_counted():
    with serving(faults=Faults(delay=1e6)) as (server, _, _):
        peer = Peer(server)
        while server.arrivals.overflow == 0:
            peer.wire.send(Message(Kind.HELLO))
            assert peer.wire.wait(0.0) is None  # asks for a description once it has a session
        assert server.arrivals.hellos > MOST


def test_a_refusal_cannot_steer_the_terminal(capsys):
    with broken([]) as (robot, url):
        robot.refusal = "\x1b]0;owned\x07\x1b[2J[red]no[/nonsense]\nroot@robot:~#"
        assert main(["deploy", DRIVER, "--target", url]) == 2
    said = capsys.readouterr().err
    assert said == "simtransfer: ?]0;owned??[2J[red]no[/nonsense]?root@robot:~#\n"


def test_noise_is_counted_and_does_no_harm(deployed):
    rng = np.random.default_rng(0)
    with serving(lockstep=True) as (server, url, _):
        noise = ClientWire(*server.address)._socket

        def on_reading(observation):
            noise.send(rng.bytes(int(rng.integers(0, 100))))
            return control(observation)

        client = Client(deployed, url)
        control = client._skill.control
        client._skill = replace(client._skill, control=on_reading)
        (played,) = client.run().played
    assert played.counts["malformed"] > 0.9 * played.counts["steps"]
    assert played.success


@pytest.mark.parametrize(
    ("options", "arguments", "said"),
    [
        (
            {"robot": "trike"},
            [],
            "it observes 'joint/rear_steering/position' where 'hatchback' has "
            "'joint/front_steering/position'",
        ),
        ({"robot": "van"}, ["--robot", "trike"], "at the target is a 'van'"),
        (
            {"robot": "porter", "task": "parcel"},
            [],
            "the robot is there for 'parcel', the bundle was trained for 'driving'",
        ),
    ],
)
def test_another_robot_is_refused_in_one_line(options, arguments, said, capsys):
    with serving(**options) as (_, url, _):
        assert main(["deploy", DRIVER, "--target", url, *arguments]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert len(printed.strip().splitlines()) == 1


def test_a_client_of_another_interface_is_refused_by_the_robot_too():
    with serving() as (server, _, _):
        peer = Peer(server)
        peer.wire.send(Message(Kind.HELLO))
        peer.hear(Kind.DESCRIPTION)
        peer.wire.send(Message(Kind.READY, 123))
        with pytest.raises(ValueError, match="made for another interface"):
            peer.hear(Kind.READING)


def test_another_robot_is_driven_through_a_view_when_that_is_asked_for():
    with serving(robot="trike", lockstep=True) as (_, url, _):
        run = Client(Deployment(DRIVER, "trike"), url).run()
    assert run.ended == ""
    assert run.counts[0]["answered"] == run.played[0].counts["steps"]


class Broken:
    """A robot whose readings go wrong, or cease."""

    def __init__(self, readings, speed):
        self.server = TargetServer(TargetConfig(episodes=1, speed=speed))
        self.readings, self.heard, self.refusal = readings, [], ""

    def run(self):
        link, server = self.server._link, self.server
        names = server._world.interface
        until = time.monotonic() + 60.0
        tick = -1
        while time.monotonic() < until and not any(m.kind is Kind.BYE for m in self.heard):
            arrived = link.wait(server._clock.now() + 1.0 / 10.0)
            if arrived:
                self.heard.append(arrived[1])
            if arrived and self.refusal:
                link.answer(Message(Kind.REFUSAL, text=self.refusal))
                break
            if arrived and arrived[1].kind is Kind.HELLO:
                link.answer(server._introduction(0))
            if arrived and arrived[1].kind is Kind.READY:
                tick = max(tick, 0)
            if 0 <= tick < len(self.readings):
                values = np.full(len(names.observation), self.readings[tick], dtype=np.float32)
                link.send(Message(Kind.READING, server._digest, 0.0, 0, tick, values))
                tick += 1
        link.close()


@contextmanager
def broken(readings, speed=SPEED):
    robot = Broken(readings, speed)
    thread = threading.Thread(target=robot.run)
    thread.start()
    yield robot, "udp://{}:{}".format(*robot.server.address)
    thread.join()


def test_a_reading_that_is_no_number_stops_the_robot(capsys):
    with broken([0.0, 0.0, np.nan]) as (robot, url):
        assert main(["deploy", DRIVER, "--target", url]) == 1
    said = capsys.readouterr().err
    assert "emergency stop: base/linear_velocity/x reads nan" in said
    assert len(said.strip().splitlines()) == 1
    stops = [m.text for m in robot.heard if m.kind is Kind.STOP]
    assert len(stops) > 1
    assert "reads nan" in stops[0]


def test_when_readings_cease_commands_are_held_then_safe_then_the_run_ends(deployed):
    with broken([0.0] * 4, speed=5.0) as (robot, url):
        run = Client(deployed, url, Patience(safe_after=4.0, give_up=1.5)).run()
    assert "nothing has come from the robot" in run.ended
    said = [m for m in robot.heard if m.kind in (Kind.COMMAND, Kind.REST)]
    commands = [m for m in said if m.kind is Kind.COMMAND]
    rest = [m for m in said if m.kind is Kind.REST]
    assert said == commands + rest
    # How many of each is the business of `test_control_loop`, which has a clock of its own: on a
    # busy machine a reading may be overtaken by the next one.
    assert 0 < run.counts[0]["answered"] <= 4
    assert len(commands) == run.counts[0]["answered"] + run.counts[0]["held"]
    np.testing.assert_array_equal(commands[-1].values, commands[-2].values)
    assert rest[-1].values[1] == 0.0  # the car brakes


def test_a_robot_that_dies_ends_the_run_with_a_word(served, deployed):
    process, url = served
    looks = []

    def kill_soon():
        looks.append(1)
        if len(looks) == 30:
            process.kill()
        return ""

    run = Client(deployed, url, Patience(give_up=0.5), kill_soon).run()
    assert run.ended.startswith("nothing has come from the robot")
    assert run.played == []
    assert 0 < run.counts[0]["answered"] < 31


def test_an_interrupted_client_stops_the_robot(deployed):
    with serving(episodes=2, leave_after=60.0) as (_, url, played):
        calls = []

        def interrupted():
            calls.append(1)
            return "SIGINT" if len(calls) > 20 else ""

        run = Client(deployed, url, None, interrupted).run()
        assert run.ended == "emergency stop: interrupted by SIGINT"
        while not played:  # it comes to rest before anybody else may drive it
            time.sleep(0.01)
        assert Client(deployed, url, Patience(give_up=60.0)).run().ended == ""
    stopped, following = played
    assert (stopped.success, stopped.ended) == (False, "stopped: interrupted by SIGINT")
    assert following.ended == "task"


def test_a_robot_that_is_switched_off_says_so(deployed):
    over = threading.Event()
    with serving(over, speed=1.0) as (_, url, played):
        client = Client(deployed, url)
        control = client._skill.control

        def switching_off(observation):
            over.set()
            return control(observation)

        client._skill = replace(client._skill, control=switching_off)
        assert client.run().ended == "the robot was switched off"
    assert played == []  # half an episode is none


def test_a_port_that_is_taken_is_refused():
    with serving() as (server, _, _):
        port = server.address[1]
        assert main(["target", "serve", "--port", str(port)]) == 2
