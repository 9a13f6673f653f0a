"""The robot's end of the wire: one client at a time, and a network as bad as one likes."""

from __future__ import annotations

import hashlib
import secrets
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from simtransfer.target.clock import GLANCE, Clock, Pauses
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
MOST = 1024  # messages under way in either direction: a minute of readings at 16 Hz
Address = tuple[str, int]


@dataclass
class Arrivals:
    """What came to a robot's socket besides the messages of its client.

    Attributes:
        malformed: Datagrams that are no messages.
        foreign: Messages without the client's session number, or from another address.
        hellos: Questions of clients, the present one among them, for a session or a description.
        overflow: Messages in either direction that were dropped since too many were under way.
    """

    malformed: int = 0
    foreign: int = 0
    hellos: int = 0
    overflow: int = 0


class Link:
    """The robot's socket.

    A hello is answered with a session number, of which nothing is remembered. The first sender
    that is ready with its number is the client, until it says good-bye or is released; messages
    from others are refused. The number depends on the sender's address and on a
    secret, so only a program that receives what is sent to that address can know it.

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
        self._inward: Channel[tuple[Message, Address]] = Channel(faults, generators[0])
        self._outward: Channel[tuple[bytes, Address]] = Channel(faults, generators[1])
        self.client: Address | None = None
        self.heard = 0.0
        self._pauses = Pauses(clock.wall(clock.now()))
        self.arrivals = Arrivals()
        self._sender: Address = ("", 0)  # of the message that `wait` returned last
        self._secret, self._releases = secrets.token_bytes(16), 0

    @property
    def lost(self) -> tuple[int, int]:
        """Messages that the faults have lost so far, to the robot and from it."""
        return self._inward.lost, self._outward.lost

    @property
    def silence(self) -> float:
        """Seconds of the wall clock since the client was heard of.

        The client cannot be blamed for the time in which this process did not run.
        """
        self._pauses.look(now := self._clock.wall(self._clock.now()))
        return now - max(self._clock.wall(self.heard), self._pauses.end)

    def send(self, message: Message) -> None:
        """Send something to the client, if there is one."""
        if self.client:
            self._send(message, self.client)

    def answer(self, message: Message) -> None:
        """Send something to the sender of the message that `wait` returned last."""
        self._send(message, self._sender)

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
            self._pauses.look(self._clock.wall(now))
            if arrived := self._inward.arrive(min(now, until)):
                when, (message, self._sender) = arrived
                return when, message
            if now >= until or interrupted():
                return None
            following = min(until, self._inward.next_arrival, self._outward.next_arrival)
            select.select([self._socket], [], [], min(self._clock.wall(following - now), GLANCE))

    def release(self) -> None:
        """Listen to whoever says hello next, and to nothing more of who was the client."""
        self.client = None
        self._releases += 1  # session numbers that were given are valid no more
        self._inward.clear()

    def close(self) -> None:
        """Send what arrives soon, and stop listening."""
        until = self._clock.now() + FAREWELL * self._clock.speed
        while self._outward.next_arrival <= until:
            self.wait(self._outward.next_arrival)
        self._socket.close()

    def _session(self, address: Address) -> int:
        """The session number of a client at an address; never 0."""
        text = f"{self._releases} {address}".encode()
        mixed = hashlib.blake2b(text, key=self._secret, digest_size=8).digest()
        return int.from_bytes(mixed, "little") or 1

    def _send(self, message: Message, address: Address) -> None:
        stamped = replace(message, session=self._session(address))
        if len(self._outward) < MOST:
            self._outward.send((encode(stamped), address), self._clock.now())
        else:
            self.arrivals.overflow += 1
        self._deliver()

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
        except VersionError:
            if datagram[5] == Kind.HELLO:  # two robots would go on telling each other
                self._put(encode(Message(Kind.REFUSAL)), address)  # its version says it all
            self.arrivals.malformed += 1
            return
        except ForeignError:
            self.arrivals.malformed += 1
            return
        hello, ready = message.kind is Kind.HELLO, message.kind is Kind.READY
        self.arrivals.hellos += hello
        valid = message.session == (session := self._session(address))
        if hello and not valid:  # as short as what came: the address may be forged
            self._put(encode(Message(Kind.SESSION, session=session)), address)
            return
        if valid and ready and self.client is None:
            self.client = address
        if valid and (address == self.client or (hello and self.client is None)):
            self.heard = self._clock.now()
            if len(self._inward) < MOST:
                self._inward.send((message, address), self.heard)
            else:
                self.arrivals.overflow += 1
            return
        if not hello:
            self.arrivals.foreign += 1
        if ready and not valid:
            text = "the robot has ended the session with this client; start the client again"
            self._refuse(message, address, text)
        elif (hello or ready) and self.client:
            host, port = self.client
            text = f"the robot is driven by {host}:{port} already; wait until that client leaves"
            self._refuse(message, address, text)

    def _refuse(self, message: Message, address: Address, text: str) -> None:
        """Refuse a message; that its own session number comes back shows that it was meant."""
        self._put(encode(Message(Kind.REFUSAL, text=text, session=message.session)), address)
