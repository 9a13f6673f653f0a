"""The control loop: one command in every control step, whatever comes from the robot."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from simtransfer.target.clock import GLANCE, Clock, Pauses
from simtransfer.target.hand import Hand
from simtransfer.target.safety import EmergencyStopError, RobotSilentError
from simtransfer.target.wire import AHEAD, Kind, Message

WAIT = 0.5  # of a control step that a reading may be late and still be answered at once
FOLLOW = 0.05  # of what readings are early or late that the schedule moves by


class Wire(Protocol):
    """The client's end of the wire."""

    clock: Clock

    def wait(self, until: float) -> tuple[float, Message] | None:
        """The next message and when it came, in robot's seconds; None if none comes until then."""


@dataclass(frozen=True)
class Patience:
    """How long to go on without readings.

    Attributes:
        safe_after: Robot's seconds without a reading after which the safe posture is taken; until
            then the last command is held.
        give_up: Seconds of the wall clock without one after which the run is over.
    """

    safe_after: float = 0.5
    give_up: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what is no time."""
        for name in ("safe_after", "give_up"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be positive, got {getattr(self, name):g}")


class Schedule:
    """When readings are due.

    Deadlines are absolute: what one step takes too long is not added to the next. The robot's clock
    sets the pace: the schedule follows its readings slowly, so that jitter does not shake it.

    Args:
        dt: Of a control step, robot's seconds.
        step: Of the first reading.
        now: When that came.
    """

    def __init__(self, dt: float, step: int, now: float) -> None:
        self.dt = dt
        self._begin = now - step * dt

    def due(self, step: int) -> float:
        """When a step's reading is expected; its command must be out before the next one's."""
        return self._begin + step * self.dt

    def at(self, now: float) -> int:
        """Which step's time it is."""
        return int((now - self._begin) // self.dt)

    def met(self, step: int, now: float) -> None:
        """Follow a reading that came in time."""
        self._begin += FOLLOW * (now - self.due(step))

    def missed(self, step: int, now: float) -> None:
        """Follow one that came too late at once: the robot may have halted its clock."""
        self._begin = now - step * self.dt


class Loop:
    """One episode's control loop.

    Args:
        wire: To the robot.
        hand: That moves it.
        patience: With silence.
        interrupted: Tells who wants it to stop; empty while nobody does.
    """

    def __init__(
        self, wire: Wire, hand: Hand, patience: Patience, interrupted: Callable[[], str]
    ) -> None:
        self._wire, self._clock, self._hand = wire, wire.clock, hand
        self._patience, self._interrupted = patience, interrupted
        self._pauses = Pauses(self._clock.wall(self._clock.now()))

    def in_real_time(self, first: Message, dt: float) -> Message:
        """Act once in every control step, from the first reading until the result comes.

        Args:
            first: The episode's first reading to arrive, which the hand has taken.
            dt: Of a control step, robot's seconds.

        Raises:
            EmergencyStopError: If somebody wants that, or a reading is unsound.
            RobotSilentError: If nothing has come for long.
        """
        hand, clock = self._hand, self._clock
        schedule = Schedule(dt, first.sequence, hand.heard)
        hand.answer(first, first.sequence, time.monotonic())
        step, unread = first.sequence + 1, None
        while True:
            until = schedule.due(step) + WAIT * dt
            came = self._wire.wait(min(until, clock.now() + GLANCE * clock.speed))
            self._look(clock.now())
            if came and hand.is_over(came[1]):
                return came[1]
            if came and hand.takes(came[1], came[0]):
                now, reading = came
                if reading.sequence < step:
                    hand.counts["late"] += 1
                    # Commands that are farther ahead the robot has not taken: it was halted.
                    step = min(step, reading.sequence + math.ceil(AHEAD / dt) + 1)
                    schedule.missed(reading.sequence, now)
                    unread = (reading, time.monotonic())
                    continue
                schedule.met(reading.sequence, now)
                hand.answer(reading, reading.sequence, time.monotonic())
                done, unread = reading.sequence, None
            elif came or clock.now() < until:
                continue
            elif unread:
                hand.answer(unread[0], step, time.monotonic())
                done, unread = step, None
            elif clock.now() - hand.heard > self._patience.safe_after:
                hand.rest(step)
                done = step
            else:
                hand.hold(step)
                done = step
            step = done + 1
            # What the machine slept through cannot be made up for.
            behind = max(schedule.at(clock.now()) - done, 0)
            hand.counts["deadline_misses"] += behind
            step += max(behind - 1, 0)

    def in_lockstep(self, first: Message) -> Message:
        """Answer each reading when it comes, from the first one until the result comes.

        Args:
            first: See `in_real_time`.

        Raises:
            EmergencyStopError: If somebody wants that, or a reading is unsound.
            RobotSilentError: If nothing has come for long.
        """
        hand, clock = self._hand, self._clock
        hand.answer(first, first.sequence, time.monotonic())
        while True:
            came = self._wire.wait(clock.now() + GLANCE * clock.speed)
            self._look(clock.now())
            if came and hand.is_over(came[1]):
                return came[1]
            if came and came[1].kind is Kind.READING:
                if hand.takes(came[1], came[0]):
                    hand.answer(came[1], came[1].sequence, time.monotonic())
                else:  # the robot waits still: it has not heard the answer
                    hand.repeat()

    def _look(self, now: float) -> None:
        """See whether to go on at all."""
        if who := self._interrupted():
            raise EmergencyStopError(f"interrupted by {who}")
        self._pauses.look(self._clock.wall(now))
        # The robot cannot be blamed for the time in which nothing was read.
        heard = max(self._clock.wall(self._hand.heard), self._pauses.end)
        silent = self._clock.wall(now) - heard
        if silent > self._patience.give_up:
            reason = f"nothing has come from the robot for {silent:.1f} s"
            if self._pauses.total:
                reason += f", after this client itself did not run for {self._pauses.total:.1f} s"
            raise RobotSilentError(reason)
