"""Line protocol: readings as InfluxDB takes them, one line each.

    QUANTITY,district=D,site=S,device=V,point=P value=21.5,received=1700000000000000123i 1700000000000000000

- `value` (a float) or `state` (a string, the state's name); neither where the quality is bad.
- `quality`: the reason's name, only where it is not good.
- `received`: time of receipt, only where it is not the reading's time.
- `device_time`: the device's own time, only where it is not what the others tell: the reading's time where that is
  not the time of receipt, else none (0). It is not called `device`, since InfluxDB 3 refuses a field that has the name
  of a tag.

What stands before the fields is escaped once per series. Escapes: InfluxDB docs, "Line protocol reference", sections
"Special characters" and "Quotes".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

import numpy as np
import orjson

from twin.facts import Fact
from twin.frame import Batch, Times, Values
from twin.quality import FIRST_BAD, Reason
from twin.store.history import is_state
from twin.store.port import Series

_QUALITIES = [""] * 256
for _reason in Reason:
    if _reason is not Reason.GOOD:
        _QUALITIES[_reason] = f'quality="{_reason.slug}"'


def escape_tag(text: str) -> str:
    """Return a tag's key or value escaped; ValueError for text that line protocol cannot carry.

    That is empty text, control characters, lone surrogates, and the backslash, which would join with what follows.
    """
    _check(text)
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def escape_measurement(text: str) -> str:
    """Return a measurement's name escaped; ValueError as `escape_tag`, and for a name that begins a comment."""
    _check(text)
    if text.startswith("#"):
        raise ValueError(f"{text!r} cannot be the name of a measurement: # begins a comment")
    return text.replace(",", "\\,").replace(" ", "\\ ")


def _check(text: str) -> None:
    if not text:
        raise ValueError("an empty name cannot be stored in line protocol")
    if "\\" in text or clean(text) != text:
        raise ValueError(
            f"{text!r} cannot be stored in line protocol: control characters and backslashes cannot"
        )


def clean(text: str) -> str:
    """Return text with U+FFFD for what must not pass: control characters, line separators, lone surrogates."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def quote(text: str) -> str:
    """Return a string field's value, cleaned and in quotes."""
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def prefix(series: Series) -> str:
    """Return what stands before the fields of every line of a series; ValueError as `escape_tag`."""
    tags = (
        ("district", series.district),
        ("site", series.site),
        ("device", series.device),
        ("point", series.point),
    )
    try:
        text = "".join(f",{key}={escape_tag(value)}" for key, value in tags)
        return f"{escape_measurement(series.quantity.name)}{text} "
    except ValueError as error:
        raise ValueError(f"{series.path}: {error}") from None


def line_of(fact: Fact) -> str:
    """Return the line of a fact; fields that are None are left out, ValueError when none is left."""
    tags = "".join(f",{key}={escape_tag(value)}" for key, value in sorted(fact.tags.items()))
    fields = ",".join(f"{key}={_field(value)}" for key, value in fact.fields.items() if value is not None)
    if not fields:
        raise ValueError(f"{fact.measurement}: a row without a field cannot be stored")
    return f"{escape_measurement(fact.measurement)}{tags} {fields} {fact.time}"


def _field(value: float | str) -> str:
    """Return the value of a field; ValueError for a number that is not finite."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int):
        return f"{int(value)}i"
    if not isfinite(value):
        raise ValueError(f"{value} cannot be stored")
    return repr(value)


class Encoder:
    """Makes lines of batches; `series` and `states` are those that may occur.

    Columns are made bytes as a whole, and their pieces joined once: no object and no format per line.
    """

    def __init__(self, series: Sequence[Series], states: Mapping[int, str]) -> None:
        most = max((one.id for one in series), default=-1)
        self._prefixes = [b""] * (most + 1)
        self._numbers = [b""] * (most + 1)
        self._is_state = np.zeros(most + 1, np.bool_)
        self._states = {code: f"state={quote(name)}" for code, name in states.items()}
        for one in series:
            self._prefixes[one.id] = found = f"\n{prefix(one)}".encode()
            self._numbers[one.id] = found + b"value="
            self._is_state[one.id] = is_state(one)

    def beginning(self, one: int) -> str:
        """Return what stands before the fields of every line of a known series."""
        return self._prefixes[one][1:].decode()

    def encode(self, batch: Batch, *, explicit: bool = False) -> bytes:
        """Return the lines of a batch of known series, UTF-8, times in ns.

        `explicit` says `quality="good"` as well, so that a reading that was stored as bad is good again.
        """
        if not len(batch):
            return b""
        ids = batch.ids.tolist()
        starts, values = list(map(self._numbers.__getitem__, ids)), _texts(batch.value)
        odd = self._is_state[batch.ids] | (batch.quality != 0) | ~np.isfinite(batch.value)
        for row in np.flatnonzero(odd).tolist():
            starts[row] = self._prefixes[ids[row]]
            fields = self._fields(ids[row], float(batch.value[row]), int(batch.quality[row]))
            values[row] = fields.encode()
        columns = [starts, values, *_tails(batch, explicit=explicit), _texts(batch.time, b" ")]
        pieces = [b""] * (len(columns) * len(ids))
        for number, column in enumerate(columns):
            pieces[number :: len(columns)] = column
        return b"".join(pieces)[1:]

    def _fields(self, one: int, value: float, quality: int) -> str:
        """Return the fields of a state, or of a reading that is not good."""
        if quality >= FIRST_BAD or not isfinite(value):
            return _QUALITIES[quality if quality >= FIRST_BAD else Reason.NOT_A_NUMBER]
        text = self._states[int(value)] if self._is_state[one] else f"value={value!r}"
        return f"{text},{_QUALITIES[quality]}" if quality else text


def _tails(batch: Batch, *, explicit: bool) -> Iterator[list[bytes]]:
    """Yield the fields behind the value, where any reading has them."""
    differs = batch.received != batch.time
    tells = batch.device != np.where(differs, batch.time, 0)
    if explicit:
        yield [b',quality="good"' if good else b"" for good in (batch.quality == 0).tolist()]
    for column, name, where in (
        (batch.received, b"received", differs),
        (batch.device, b"device_time", tells),
    ):
        if where.any():
            texts = _texts(column, b",%b=" % name, b"i")
            for row in np.flatnonzero(~where).tolist():
                texts[row] = b""
            yield texts


def _texts(column: Values | Times, before: bytes = b"", after: bytes = b"") -> list[bytes]:
    """Return a column as texts that read back as the same numbers; `null` for what is not finite."""
    numbers = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    if before or after:
        numbers = b"%b%b%b" % (before, numbers.replace(b",", b"%b;%b" % (after, before)), after)
        return numbers.split(b";")
    return numbers.split(b",")
