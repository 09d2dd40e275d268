"""YAML files as plain data with lines: what people mean, and nothing that surprises them.

Only plain data is read: no tags, no anchors and aliases, no key twice, one document, and a bound on size and depth.
Words are read as YAML 1.2's core schema has them (https://yaml.org/spec/1.2.2/, 10.3.2): `on`, `off`, `yes`, `no`,
`12:30`, `2026-01-01` and `1_000` are text; `true`, `false`, `null`, `1e3`, `0x1F` and `0o17` are not. One thing
differs: `0123` is text too, because it may be an id, and where a number belongs it is read as 123 all the same.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import yaml

from twin.model.source import Place, Source, is_text, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twin.model.source import Faults, Where

MAX_DEPTH = 32

# The parser of libyaml is ten times as fast; where it was not built, the other one reads the same.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,39})")
_BRACES = re.compile(r"\{\d+\.\.|\$\{|\w\{|\{\w+\}")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_BASED = re.compile(r"0x[0-9a-fA-F]{1,32}|0o[0-7]{1,43}")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def parse_yaml(path: Path, text: str, faults: Faults) -> Source | None:
    """Return what the text of a file says, or None with everything that is wrong with it as YAML among the faults."""
    before = len(faults)
    reader = _Reader(path, faults)
    try:
        data = reader.document(yaml.parse(text, Loader=LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        faults.add_file(path, _problem(error.problem or error.context or "", text, line), line)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        faults.add_file(path, "not valid YAML: a character that is not text", line)
    except _TooDeepError as error:
        faults.add_file(path, f"nested deeper than {MAX_DEPTH}", error.line)
    except ValueError:
        # The Python parser makes a character of any number after \U.
        faults.add_file(path, "not valid YAML: an escape that names no character")
    return Source(path, data, reader.lines) if len(faults) == before else None


def resolve(text: str) -> bool | float | str | None:
    """Return what an unquoted word means."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text) if _DECIMAL.fullmatch(text) else text


class _TooDeepError(Exception):
    """Raised to leave a file that is nested too deeply to go on."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


class _Reader:
    """Turns the events of a parser into plain data and keeps the lines; never builds a graph of nodes."""

    def __init__(self, path: Path, faults: Faults) -> None:
        self.lines: dict[Where, int] = {}
        self._source = Source(path, None, self.lines)
        self._faults = faults

    def document(self, events: Iterator[yaml.Event]) -> object:
        """Return the data of the only document."""
        data, number = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                number += 1
                if number > 1:
                    self._fault(event, (), "a second document begins here, a file holds one")
            elif not isinstance(event, (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentEndEvent)):
                data = self._value(event, events, ())
        if not number:
            self._faults.add_file(self._source.path, "is empty")
        return data

    def _value(self, event: Any, events: Iterator[Any], where: Where) -> object:
        self.lines.setdefault(where, event.start_mark.line + 1)
        if len(where) > MAX_DEPTH:
            raise _TooDeepError(event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            self._fault(event, where, "aliases (*name) are not read here, write it out")
            return None
        if event.anchor is not None:
            self._fault(event, where, "anchors (&name) are not read here, write it out")
        if event.tag is not None:
            self._fault(event, where, f"tags ({shown(event.tag)}) are not read here")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, where)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, where)
        return self._scalar(event, where)

    def _scalar(self, event: Any, where: Where) -> bool | float | str | None:
        if not is_text(event.value):
            self._fault(event, where, "holds a character that is not text")
        return resolve(event.value) if event.implicit[0] else str(event.value)

    def _sequence(self, events: Iterator[Any], where: Where) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*where, len(items))))
        return items

    def _mapping(self, events: Iterator[Any], where: Where) -> dict[object, object]:
        found: dict[object, object] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._key(event, events, where)
            place = (*where, key if isinstance(key, str) else str(key).lower())
            if key in found or place in self.lines:
                words = f"stands here twice, first in line {self.lines.get(place, event.start_mark.line)}"
                self._fault(event, place, words)
            self.lines.setdefault(place, event.start_mark.line + 1)
            value = self._value(next(events), events, place)
            found.setdefault(key, value)
        return found

    def _key(self, event: Any, events: Iterator[Any], where: Where) -> bool | float | str | None:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, where)
        self._fault(event, where, "a key must be a word or a number")
        self._value(event, events, (*where, "?"))
        return f"? {event.start_mark.line} {event.start_mark.column}"

    def _fault(self, event: Any, where: Where, words: str) -> None:
        source = Source(self._source.path, None, {where: event.start_mark.line + 1})
        self._faults.add(Place(source, where), words)


def _problem(words: str, text: str, line: int) -> str:
    """The parser's words, and the slips behind most of them."""
    lines = text.splitlines()
    found = lines[line - 1] if line <= len(lines) else ""
    if "\t" in found[: len(found) - len(found.lstrip())]:
        return "not valid YAML: indent with blanks, not with tabs"
    if "mapping values are not allowed" in words:
        return "not valid YAML: a second colon in one line: put the value in quotes, or check the indentation above"
    if "expected ',' or" in words and _BRACES.search(_QUOTED.sub("", found)):
        return 'not valid YAML: put a text with braces or brackets in quotes: "lamp-{001..400}", "${secret:NAME}"'
    near = f", near {shown(found.strip())}" if found.strip() else ""
    return f"not valid YAML: {words or 'not understood'}{near}"
