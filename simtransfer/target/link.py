"""The robot's end of the wire: one client at a time, and a network as bad as one likes."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simtransfer.target.clock import GLANCE, Clock
from simtransfer.target.network_faults import Channel, Faults
from simtransfer.target.wire import (
    ForeignError,
    Kind,
    Message,
    VersionError,
    decode,
    encode,
)

LARGEST = 65_535  # bytes that a datagram can have
FAREWELL = 2.0  # s of the wall clock for a client to hear of what was said last
BURST = 64  # datagrams that are read before anything else is looked after
Address = tuple[str, int]


@dataclass
class Arrivals:
    """What came to a robot's socket and was not for it.

    Attributes:
        malformed: Datagrams that are no messages.
        foreign: Messages from others than the client.
    """

    malformed: int = 0
    foreign: int = 0


class Link:
    """The robot's socket.

    Whoever says hello first is the client, until it says good-bye or is released; nobody else is
    listened to.

    Args:
        host: Address to listen at.
        port: UDP port; 0 for any that is free.
        clock: The robot's.
        faults: Of the network.
        seed: Of what it loses and delays.

    Attributes:
        address: Where it listens.
        client: Who is listened to, if anyone is.
        heard: When the client was last heard of, in robot's seconds.
        arrivals: What came that was not from it.

    Raises:
        ValueError: If it cannot listen there.
    """

    def __init__(self, host: str, port: int, clock: Clock, faults: Faults, seed: int) -> None:
        self._clock = clock
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise ValueError(f"cannot listen at {host}:{port}: {error}") from None
        self._socket.setblocking(False)
        self.address: Address = self._socket.getsockname()
        generators = [np.random.default_rng([seed, way]) for way in range(2)]
        self._inward: Channel[Message] = Channel(faults, generators[0])
        self._outward: Channel[tuple[bytes, Address]] = Channel(faults, generators[1])
        self.client: Address | None = None
        self.heard = 0.0
        self.arrivals = Arrivals()

    @property
    def lost(self) -> tuple[int, int]:
        """Messages that the faults have lost so far, to the robot and from it."""
        return self._inward.lost, self._outward.lost

    @property
    def silence(self) -> float:
        """Seconds of the wall clock since the client was heard of."""
        return self._clock.wall(self._clock.now() - self.heard)

    def send(self, message: Message) -> None:
        """Send something to the client, if there is one."""
        if self.client:
            self._outward.send((encode(message), self.client), self._clock.now())
            self._deliver()

    def wait(
        self, until: float, interrupted: Callable[[], object] = bool
    ) -> tuple[float, Message] | None:
        """The next message of the client and when it arrived.

        Args:
            until: Robot's seconds, after which nothing more is waited for.
            interrupted: Tells whether nothing is to be waited for any more.

        Returns:
            None if nothing has arrived until then.
        """
        while True:
            self._read()
            self._deliver()
            now = self._clock.now()
            if arrived := self._inward.arrive(min(now, until)):
                return arrived
            if now >= until or interrupted():
                return None
            following = min(until, self._inward.next_arrival, self._outward.next_arrival)
            select.select([self._socket], [], [], min(self._clock.wall(following - now), GLANCE))

    def release(self) -> None:
        """Listen to whoever says hello next, and to nothing more of who was the client."""
        self.client = None
        self._inward.clear()

    def close(self) -> None:
        """Send what arrives soon, and stop listening."""
        until = self._clock.now() + FAREWELL * self._clock.speed
        while self._outward.next_arrival <= until:
            self.wait(self._outward.next_arrival)
        self._socket.close()

    def _deliver(self) -> None:
        while arrived := self._outward.arrive(self._clock.now()):
            self._put(*arrived[1])

    def _put(self, datagram: bytes, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except OSError:  # nobody there any more, or no room: a datagram may be lost
            return

    def _read(self) -> None:
        for _ in range(BURST):
            try:
                datagram, address = self._socket.recvfrom(LARGEST)
            except BlockingIOError:
                return
            except OSError:  # tells that nobody was there for an earlier one
                continue
            self._admit(datagram, address)

    def _admit(self, datagram: bytes, address: Address) -> None:
        """Let a datagram of the client in, and refuse others."""
        try:
            message = decode(datagram)
        except VersionError as error:
            if datagram[5] == Kind.HELLO:  # two robots would go on telling each other
                self._put(encode(Message(Kind.REFUSAL, text=str(error))), address)
            self.arrivals.malformed += 1
            return
        except ForeignError:
            self.arrivals.malformed += 1
            return
        if self.client is None and message.kind is Kind.HELLO:
            self.client = address
        if address == self.client:
            self.heard = self._clock.now()
            self._inward.send(message, self.heard)
        elif self.client is not None and message.kind is Kind.HELLO:
            whom = "{}:{}".format(*self.client)
            text = f"the robot is driven by {whom} already; wait until that client leaves"
            self._put(encode(Message(Kind.REFUSAL, text=text)), address)
        else:
            self.arrivals.foreign += 1
