"""What goes over the wire: one message a datagram, a fixed header and plain numbers or text.

All is little-endian. The header's 40 bytes are

    offset  type     what
    0       4 bytes  "simT"
    4       uint8    version of this format
    5       uint8    kind, see `Kind`
    6       uint16   count: numbers, or bytes of text, that follow
    8       uint64   session: the number that the robot gave to this client; 0 in the first hello
    16      uint64   digest of the interface, see `simtransfer.target.description`
    24      float64  time: robot's seconds since the episode began
    32      uint32   episode
    36      uint32   sequence: of the control step, from 0 in each episode

A robot draws the session number for each client and answers the first hello with it, in a message
that is no longer than the hello: a robot cannot be used to flood a forged address. From then on
every message in either direction carries the number, and a message without it is dropped. So a
sender that cannot read what the two send each other can neither command the robot nor mislead the
client.

A reading is followed by float32, commands by float64, other kinds by UTF-8 text or by nothing.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC, VERSION = b"simT", 2
HEADER = struct.Struct("<4sBBHQQdII")
SHORTEST = 32  # bytes of a message of any version
LONGEST = 65_507 - HEADER.size  # bytes that UDP carries in a datagram
AHEAD = 1.0  # robot's seconds that a command may be ahead of the newest reading
NOTHING: NDArray[np.float32] = np.zeros(0, dtype=np.float32)


class Kind(IntEnum):
    """What a message is."""

    HELLO = 1  # who are you? From a client
    DESCRIPTION = 2  # the answer to a hello with a session number, as JSON
    READY = 3  # begin this episode. From a client
    READING = 4  # an observation, as the interface has it
    COMMAND = 5  # actuator targets, rad or m/s
    REST = 6  # as a command, of a client that goes into the safe posture
    STOP = 7  # emergency stop, with the reason. From a client
    RESULT = 8  # an episode has ended, as JSON
    REFUSAL = 9  # why the client is not served
    BYE = 10  # from either: it goes
    SESSION = 11  # the answer to a hello without a session number, which this message carries


NUMBERS = {Kind.READING: "<f4", Kind.COMMAND: "<f8", Kind.REST: "<f8"}
TEXTS = {Kind.DESCRIPTION, Kind.STOP, Kind.RESULT, Kind.REFUSAL}


class ForeignError(ValueError):
    """A datagram that is no message."""


class VersionError(ForeignError):
    """A message of another version of this format."""


@dataclass(frozen=True, eq=False)
class Message:
    """One datagram's content.

    Attributes:
        kind: What it is.
        digest: Of the interface that the sender has; 0 if it has none yet.
        time: Robot's seconds since the episode began.
        episode: Which one, from 0.
        sequence: Of the control step that it tells of or is meant for.
        values: Numbers of a reading or command, ``(count,)``; none of the other kinds.
        text: Of the kinds that are text.
        session: The number that the robot gave to this client; 0 before it has.
    """

    kind: Kind
    digest: int = 0
    time: float = 0.0
    episode: int = 0
    sequence: int = 0
    values: NDArray[Any] = field(default_factory=lambda: NOTHING)
    text: str = ""
    session: int = 0


def printable(text: str) -> str:
    """Text from the network as a terminal may show it.

    Whatever is not printable (escape sequences, line breaks, marks that turn the direction of
    writing) becomes a question mark.
    """
    return "".join(character if character.isprintable() else "?" for character in text)


def printable_json(text: str) -> str:
    """JSON from the network, all of whose strings are `printable`; what is no JSON stays so."""

    def clean(data: Any) -> Any:
        if isinstance(data, str):
            return printable(data)
        if isinstance(data, list):
            return [clean(entry) for entry in data]
        if isinstance(data, dict):
            return {printable(key): clean(value) for key, value in data.items()}
        return data

    try:
        return json.dumps(clean(json.loads(text)))
    except (ValueError, RecursionError):
        return text


def encode(message: Message) -> bytes:
    """A message as a datagram.

    Raises:
        ValueError: If it is too long for one.
    """
    if message.kind in NUMBERS:
        payload = np.asarray(message.values).astype(NUMBERS[message.kind]).tobytes()
        count = len(message.values)
    else:
        payload = message.text.encode() if message.kind in TEXTS else b""
        count = len(payload)
    if len(payload) > LONGEST:
        raise ValueError(
            f"{len(payload)} bytes of {message.kind.name.lower()} do not fit into a datagram, "
            f"which holds {LONGEST}"
        )
    header = (message.session, message.digest, message.time, message.episode, message.sequence)
    return HEADER.pack(MAGIC, VERSION, message.kind, count, *header) + payload


def decode(datagram: bytes) -> Message:
    """The inverse of `encode`.

    Raises:
        VersionError: If another version of the format made it.
        ForeignError: If it is no message, or not a whole one.
    """
    if len(datagram) < SHORTEST or datagram[:4] != MAGIC:
        raise ForeignError("not a message of this protocol")
    if datagram[4] != VERSION:
        raise VersionError(f"the message is of version {datagram[4]}; this is version {VERSION}")
    if len(datagram) < HEADER.size:
        raise ForeignError("a header that is cut short")
    _, _, number, count, session, digest, time, episode, sequence = HEADER.unpack_from(datagram)
    payload = datagram[HEADER.size :]
    try:
        kind = Kind(number)
        text = payload.decode() if kind in TEXTS else ""
    except ValueError:
        raise ForeignError("a message of no known kind, or whose text is none") from None
    size = np.dtype(NUMBERS[kind]).itemsize if kind in NUMBERS else 1
    if len(payload) != count * size:
        raise ForeignError(f"{len(payload)} bytes follow where {count * size} are announced")
    values = NOTHING
    if kind in NUMBERS:
        values = np.frombuffer(payload, dtype=NUMBERS[kind]).astype(NUMBERS[kind][1:])
    elif kind not in TEXTS and payload:
        raise ForeignError("a message of this kind carries nothing")
    return Message(kind, digest, time, episode, sequence, values, text, session)
