"""How a control step of the robot passes: at its time, or when the client has answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simtransfer.target.clock import Clock
from simtransfer.target.link import Link
from simtransfer.target.orders import Orders
from simtransfer.target.wire import Message

AGAIN = 0.05  # s of the wall clock, after which what was not answered is said again


class Pace(Protocol):
    """What decides when a control step is over.

    Attributes:
        overruns: Control steps so far that began a whole one late: the machine is too slow.
    """

    overruns: int

    def begin(self) -> float:
        """Begin an episode; returns when, in robot's seconds."""

    def step(self, reading: Message, orders: Orders) -> float:
        """Send a reading, hear what comes until the step's end, and let orders decide.

        Returns:
            Share of the step that passes before what was decided takes effect.
        """


class RealTime:
    """Each control step takes its time.

    Args:
        link: To the client.
        clock: The robot's.
        dt: Of a control step, s.
        safe_after: See `Orders.decide`.
        interrupted: Tells whether to wait no longer.
    """

    def __init__(
        self,
        link: Link,
        clock: Clock,
        dt: float,
        safe_after: float,
        interrupted: Callable[[], object] = bool,
    ) -> None:
        self._link, self._clock, self._dt = link, clock, dt
        self._safe_after, self._interrupted = safe_after, interrupted
        self.overruns = 0

    def begin(self) -> float:
        """See `Pace.begin`."""
        self._begin = self._clock.now()
        return self._begin

    def step(self, reading: Message, orders: Orders) -> float:
        """See `Pace.step`."""
        begin = self._begin
        now = self._clock.now()
        if now > begin + self._dt:  # the robot's time is stretched: no step is hurried through
            self.overruns += 1
            begin = now
        self._begin = end = begin + self._dt
        self._link.send(reading)
        while arrived := self._link.wait(end, self._interrupted):
            orders.hear(*arrived)
        return orders.decide(begin, end, self._safe_after)


class Lockstep:
    """Each control step waits for the command that answers its reading, and passes at once.

    Args:
        link: To the client.
        clock: The robot's.
        dt: Of a control step, s.
        abandoned: Tells whether there is nothing to wait for any more.
    """

    def __init__(
        self, link: Link, clock: Clock, dt: float, abandoned: Callable[[], object]
    ) -> None:
        self._link, self._clock, self._dt = link, clock, dt
        self._abandoned = abandoned
        self.overruns = 0

    def begin(self) -> float:
        """See `Pace.begin`: time is the simulated one, so that nothing is ever late."""
        return 0.0

    def step(self, reading: Message, orders: Orders) -> float:
        """See `Pace.step`."""
        self._link.send(reading)
        while orders.sequence < reading.sequence and not orders.ended and not self._abandoned():
            if arrived := self._link.wait(self._clock.now() + AGAIN):
                orders.hear(reading.time, arrived[1])
            else:
                self._link.send(reading)
        return orders.decide(reading.time, reading.time + self._dt, float("inf"))
