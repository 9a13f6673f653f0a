"""The client's end of the wire, and a run from hello to good-bye."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from simtransfer.deployment import Deployment
from simtransfer.target.actuation import Actuation
from simtransfer.target.clock import GLANCE, Clock, Pauses
from simtransfer.target.control_loop import Loop, Patience
from simtransfer.target.description import Description, check_fit, digest
from simtransfer.target.hand import Hand, Skill
from simtransfer.target.link import BURST, LARGEST
from simtransfer.target.pacing import AGAIN
from simtransfer.target.record import Played, total
from simtransfer.target.safety import EmergencyStopError, RobotSilentError
from simtransfer.target.wire import (
    ForeignError,
    Kind,
    Message,
    VersionError,
    decode,
    encode,
    printable,
)

ANSWER_WITHIN = 5.0  # s of the wall clock for a robot to say who it is
BEGIN_WITHIN = 15.0  # s of the wall clock for a robot to begin an episode
STOPS = 5  # times that a stop is said, since any of them may be lost
EXPECTED = "udp://HOST:PORT, as 'simtransfer target serve' prints it"


@dataclass
class Run:
    """What has been played so far.

    Attributes:
        played: Episodes as the robot told their results.
        counts: Of the control loops.
        latencies: From a reading's arrival until its command went, s of the wall clock.
        ended: Why the run was cut short; empty if it was not.
    """

    played: list[Played] = field(default_factory=list)
    counts: list[dict[str, int]] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    ended: str = ""

    def told(self) -> dict[str, object]:
        """The client's figures as plain data."""
        marks = {"median": 50, "99 %": 99, "at most": 100}
        spent = 1000.0 * np.asarray(self.latencies or [np.nan])
        times = {name: round(float(np.percentile(spent, q)), 3) for name, q in marks.items()}
        return {"counts": total(self.counts), "latency_ms": times if self.latencies else {}}


def parse_target(target: str) -> tuple[str, int]:
    """Host and port of ``udp://HOST:PORT``.

    Raises:
        ValueError: If it is something else.
    """
    found = re.fullmatch(r"udp://([^:/\s]+):(\d{1,5})", target)
    if not found or not 0 < int(found[2]) < 65_536:
        raise ValueError(f"--target {target!r} is no target; give {EXPECTED}")
    return found[1], int(found[2])


class ClientWire:
    """A socket to one robot.

    Args:
        host: Where it is.
        port: Its UDP port.

    Attributes:
        clock: The robot's time, once it is known how fast that is.
        session: The number that the robot has given to this client; 0 before it has.

    Raises:
        ValueError: If there is no such host.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.connect((host, port))
        except OSError as error:
            self._socket.close()
            raise ValueError(f"cannot reach {host}:{port}: {error.strerror}") from None
        self._socket.setblocking(False)
        self.clock = Clock()
        self.session = 0

    def send(self, message: Message) -> None:
        """Send; what cannot be sent is lost, as anything may be. A hello begins a new session."""
        if message.kind is Kind.HELLO:
            self.session = 0
        self._send(message)

    def _send(self, message: Message) -> None:
        try:
            self._socket.send(encode(replace(message, session=self.session)))
        except OSError:
            return

    def wait(self, until: float) -> tuple[float, Message] | None:
        """See `simtransfer.target.control_loop.Wire.wait`; returns sooner from a flood of noise.

        Raises:
            ValueError: If the robot refuses, or speaks another version.
            RobotSilentError: If it goes.
        """
        for _ in range(BURST):
            try:
                message = decode(self._socket.recv(LARGEST))
            except BlockingIOError:
                if (now := self.clock.now()) >= until:
                    return None
                select.select([self._socket], [], [], min(self.clock.wall(until - now), GLANCE))
                continue
            except VersionError as error:
                if self.session:  # the robot has shown that it speaks this one: a forger
                    continue
                raise ValueError(f"{error}; use the same release at both ends") from None
            except (ForeignError, OSError):  # noise, or word that nobody listens there
                continue
            if self.session and message.session != self.session:  # not from this robot
                continue
            if message.kind is Kind.DESCRIPTION:
                self.session = message.session
            if message.kind is Kind.SESSION:
                self.session = message.session
                self._send(Message(Kind.HELLO))
                continue
            if message.kind is Kind.REFUSAL:
                self.session = 0  # there is none to say good-bye to
                raise ValueError(printable(message.text))
            if message.kind is Kind.BYE:
                raise RobotSilentError("the robot was switched off")
            return self.clock.now(), message
        return None

    def close(self) -> None:
        """Free the socket."""
        self._socket.close()


class Client:
    """A policy that drives a robot over UDP.

    Args:
        deployment: The policy, and the robot that is expected.
        target: ``udp://HOST:PORT``.
        patience: With a robot that falls silent.
        interrupted: Tells who wants it to stop; empty while nobody does.

    Attributes:
        told: What the robot said of itself.

    Raises:
        ValueError: If nobody answers there, or the robot is not the one that is expected.
        EmergencyStopError: If somebody wants to stop before anything has begun.
    """

    def __init__(
        self,
        deployment: Deployment,
        target: str,
        patience: Patience | None = None,
        interrupted: Callable[[], str] = str,
    ) -> None:
        self._target = target
        self._interrupted, self._patience = interrupted, patience or Patience()
        self._wire = ClientWire(*parse_target(target))
        try:
            self.told = told = self._introduce()
            check_fit(told, deployment.bundle.task, deployment.robot, deployment.interface)
            deployment.require_commands(told.control_rate, told.unit, told.low, told.high)
            if not told.lockstep and told.step_seconds >= self._patience.give_up:
                raise ValueError(
                    f"the robot sends a reading every {told.step_seconds:g} s of the wall clock, "
                    f"but give_up is {self._patience.give_up:g} s; have more patience"
                )
        except BaseException:
            self.leave()
            raise
        self._wire.clock = Clock(told.speed)
        self._skill = Skill(
            deployment.controller(),
            Actuation(deployment.robot, told.control_rate),
            deployment.interface,
            digest(deployment.interface),
        )

    def run(self, on_episode: Callable[[Played], None] | None = None) -> Run:
        """Play what the robot has left to play; stop it if need be."""
        run = Run()
        try:
            for number in range(self.told.begun, self.told.episodes):
                played = self._play(number, run)
                run.played.append(played)
                if on_episode:
                    on_episode(played)
                if played.last:
                    break
        except EmergencyStopError as stop:
            run.ended = f"emergency stop: {stop}"
            self._stop(str(stop))
        except RobotSilentError as silence:
            run.ended = str(silence)
            self._stop(run.ended)  # it may hear still what it cannot be heard to say
        except BaseException:  # whatever it is, nobody drives the robot any more
            self._stop("the client failed")
            raise
        finally:
            self.leave()
        return run

    def leave(self) -> None:
        """Say good-bye."""
        for _ in range(STOPS if self._wire.session else 0):
            self._wire.send(Message(Kind.BYE))
        self._wire.close()

    def _introduce(self) -> Description:
        answer = self._ask(
            Message(Kind.HELLO), lambda message: message.kind is Kind.DESCRIPTION, ANSWER_WITHIN
        )
        if answer is None:
            raise ValueError(f"no robot answers at {self._target}; start one and give {EXPECTED}")
        return Description.read(answer.text)

    def _play(self, number: int, run: Run) -> Played:
        hand = Hand(self._skill, number, self._wire.send)

        def begins(message: Message) -> bool:
            # In a bad network an episode may be over before anything of it was heard.
            return hand.is_over(message) or hand.takes(message, self._wire.clock.now())

        ready = Message(Kind.READY, self._skill.digest, episode=number)
        first = self._ask(ready, begins, BEGIN_WITHIN)
        if first is None:
            raise RobotSilentError("the robot does not begin an episode")
        if first.kind is Kind.RESULT:
            return Played.read(first.text)
        loop = Loop(self._wire, hand, self._patience, self._interrupted)
        try:
            if self.told.lockstep:
                last = loop.in_lockstep(first)
            else:
                last = loop.in_real_time(first, 1.0 / self.told.control_rate)
        finally:
            run.counts.append(hand.counts)
            run.latencies += hand.latencies
        return Played.read(last.text)

    def _ask(
        self, question: Message, wanted: Callable[[Message], bool], within: float
    ) -> Message | None:
        """Say something until an answer of the wanted kind comes, so many seconds at most."""
        clock = Clock()
        pauses = Pauses(clock.now())
        while clock.now() - pauses.total < within:
            if who := self._interrupted():
                raise EmergencyStopError(f"interrupted by {who}")
            self._wire.send(question)
            until = self._wire.clock.now() + AGAIN * self._wire.clock.speed
            while came := self._wire.wait(until):
                if wanted(came[1]):
                    return came[1]
                if self._wire.clock.now() >= until:
                    break  # however much else comes
            pauses.look(clock.now())
        return None

    def _stop(self, reason: str) -> None:
        """Say stop several times."""
        for _ in range(STOPS):
            self._wire.send(Message(Kind.STOP, self._skill.digest, text=reason))
            time.sleep(0.01)
