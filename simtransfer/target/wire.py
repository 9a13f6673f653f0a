"""What goes over the wire: one message a datagram, a fixed header and plain numbers or text.

All is little-endian. The header's 32 bytes are

    offset  type     what
    0       4 bytes  "simT"
    4       uint8    version of this format
    5       uint8    kind, see `Kind`
    6       uint16   count: numbers, or bytes of text, that follow
    8       uint64   digest of the interface, see `simtransfer.target.description`
    16      float64  time: robot's seconds since the episode began
    24      uint32   episode
    28      uint32   sequence: of the control step, from 0 in each episode

A reading is followed by float32, commands by float64, other kinds by UTF-8 text or by nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC, VERSION = b"simT", 1
HEADER = struct.Struct("<4sBBHQdII")
LONGEST = 65_507 - HEADER.size  # bytes that UDP carries in a datagram
NOTHING: NDArray[np.float32] = np.zeros(0, dtype=np.float32)


class Kind(IntEnum):
    """What a message is."""

    HELLO = 1  # who are you? From a client
    DESCRIPTION = 2  # the answer, as JSON
    READY = 3  # begin this episode. From a client
    READING = 4  # an observation, as the interface has it
    COMMAND = 5  # actuator targets, rad or m/s
    REST = 6  # as a command, of a client that goes into the safe posture
    STOP = 7  # emergency stop, with the reason. From a client
    RESULT = 8  # an episode has ended, as JSON
    REFUSAL = 9  # why the client is not served
    BYE = 10  # from either: it goes


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
    """

    kind: Kind
    digest: int = 0
    time: float = 0.0
    episode: int = 0
    sequence: int = 0
    values: NDArray[Any] = field(default_factory=lambda: NOTHING)
    text: str = ""


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
    header = (message.digest, message.time, message.episode, message.sequence)
    return HEADER.pack(MAGIC, VERSION, message.kind, count, *header) + payload


def decode(datagram: bytes) -> Message:
    """The inverse of `encode`.

    Raises:
        VersionError: If another version of the format made it.
        ForeignError: If it is no message, or not a whole one.
    """
    if len(datagram) < HEADER.size or datagram[:4] != MAGIC:
        raise ForeignError("not a message of this protocol")
    if datagram[4] != VERSION:
        raise VersionError(f"the message is of version {datagram[4]}; this is version {VERSION}")
    _, _, number, count, digest, time, episode, sequence = HEADER.unpack_from(datagram)
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
    return Message(kind, digest, time, episode, sequence, values, text)
