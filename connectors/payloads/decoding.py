"""From a payload to what it holds, bounded whatever a peer sends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

import cbor2

from connectors.payloads import senml
from twin.quality import Reason

MOST_BYTES = 65_536
_MOST_WORDS = 60
_MOST_BITS = 128


class Wire(StrEnum):
    """The five ways of writing that are understood."""

    TEXT = "text"
    JSON = "json"
    CBOR = "cbor"
    SENML_JSON = "senml+json"
    SENML_CBOR = "senml+cbor"


PACKS = frozenset({Wire.SENML_JSON, Wire.SENML_CBOR})


class NoValue(ValueError):
    """Raised where an answer holds no usable value for a point; `reason` and `words` go into the frame."""

    def __init__(self, reason: Reason, words: str) -> None:
        self.reason = reason
        self.words = words
        super().__init__(words)


def shown(found: object) -> str:
    """Return what a device sent in at most 60 printable characters, for words that people read."""
    plain = "".join(char if char.isprintable() else "?" for char in _text_of(found)[: 2 * _MOST_WORDS])
    return plain if len(plain) <= _MOST_WORDS else plain[: _MOST_WORDS - 1] + "…"


def _text_of(found: object) -> str:
    """Return text of a bounded size: `repr` of a huge integer fails, and that of a structure has no bound."""
    if isinstance(found, str | bytes):
        return found if isinstance(found, str) else repr(found[: 2 * _MOST_WORDS])
    if isinstance(found, int) and found.bit_length() > _MOST_BITS:
        return f"an integer of {found.bit_length()} bits"
    if found is None or isinstance(found, bool | int | float):
        return repr(found)
    if isinstance(found, Mapping | Sequence):
        kind = "map" if isinstance(found, Mapping) else "list"
        return f"a {kind} of {len(found)}" if found else f"an empty {kind}"
    return f"a {type(found).__name__}"


def decode(wire: Wire, payload: bytes, now_ns: int = 0) -> Any:
    """Return what a payload holds: text, a JSON or CBOR value, or a list of `senml.Record`.

    `now_ns` is what SenML's relative times refer to. NoValue when the payload is not what it should be.
    """
    if not payload:
        raise NoValue(Reason.NOT_AVAILABLE, "an empty answer")
    if len(payload) > MOST_BYTES:
        raise NoValue(Reason.UNDECODABLE, f"{len(payload)} bytes, more than the {MOST_BYTES} that are read")
    try:
        return _DECODERS[wire](payload, now_ns)
    except NoValue:
        raise
    except senml.SenmlError as error:
        raise NoValue(Reason.UNDECODABLE, shown(str(error))) from error
    except (ValueError, ArithmeticError, RecursionError, cbor2.CBORDecodeError) as error:
        raise NoValue(Reason.UNDECODABLE, f"not {wire}: {shown(payload)}") from error


def _text(payload: bytes, _now_ns: int) -> str:
    return payload.decode("utf-8").strip().rstrip("\0")


def _json(payload: bytes, _now_ns: int) -> Any:
    return json.loads(payload.decode("utf-8"), object_pairs_hook=_once)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; which of two values of one key is meant nobody can know (RFC 8259, section 4)."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NoValue(Reason.UNDECODABLE, "a key stands twice in one object")
    return made


def _cbor(payload: bytes, _now_ns: int) -> Any:
    return cbor2.loads(payload, semantic_decoders=_REFUSED_TAGS)


def _refuse_tag(_value: object, _immutable: object) -> object:
    raise NoValue(Reason.UNDECODABLE, "a tag that no reading needs")


# References to values (28, 29) let a hundred bytes stand for a structure that no memory holds; regular expressions and
# MIME messages (35, 36) are compiled and parsed for nothing. IANA registry "CBOR Tags".
_REFUSED_TAGS = dict.fromkeys((28, 29, 35, 36), _refuse_tag)


_DECODERS: Mapping[Wire, Callable[[bytes, int], Any]] = {
    Wire.TEXT: _text,
    Wire.JSON: _json,
    Wire.CBOR: _cbor,
    Wire.SENML_JSON: lambda payload, now_ns: senml.resolve(_json(payload, now_ns), now_ns),
    Wire.SENML_CBOR: lambda payload, now_ns: senml.resolve(_cbor(payload, now_ns), now_ns),
}


@lru_cache(maxsize=4096)
def steps(key: str | None) -> tuple[str, ...]:
    """Return the steps of a key: a JSON pointer (RFC 6901) where it begins with `/`, else parted by dots."""
    if key is None:
        return ()
    if key.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in key[1:].split("/"))
    return tuple(key.split("."))
