"""The hand that moves the robot: from readings to commands within limits, and without readings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.interface import Interface
from simtransfer.target.actuation import Actuation, Targets
from simtransfer.target.safety import ReadingCheck
from simtransfer.target.wire import Kind, Message

Control = Callable[[NDArray[np.float32]], NDArray[np.float32]]
FARTHEST = 2**31  # control steps: no episode is that long, and the wire counts no further
COUNTS = ("answered", "held", "safe", "deadline_misses", "late", "outdated", "missing", "unusable")


@dataclass(frozen=True)
class Skill:
    """What is needed to answer any reading of a robot.

    Attributes:
        control: The policy: a reading to an action in [-1, 1].
        actuation: Of the robot.
        interface: Of the robot.
        digest: Of that interface.
    """

    control: Control
    actuation: Actuation
    interface: Interface
    digest: int


class Hand:
    """Commands of one episode.

    Args:
        skill: How to answer.
        episode: Its number.
        send: Sends a message to the robot.

    Attributes:
        newest: The last reading's sequence.
        heard: When it came, in robot's seconds.
        counts: Control steps and readings by what happened to them.
        latencies: From a reading's arrival until its command went, s of the wall clock.
    """

    def __init__(self, skill: Skill, episode: int, send: Callable[[Message], None]) -> None:
        self._skill, self._episode, self._send = skill, episode, send
        self._check = ReadingCheck(skill.interface.observation)
        self._targets: Targets = skill.actuation.rest
        self._said = Message(Kind.COMMAND)
        self.newest = -1
        self.heard = 0.0
        self.counts = dict.fromkeys(COUNTS, 0)
        self.latencies: list[float] = []

    def is_over(self, message: Message) -> bool:
        """Whether a message tells that the episode has ended."""
        return message.kind is Kind.RESULT and message.episode == self._episode

    def takes(self, reading: Message, when: float) -> bool:
        """Whether a reading that came then, in robot's seconds, is news of this episode.

        What was sent before one that has come already tells nothing any more.
        """
        if reading.kind is not Kind.READING or reading.episode != self._episode:
            return False
        skill = self._skill
        fits = len(reading.values) == len(skill.interface.observation)
        if reading.digest != skill.digest or not fits or reading.sequence >= FARTHEST:
            self.counts["unusable"] += 1
            return False
        if reading.sequence <= self.newest:
            self.counts["outdated"] += 1
            return False
        self.counts["missing"] += reading.sequence - self.newest - 1
        self.newest, self.heard = reading.sequence, when
        return True

    def answer(self, reading: Message, step: int, arrived: float) -> None:
        """Do what the policy says.

        Args:
            reading: What it reads.
            step: The control step that the command is for.
            arrived: When the reading came, s of `time.monotonic`.

        Raises:
            EmergencyStopError: If no policy should act on that.
        """
        self._check(reading.values)
        actuation = self._skill.actuation
        wanted = actuation.targets(self._skill.control(reading.values))
        self._command(Kind.COMMAND, step, actuation.limited(wanted, self._targets))
        self.latencies.append(time.monotonic() - arrived)
        self.counts["answered"] += 1

    def hold(self, step: int) -> None:
        """Say the last command again."""
        self._command(Kind.COMMAND, step, self._targets)
        self.counts["held"] += 1

    def rest(self, step: int) -> None:
        """Go on into the safe posture."""
        self._command(Kind.REST, step, self._skill.actuation.toward_safety(self._targets))
        self.counts["safe"] += 1

    def repeat(self) -> None:
        """Send the last message once more."""
        self._send(self._said)

    def _command(self, kind: Kind, step: int, targets: Targets) -> None:
        self._targets = targets
        skill = self._skill
        self._said = Message(kind, skill.digest, 0.0, self._episode, step, targets)
        self._send(self._said)
