"""Peers that say what no peer should: neither end falls over, and neither stops listening."""

import json
import socket
import threading
import time
from contextlib import nullcontext
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import find_robot, make_environment
from envs.interface import Feature, Interface
from simtransfer.deployment import Deployment
from simtransfer.target.actuation import Actuation
from simtransfer.target.client import Client, ClientWire
from simtransfer.target.clock import Clock
from simtransfer.target.control_loop import Patience
from simtransfer.target.description import Description, check_fit
from simtransfer.target.hand import FARTHEST, Hand, Skill
from simtransfer.target.link import Link
from simtransfer.target.network_faults import Faults
from simtransfer.target.record import BY_TASK, Played, summary, summary_table
from simtransfer.target.server import TargetConfig, TargetServer
from simtransfer.target.wire import LONGEST, Kind, Message, encode

TOLD = Description(
    robot="hatchback",
    robot_digest="0",
    task="driving",
    control_rate=10.0,
    speed=1.0,
    lockstep=False,
    episodes=2,
    begun=0,
    observation=("a",),
    action=("b",),
    unit=("rad",),
    low=(-1.0,),
    high=(1.0,),
    rate=(0.0,),
)


class Robot:
    """A robot in a thread, and somebody who speaks to it by hand."""

    def __init__(self, **options):
        self.over, self.played = threading.Event(), []
        self.server = TargetServer(TargetConfig(**({"episodes": 2, "speed": 20.0} | options)))
        interrupted = lambda: "the test" if self.over.is_set() else ""  # noqa: E731
        arguments = (self.played.append, interrupted)
        self.thread = threading.Thread(target=self.server.run, args=arguments)
        self.thread.start()
        self.wire = ClientWire(*self.server.address)

    def hear(self, kind):
        until = self.wire.clock.now() + 60.0
        while came := self.wire.wait(until):
            if came[1].kind is kind:
                return came[1]
        raise AssertionError(f"no {kind.name} came")

    def begin(self, number=0):
        self.wire.send(Message(Kind.HELLO))
        told = self.hear(Kind.DESCRIPTION)
        self.wire.send(Message(Kind.READY, told.digest, episode=number))
        self.hear(Kind.READING)
        return Description.read(told.text)

    def close(self):
        """Switch it off; returns how long that took, s."""
        began = time.monotonic()
        self.over.set()
        self.thread.join(120.0)
        self.wire.close()
        return time.monotonic() - began


def test_a_stop_whose_reason_is_as_long_as_a_datagram_ends_an_episode_and_no_more():
    robot = Robot()
    try:
        robot.begin()
        # In JSON each of these is two characters: the result would not fit into a datagram.
        robot.wire.send(Message(Kind.STOP, text='"' * LONGEST))
        robot.hear(Kind.RESULT)
        assert robot.begin(1).begun == 1
    finally:
        robot.close()
    assert len(robot.played) == 1
    assert robot.played[0].ended.startswith('stopped: """')


SLOW = {"speed": 0.001, "leave_after": 1000.0}  # a reading every 100 s
AT_ONCE = 60.0  # s, even on a busy machine


def test_a_robot_is_switched_off_at_once_however_slow_its_time():
    robot = Robot(**SLOW)
    try:
        robot.begin()
    finally:
        spent = robot.close()
    assert spent < AT_ONCE


def test_a_robot_is_switched_off_at_once_however_slow_its_network():
    robot = Robot(faults=Faults(delay=1e6))
    try:
        while robot.server.arrivals.hellos < 5:
            robot.wire.send(Message(Kind.HELLO))
    finally:
        spent = robot.close()
    assert spent < AT_ONCE


def test_a_robot_that_is_served_is_the_same_one_in_every_episode():
    robot = Robot(robot="porter", task="parcel", randomization="full")
    try:
        first = robot.begin()
        robot.wire.send(Message(Kind.STOP, text="enough"))
        robot.hear(Kind.RESULT)
        assert robot.begin(1) == replace(first, begun=1)
    finally:
        robot.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"robot": "porter", "task": "parcel", "randomization": "bodies"}, "draws no bodies"),
        ({"speed": 1e-12}, "a control step takes 1e"),
        ({"speed": 1e300}, "speed must be at most 1000"),
        ({"host": ""}, "host must not be empty"),
        ({"episodes": 2**32}, "episodes must be at least 1, at most"),
    ],
)
def test_what_cannot_be_served_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        TargetServer(TargetConfig(**options))


def test_cars_have_no_proportions_to_draw():
    server = TargetServer(TargetConfig(randomization="bodies"))
    server._link.close()
    server._world.close()


@given(
    st.sampled_from(sorted(asdict(TOLD))),
    st.one_of(
        st.floats(),
        st.integers(),
        st.text(max_size=9),
        st.none(),
        st.lists(st.floats(), max_size=3),
    ),
)
def test_whatever_a_robot_says_of_itself_is_usable_or_refused(key, value):
    text = json.dumps(asdict(TOLD) | {key: value})
    try:
        told = Description.read(text)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert 0.0 < told.step_seconds < float("inf")
    assert 0 <= told.begun <= told.episodes < 2**32
    assert 0.0 < told.speed <= 1000.0


def test_a_robot_of_another_pace_than_the_policy_was_trained_for_is_refused():
    world = make_environment()
    robot, interface = find_robot("hatchback"), world.interface
    world.close()
    fitting = replace(
        TOLD,
        robot_digest=robot.digest,
        observation=interface.observation_names,
        action=interface.action_names,
    )
    check_fit(fitting, "driving", robot, interface)
    with pytest.raises(ValueError, match="acts 10 times"):
        check_fit(replace(fitting, control_rate=50.0), "driving", robot, interface)


def test_results_need_not_all_tell_the_same():
    told = [{"distance": 3.0}, {"collision": True, "distance": 5.0}, {}]
    played = [
        Played(k, False, BY_TASK, 1.0, k == 2, measures, {}) for k, measures in enumerate(told)
    ]
    row = summary(played)
    assert row["distance_mean"] == 4.0
    assert row["collision_rate"] == 1.0
    assert summary_table("", row).row_count


def test_a_reading_from_the_far_future_is_not_taken():
    skill = Skill(
        lambda reading: reading,
        Actuation(find_robot("hatchback"), 10.0),
        Interface((Feature("a", "1", -1.0, 1.0),), ()),
        7,
    )
    hand = Hand(skill, 0, lambda message: None)
    # The commands that follow could not be numbered.
    reading = Message(Kind.READING, 7, 0.0, 0, 2**32 - 1, np.zeros(1, dtype=np.float32))
    assert not hand.takes(reading, 0.0)
    assert hand.counts["unusable"] == 1
    assert hand.takes(replace(reading, sequence=FARTHEST - 1), 0.0)


@pytest.fixture(scope="module")
def deployed():
    return Deployment("hatchback-driving")


@pytest.mark.parametrize("give_up", [3.0, 6.0])
def test_a_robot_slower_than_the_client_has_patience_for_is_refused(give_up, deployed):
    robot = Robot(speed=0.021)  # a reading every 4.8 s
    url = "udp://{}:{}".format(*robot.server.address)
    said = r"a reading every 4\.76.* s of the wall clock, but give_up is 3 s"
    try:
        with pytest.raises(ValueError, match=said) if give_up < 4.0 else nullcontext():
            Client(deployed, url, Patience(give_up=give_up)).leave()
    finally:
        robot.close()


def test_an_emergency_stop_does_not_wait_for_the_next_reading(deployed):
    robot = Robot(**SLOW)
    url = "udp://{}:{}".format(*robot.server.address)
    looks = []

    def interrupted():
        looks.append(time.monotonic())
        return "Ctrl-C" if len(looks) > 10 else ""

    try:
        client = Client(deployed, url, Patience(give_up=1000.0), interrupted)
        run = client.run()
        assert time.monotonic() - looks[10] < AT_ONCE
        assert run.ended == "emergency stop: interrupted by Ctrl-C"
    finally:
        robot.close()


def test_nothing_that_a_stranger_sends_is_answered_with_much_more():
    """A forged address would get the answers: a robot must be no means to flood it."""
    robot = Robot(robot="porter", task="parcel")
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.connect(robot.server.address)
    stranger.settimeout(20.0)
    try:
        for begun in (False, True):
            if begun:
                robot.begin()
            for kind in Kind:
                for version in (1, 2):
                    datagram = bytearray(encode(Message(kind, session=version)))
                    datagram[4] = version
                    stranger.send(datagram)
            stranger.send(b"simT")
            stranger.send(encode(Message(Kind.HELLO, episode=1))[:32])
            stranger.send(encode(Message(Kind.HELLO, session=7)))
            # To both versions' hello, to the ready, and to the last.
            assert max(len(stranger.recv(65_535)) for _ in range(4)) <= 3 * 40
    finally:
        stranger.close()
        robot.close()


def test_a_client_of_an_older_version_is_answered_in_one_of_its_length():
    robot = Robot()
    old = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        old.settimeout(20.0)
        old.sendto(b"simT\x01\x01" + bytes(26), robot.server.address)
        answer = old.recv(65_535)
        assert (answer[:4], len(answer)) == (b"simT", 40)
        assert answer[4] != 1  # which that version's client reports
    finally:
        old.close()
        robot.close()


@pytest.fixture
def forged():
    """A socket of a robot's, and a client's end that is connected to it."""
    robot = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    robot.bind(("127.0.0.1", 0))
    robot.settimeout(20.0)
    wire = ClientWire(*robot.getsockname())
    wire.send(Message(Kind.HELLO))
    _, client = robot.recvfrom(65_535)
    yield lambda message: robot.sendto(message, client), wire
    wire.close()
    robot.close()


def test_a_forged_version_does_not_end_a_session(forged):
    """It needs no session number: whoever forges the robot's address can send it."""
    send, wire = forged
    other = bytearray(encode(Message(Kind.READING)))
    other[4] = 9
    send(other)
    with pytest.raises(ValueError, match="version 9"):
        wire.wait(wire.clock.now() + 20.0)
    send(encode(Message(Kind.DESCRIPTION, text="{}", session=5)))
    send(other)
    send(encode(Message(Kind.READING, session=5)))
    assert wire.wait(wire.clock.now() + 20.0)[1].kind is Kind.DESCRIPTION
    assert wire.wait(wire.clock.now() + 20.0)[1].kind is Kind.READING


def test_a_flood_of_noise_does_not_keep_the_control_loop(forged):
    send, wire = forged
    for _ in range(200):
        send(b"noise")
    wire.session = 5
    send(encode(Message(Kind.READING, session=5)))
    calls = [wire.wait(wire.clock.now() + 20.0) for _ in range(2)]
    assert calls == [None, None]  # and it can look for Ctrl-C in between
    while not (came := wire.wait(wire.clock.now() + 20.0)):
        pass
    assert came[1].kind is Kind.READING


class ClockByHand(Clock):
    """A clock that is moved by hand."""

    seconds = 0.0

    def now(self):
        return self.seconds


def test_a_client_is_not_blamed_for_the_time_in_which_the_robot_did_not_run():
    clock = ClockByHand()
    link = Link("127.0.0.1", 0, clock, Faults(), 0)
    try:
        for clock.seconds in (0.5, 1.0, 1.5):
            assert link.wait(clock.seconds) is None
        assert link.silence == 1.5
        clock.seconds += 100.0  # the process was stopped
        assert link.silence == 0.0
        clock.seconds += 0.5
        assert link.silence == 0.5
    finally:
        link.close()
