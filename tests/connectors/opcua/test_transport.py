"""Servers that break the rules: each malformed frame ends in words, with bounded memory and time."""

from __future__ import annotations

import asyncio
import struct
import sys
import tracemalloc
from contextlib import contextmanager, suppress

import pytest
from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import (
    Primitives,
    nodeid_to_binary,
    struct_from_binary,
    struct_to_binary,
    variant_from_binary,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.transport import MOST_STEPS, NONSENSE, Body, NotUnderstoodError
from tests.connectors.opcua.sinks import PatientSink
from twin.errors import TransientError

MB = 1024 * 1024


def frame(kind, body, chunk=b"F", size=None):
    return struct.pack("<3scI", kind, chunk, 8 + len(body) if size is None else size) + body


def acknowledge(receive=65_535, send=65_535, message=0, chunks=0):
    return frame(b"ACK", struct.pack("<5I", 0, receive, send, message, chunks))


def opened(sequence=1, request=1):
    """The answer to OpenSecureChannel without security, with a response that is complete."""
    response = ua.OpenSecureChannelResponse()
    response.Parameters.SecurityToken.ChannelId = 7
    response.Parameters.SecurityToken.TokenId = 1
    response.Parameters.SecurityToken.RevisedLifetime = 3_600_000
    header = struct_to_binary(ua.AsymmetricAlgorithmHeader())
    body = struct.pack("<I", 7) + header + struct.pack("<II", sequence, request)
    return frame(b"OPN", body + struct_to_binary(response))


def message(body, sequence=2, request=2, chunk=b"F"):
    return frame(b"MSG", struct.pack("<4I", 7, 1, sequence, request) + body, chunk)


def response(kind, rest):
    """A response of a service: its type, a header without faults up to its table of texts, then `rest`."""
    return nodeid_to_binary(ua.FourByteNodeId(kind)) + bytes(8 + 4 + 4 + 1) + rest


async def told(script, patience="5s"):
    """Run a link against a server that answers each frame with the next of `script`; returns the link's words."""

    async def serve(reader, writer):
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            for answer in script:
                size = struct.unpack("<3scI", await reader.readexactly(8))[2]
                await reader.readexactly(size - 8)
                for part in answer if isinstance(answer, list) else [answer]:
                    writer.write(part)
                    await writer.drain()
            await reader.read()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        endpoint = f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        options = {"insecure": "a test", "timeout": patience}
        one = bind(device(connector, endpoint, {"x": {"node": "i=2258"}}, options=options))
        (link,) = connector.links([one], Home())
        with pytest.raises(TransientError) as caught:
            async with asyncio.timeout(60):
                await link.run(PatientSink())
        await asyncio.sleep(0)
    return caught.value.words


CREATE = ObjectIds.CreateSessionResponse_Encoding_DefaultBinary
NULLS = b"\x80" + struct.pack("<i", 2**31 - 1)

CASES = {
    "size 0": ([frame(b"ACK", b"", size=0)], "the server sent a frame of 0 bytes, 65535 is the most"),
    "size 8": ([frame(b"ACK", b"", size=8)], "the server sent a frame of 8 bytes, 65535 is the most"),
    "size 4 GB": (
        [frame(b"ACK", b"", size=2**32 - 1)],
        "the server sent a frame of 4294967295 bytes, 65535 is",
    ),
    "another protocol": ([b"HTTP/1.1 400 Bad"], "the server sent b'HTTP' where a frame of OPC UA begins"),
    "unknown chunk": ([frame(b"ACK", bytes(20), b"X")], "the server sent b'ACKX' where a frame of OPC UA"),
    "half an answer": ([frame(b"ACK", bytes(4))], "the server sent what is not understood: NotEnoughData"),
    "no room": ([acknowledge(receive=0)], "the server takes 0 bytes at a time, 8192 is the least"),
    "an answer nobody asked for": (
        [[acknowledge(), message(b"")]],
        "the server sent what is not understood: ",
    ),
    "a channel twice": (
        [acknowledge(), [opened(), opened(2, 2)]],
        "the server sent what is not understood: ",
    ),
    "wrong channel": (
        [acknowledge(), opened(), frame(b"MSG", struct.pack("<4I", 8, 1, 2, 2))],
        "the server sent what is not understood: UaError",
    ),
    "sequence that jumps": (
        [acknowledge(), opened(), message(b"", sequence=9)],
        "the server sent what is not understood: UaError",
    ),
    "empty message": (
        [acknowledge(), opened(), message(b"")],
        "the server sent a message that ends too early",
    ),
    "negative length": (
        [acknowledge(), opened(), message(struct.pack("<BHi", 3, 0, -6))],
        "the server sent a length of -6",
    ),
    "array of 2^31-1": (
        [acknowledge(), opened(), message(response(CREATE, NULLS[1:]))],
        "the server sent a message that ends too early",
    ),
    "endless chunks": (
        [acknowledge(), opened(), [message(bytes(60_000), at, 2, b"C") for at in range(2, 100)]],
        "the server sent a message of more than 4194304 bytes or 1024 chunks",
    ),
    "endless small chunks": (
        [acknowledge(), opened(), [message(b"", at, 2, b"C") for at in range(2, 1100)]],
        "the server sent a message of more than 4194304 bytes or 1024 chunks",
    ),
    "an error": (
        [frame(b"ERR", struct.pack("<Ii", 0x80830000, -1))],
        "the server refused: BadTcpEndpointUrlInvalid",
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_malformed_frame_ends_in_words(case):
    """The connection is dropped, the reason is told, and no other error leaves the link."""
    script, words = CASES[case]

    assert words in await told(script)


async def test_a_frame_byte_by_byte_is_a_frame():
    """How the network cuts an answer does not matter."""
    slowly = [bytes([one]) for one in acknowledge()]

    assert await told([slowly, frame(b"ERR", struct.pack("<Ii", 0x80830000, -1))]) == (
        "the server refused: BadTcpEndpointUrlInvalid"
    )


async def test_endless_bytes_without_a_frame_do_not_fill_the_memory():
    """A server that never comes to the end of a frame is dropped after one frame's worth."""
    tracemalloc.start()
    said = await told([[frame(b"ACK", b"", size=2**31), *[bytes(MB)] * 64]])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert "the server sent a frame of 2147483648 bytes" in said
    assert peak < 40 * MB


def decoded(raw):
    return variant_from_binary(Body(raw))


@contextmanager
def untraced():
    """Decode without being watched: who counts lines takes minutes over a million steps, and stops at the deepest."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def shape(count, *sizes):
    """An array of that many flags with those dimensions."""
    return (
        b"\xc1"
        + struct.pack("<i", count)
        + b"\1" * count
        + struct.pack(f"<{len(sizes) + 1}i", len(sizes), *sizes)
    )


@pytest.mark.parametrize(
    "raw",
    [
        NULLS,
        b"\x8c" + struct.pack("<i", 2**31 - 1) + struct.pack("<i", -4) * 2,
        b"\x8b" + struct.pack("<i", 2**31 - 1),
        b"\x8b" + struct.pack("<i", -7),
        b"\x18" * 100_000,
        b"\x98" + b"\x01\0\0\0\x98" * 50_000,
        shape(4, 1_000_000, 1),
        shape(1, *[1] * 900),
        shape(0, 2**31 - 1),
    ],
    ids=range(9),
)
def test_a_value_that_would_never_end_is_refused(raw):
    """Arrays of 2^31 nothings, lengths that go backwards, values in values in values: an error, soon and small."""
    body = Body(raw)
    tracemalloc.start()
    with untraced(), pytest.raises(NONSENSE):
        variant_from_binary(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 300 * MB
    assert body.steps <= MOST_STEPS + 1


@pytest.mark.parametrize("raw", [shape(4, 3, 2), shape(4, -1, -4), shape(1, *[1] * 9)])
def test_dimensions_that_do_not_fit_are_refused(raw):
    """What is no matrix of so many values is not made into one."""
    with pytest.raises(NotUnderstoodError, match="values as an array of"):
        decoded(raw)


def test_an_array_whose_dimensions_are_left_out_stays_flat():
    """A server may say that there are dimensions and then give none."""

    assert decoded(shape(3)).Value == [True, True, True]


@pytest.mark.parametrize("take", ["read", "copy"])
def test_a_length_that_goes_backwards_is_refused(take):
    """However the library asks for a negative number of bytes, it gets none."""
    with pytest.raises(NotUnderstoodError, match="a length of -2"):
        getattr(Body(b"abcd"), take)(-2)


def test_a_matrix_keeps_its_shape():
    """An array with dimensions arrives as rows of that length."""
    raw = b"\xc6" + struct.pack("<7i", 6, 1, 2, 3, 4, 5, 6) + struct.pack("<3i", 2, 2, 3)

    assert decoded(raw).Value == [[1, 2, 3], [4, 5, 6]]


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=400))
@example(raw=NULLS)
def test_no_bytes_break_the_decoder(raw):
    """Whatever a publish response holds, decoding it gives a value or one of the errors that are expected, and ends."""
    response, value = Body(raw), Body(raw)
    with untraced():
        with suppress(*NONSENSE):
            struct_from_binary(ua.PublishResponse, response)
        with suppress(*NONSENSE):
            variant_from_binary(value)

    assert max(response.steps, value.steps) <= MOST_STEPS + 1


def test_reading_is_bounded_in_steps():
    """A message of more fields than any server has reason to send is refused."""
    body = Body(bytes(MOST_STEPS + 10))
    with untraced():
        for _ in range(MOST_STEPS):
            Primitives.Byte.unpack(body)

    with pytest.raises(NotUnderstoodError, match="more than 1000000 fields"):
        Primitives.Byte.unpack(body)


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from([b"ACK", b"OPN", b"MSG", b"ERR", b"HEL", b"XYZ"]),
    chunk=st.sampled_from([b"F", b"C", b"A", b"Z"]),
    body=st.binary(max_size=120),
    size=st.none() | st.integers(0, 2**32 - 1),
    at=st.integers(0, 2),
)
def test_no_frame_breaks_the_link(kind, chunk, body, size, at):
    """Any frame, at any step of the conversation, ends as a loss with words."""
    script = [acknowledge(), opened()][:at]

    assert asyncio.run(told([*script, frame(kind, body, chunk, size)], "50ms"))
