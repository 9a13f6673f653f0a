import json
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from simtransfer.target.wire import (
    HEADER,
    LONGEST,
    NUMBERS,
    TEXTS,
    ForeignError,
    Kind,
    Message,
    VersionError,
    decode,
    encode,
    printable,
    printable_json,
)

WORDS = st.integers(0, 2**32 - 1)


@st.composite
def messages(draw):
    kind = draw(st.sampled_from(Kind))
    content = {}
    if kind in NUMBERS:
        shape = st.integers(0, 300)
        content["values"] = draw(arrays.arrays(NUMBERS[kind], shape))
    elif kind in TEXTS:
        content["text"] = draw(st.text(max_size=300))
    digest = draw(st.integers(0, 2**64 - 1))
    content["session"] = draw(st.integers(0, 2**64 - 1))
    return Message(kind, digest, draw(st.floats()), draw(WORDS), draw(WORDS), **content)


@given(messages())
def test_what_is_sent_is_what_comes(message):
    came = decode(encode(message))
    for name in ("kind", "digest", "episode", "sequence", "text", "session"):
        assert getattr(came, name) == getattr(message, name)
    assert struct.pack("<d", came.time) == struct.pack("<d", message.time)
    assert came.values.tobytes() == message.values.tobytes()  # NaN and -0 included


@given(st.binary(max_size=200))
@example(b"")
@example(b"simT")
@example(b"simT\x02\x04")
@example(b"simT\x02\x04\xff\xff" + bytes(32))  # a reading that announces more than there is
@example(b"simT\x02\x63" + bytes(34))
@example(b"simT\x02\x08\x01\x00" + bytes(32) + b"\xff")  # text that is none
def test_no_bytes_break_the_reader(datagram):
    try:
        message = decode(datagram)
    except ForeignError:
        return
    assert encode(message) == datagram


@given(messages(), st.data())
def test_a_torn_or_altered_message_is_foreign_or_another_message(message, data):
    whole = encode(message)
    torn = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(ForeignError):
        decode(torn)
    at = data.draw(st.integers(0, len(whole) - 1))
    altered = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    with suppress(ForeignError):
        assert encode(decode(altered)) == altered


def test_the_layout_is_as_documented():
    values = np.asarray([0.5, -8.0], dtype=np.float32)
    message = Message(Kind.READING, 0x0102030405060708, 1.5, 3, 77, values, session=0x1122)
    datagram = encode(message)
    assert HEADER.size == 40
    assert datagram[:8] == b"simT\x02\x04\x02\x00"
    assert datagram[8:16] == b"\x22\x11" + bytes(6)
    assert datagram[16:24] == bytes(range(8, 0, -1))
    assert struct.unpack_from("<dII", datagram, 24) == (1.5, 3, 77)
    assert struct.unpack_from("<2f", datagram, 40) == (0.5, -8.0)


def test_another_version_is_told_from_noise():
    datagram = bytearray(encode(Message(Kind.HELLO)))
    datagram[4] = 9
    with pytest.raises(VersionError, match="version 9; this is version 2"):
        decode(bytes(datagram))


def test_what_fits_into_no_datagram_is_refused():
    longest = Message(Kind.STOP, text="x" * LONGEST)
    assert len(encode(longest)) == 65_507
    with pytest.raises(ValueError, match="do not fit into a datagram"):
        encode(Message(Kind.STOP, text="x" * (LONGEST + 1)))


def test_text_from_the_network_cannot_steer_a_terminal():
    # An escape sequence, a line break, a backspace, and a mark that turns the writing round.
    assert printable("a\x1b[2Jb\nc\bd\u202ee é") == "a?[2Jb?c?d?e é"
    told = json.loads(printable_json(json.dumps({"\x1b]0;x\x07": ["\r", 1.5, True, None]})))
    assert told == {"?]0;x?": ["?", 1.5, True, None]}
    assert printable_json("[" * 100_000) == "[" * 100_000  # which its reader refuses
