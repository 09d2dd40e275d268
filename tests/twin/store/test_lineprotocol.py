import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point

from tests.contract.store import STATES, SWITCH, T0, TEMPERATURE, WARM, catalogue, rows
from twin.frame import Batch, empty_batch
from twin.model.quantities import Quantity
from twin.quality import Reason
from twin.store import lineprotocol
from twin.store.lineprotocol import Encoder
from twin.store.port import Series

ENCODER = Encoder(catalogue("d"), STATES)
NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="\\"), min_size=1, max_size=12
)
SPACED = st.builds("{} {}".format, NAMES, NAMES) | NAMES
TIMES = st.integers(0, 4_000_000_000_000_000_000)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def series(*names) -> Series:
    quantity, district, site, device, point = names
    return Series(
        1, "/".join(names), district, site, device, point, Quantity(quantity, title="t", titulo="t")
    )


def line(encoder, **columns) -> str:
    """One reading as a line."""
    given = {"ids": 1, "time": T0, "received": T0, "device": 0, "value": 1.0, "quality": 0} | columns
    kinds: dict[str, Any] = {"ids": np.int32, "value": np.float64, "quality": np.uint8}
    arrays: dict[str, Any] = {name: np.array([one], kinds.get(name, np.int64)) for name, one in given.items()}
    text: bytes = encoder.encode(Batch(**arrays))
    return text.decode()


def split_at(text: str, mark: str, *, quotes: bool = False) -> list[str]:
    """Split at marks that are neither escaped nor in quotes, which only fields have."""
    parts, quoted, i = [""], False, 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            parts[-1] += text[i : i + 2]
            i += 2
            continue
        quoted ^= quotes and text[i] == '"'
        if text[i] == mark and not quoted:
            parts.append("")
        else:
            parts[-1] += text[i]
        i += 1
    return parts


def parse(text: str) -> tuple[Any, ...]:
    """A strict reader of one line: measurement, tags, fields, time."""
    key = split_at(text, " ")[0]
    fields, time = split_at(text[len(key) + 1 :], " ", quotes=True)
    measurement, *tags = split_at(key, ",")
    plain = lambda escaped: re.sub(r"\\([,= ])", r"\1", escaped)  # noqa: E731
    read_tags = {plain(k): plain(v) for k, v in (split_at(tag, "=") for tag in tags)}
    read_fields: dict[str, Any] = {}
    for field in split_at(fields, ",", quotes=True):
        name, value = field.split("=", 1)
        if value.startswith('"'):
            assert value.endswith('"')
            read_fields[name] = re.sub(r'\\(["\\])', r"\1", value[1:-1])
        else:
            read_fields[name] = int(value[:-1]) if value.endswith("i") else float(value)
    return plain(measurement), read_tags, read_fields, int(time)


@given(
    names=st.tuples(NAMES.filter(lambda name: name[0] != "#"), SPACED, SPACED, SPACED, SPACED),
    value=FINITE,
    time=TIMES,
)
def test_reads_back_and_agrees_with_the_client(names, value, time):
    """A line reads back as it was meant, and says the same as the one of InfluxDB's own client."""
    one = series(*names)
    text = line(Encoder([one], {}), value=value, time=time, received=time)
    tags = dict(zip(("district", "site", "device", "point"), names[1:], strict=True))
    point = Point(names[0]).field("value", value).time(time)
    for key, tag in tags.items():
        point = point.tag(key, tag)

    assert parse(text) == (names[0], tags, {"value": value}, time)
    theirs = point.to_line_protocol()
    assert parse(theirs)[1:] == parse(text)[1:]


@given(
    time=TIMES,
    received=TIMES,
    device=TIMES | st.just(0),
    quality=st.sampled_from([r for r in Reason if r < 192]),
    value=FINITE,
)
def test_says_every_time_and_quality(time, received, device, quality, value):
    """From the fields of a line each time and the quality can be told, by the rules that the module states."""
    value = np.nan if quality >= 128 else value
    _, _, fields, at = parse(
        line(ENCODER, time=time, received=received, device=device, quality=quality, value=value)
    )
    read_received = fields.get("received", at)

    assert (at, read_received) == (time, received)
    assert fields.get("device_time", at if read_received != at else 0) == device
    assert fields.get("quality", "good") == quality.slug
    assert ("value" in fields) == (quality < 128)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("quality", [Reason.GOOD, Reason.OUT_OF_RANGE])
def test_what_is_not_a_number_is_never_written(value, quality):
    """NaN and infinities never reach the text, whatever the quality claims."""
    text = line(ENCODER, value=value, quality=quality)

    assert not re.search(r"nan|inf|null", text.split(" ")[1].replace("not_a_number", ""))
    assert 'quality="' in text


def test_states_by_name():
    """A state is written by its name, quotes escaped."""
    assert line(ENCODER, ids=SWITCH, value=1).split(" ")[1] == 'state="on"'
    assert parse(line(ENCODER, ids=SWITCH, value=2))[2] == {"state": STATES[2]}
    assert parse(line(ENCODER, ids=SWITCH, value=1, quality=Reason.LATE))[2] == {
        "state": "on",
        "quality": "late",
    }


@pytest.mark.parametrize(
    "name", ['on"\nx value=1 1', "on\\", 'a\\"b', "a\r\nb", "\x00", "\ud800", "a\u2028b", "\x7f"]
)
def test_a_state_cannot_break_out(name):
    """Control characters of a state's name are replaced; one reading stays one line, in UTF-8."""
    text = line(Encoder(catalogue("d"), {1: name}), ids=SWITCH, value=1)

    assert len(text.splitlines()) == 1
    assert parse(text)[2] == {"state": lineprotocol.clean(name)}


@pytest.mark.parametrize(
    "bad", ["42\nadmin field1=1 1528839004", "tail\\", "a\\,b", "", "\x00", "\t", "\ud800", "a\u2028b"]
)
@pytest.mark.parametrize("place", range(5))
def test_names_that_cannot_be_carried_are_refused(bad, place):
    """A name that would break out of its place is refused, with the point's path."""
    names = ["air_temperature", "d", "s", "v", "p"]
    names[place] = bad
    one = dataclasses.replace(series(*names), path="d/v/p")

    with pytest.raises(ValueError, match=r"^d/v/p: "):
        Encoder([one], {})


def test_a_long_name_passes():
    """A tag of 64 KiB is one tag; whether it is too long is the server's to say."""
    one = series("q", "d", "s", "v" * 65_536, "p")

    assert parse(line(Encoder([one], {})))[1]["device"] == one.device


def test_batches():
    """A batch is one line a reading; a mixed one says of each what it would say alone."""
    assert ENCODER.encode(empty_batch()) == b""
    mixed = Batch(
        np.array([WARM, SWITCH, WARM], np.int32),
        np.array([T0, T0 + 1, T0 + 2]),
        np.array([T0, T0 + 5, T0 + 2]),
        np.array([0, T0 + 1, 7]),
        np.array([1.5, 1.0, np.nan]),
        np.array([0, 0, Reason.WRONG_TYPE], np.uint8),
    )
    alone = b"\n".join(ENCODER.encode(mixed.take(slice(k, k + 1))) for k in range(3))

    assert ENCODER.encode(mixed) == alone
    assert [parse(text)[2] for text in alone.decode().split("\n")] == [
        {"value": 1.5},
        {"state": "on", "received": T0 + 5},
        {"quality": "wrong_type", "device_time": 7},
    ]


def test_explicit_quality():
    """A reading that may replace a bad one says that it is good."""
    assert parse(ENCODER.encode(rows(WARM, (T0, 1)), explicit=True).decode())[2] == {
        "value": 1,
        "quality": "good",
    }
    assert TEMPERATURE.name == "air_temperature"
