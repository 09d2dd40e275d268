"""Commands: every step of the audit log as an event."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from barrio.facts.source import Portion, sentence
from twin.audit import PLATFORM
from twin.commands.values import words_of
from twin.facts import NOTHING, Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from barrio.facts.places import Places
    from barrio.facts.source import Fields
    from twin.model.bound import BoundPoint

_LONGEST_LINE = 1_000_000

_SAYS = {
    "accepted": "asked for",
    "prepared": "prepared, to be confirmed by a second step",
    "sending": "sent",
    "written": "written",
    "confirmed": "read back",
    "mismatch": "the device shows something else",
    "unconfirmed": "not read back",
    "unknown": "it is not known whether the device took it",
    "refused": "refused",
    "rejected": "rejected by the device",
    "not_sent": "not sent",
    "ended": "ended",
    "expired": "expired",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
    "left": "left as it is",
    "differs": "the device has left what was asked for",
    "agrees": "the device shows what was asked for again",
    "started": "commands go on after a start",
    "audit_remark": "a remark on the audit log",
    "journal_lost": "the journal of commands was lost",
    "not_recorded": "could not be put on record",
}


class CommandSource:
    """The audit log. The cursor is where in the file to go on, and the number of the last line."""

    key = "commands"
    thread = "commands"

    def __init__(self, path: Path, points: Mapping[str, BoundPoint], places: Places) -> None:
        self._path = path
        self._points = points
        self._places = places

    def read(self, cursor: str, limit: int) -> Portion:
        """See `barrio.facts.source.Source`; a log that was moved aside is not read to its end."""
        offset, number = map(int, cursor.split()) if cursor else (0, 0)
        lines, end, more = self._lines(offset, limit)
        if (lines and lines[0]["n"] <= number) or end < offset:
            # It is another log: the one before was moved aside.
            lines, end, more = self._lines(0, limit)
            number = 0
        facts = [fact for line in lines for fact in self._facts(line)]
        last = lines[-1]["n"] if lines else number
        return Portion(facts, f"{end} {last}", more, waiting=int(more))

    def told(self) -> None:
        """Nothing is kept here."""

    def _lines(self, offset: int, limit: int) -> tuple[list[dict[str, Any]], int, bool]:
        """Return the lines from an offset on, where they end (0 when the file ends before it), and if more follow."""
        found: list[dict[str, Any]] = []
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                if size < offset:
                    return [], 0, False
                file.seek(max(0, offset - 1))
                if offset and file.read(1) != b"\n":
                    return [], 0, False
                while len(found) < limit and (line := file.readline(_LONGEST_LINE)).endswith(b"\n"):
                    offset += len(line)
                    entry = json.loads(line)
                    if _is_entry(entry):
                        found.append(entry)
        except (OSError, ValueError):
            # The audit log is looked after elsewhere; what cannot be read is not told.
            return found, offset, False
        return found, offset, offset < size and len(found) == limit

    def _facts(self, line: Mapping[str, Any]) -> Iterator[Fact]:
        if line.get("kind") == PLATFORM:
            return
        path = str(line.get("path", ""))
        district, _, rest = path.partition("/")
        owner, _, point = rest.partition("/")
        moment = datetime.fromisoformat(line["at"])
        time = round(moment.timestamp() * 1_000_000) * 1_000 + line["n"] % 1_000
        for one in (district,) if path else self._places.districts:
            if one not in self._places.districts:
                continue
            title = self._title(line, self._places.name(one, owner) if owner else "", point)
            fields: Fields = {
                "what": line["step"],
                "title": title,
                "text": self._text(line, title),
                "who": str(line["who"]) if line.get("who") else None,
                "number": line["id"] if isinstance(line.get("id"), int) else line["n"],
                "point": point or None,
            }
            tags = self._places.tags(one, owner) if owner else _nowhere(one)
            yield Fact("barrio_events", {**tags, "kind": "command", "priority": NOTHING}, fields, time)

    def _title(self, line: Mapping[str, Any], name: str, point: str) -> str:
        said = _SAYS.get(line["step"], line["step"].replace("_", " "))
        return f"{name}, {point} {self._value(line, 'value')}: {said}" if name else said

    def _text(self, line: Mapping[str, Any], title: str) -> str:
        """Return who asked for it and why, who confirmed it, what the device shows, and what else there is to say."""
        number = f"command {line['id']}: " if line.get("id") else ""
        why = f": {line['why']}" if line.get("why") else ""
        who = f" ({line['who']}{why})" if line.get("who") else ""
        confirmed = f", confirmed by {line['confirmed_by']}" if line.get("confirmed_by") else ""
        shown = f", it shows {self._value(line, 'shown')}" if line.get("shown") is not None else ""
        words = line.get("words") or line.get("reason") or ""
        return sentence(f"{number}{title}{who}{confirmed}{shown}{f': {words}' if words else ''}")

    def _value(self, line: Mapping[str, Any], key: str) -> str:
        item, value = self._points.get(str(line.get("path"))), line.get(key)
        if value is None:
            return ""
        return words_of(item.point, value) if item is not None else str(value)


def _is_entry(entry: Any) -> bool:
    """Whether a line is one that barrio wrote."""
    if not isinstance(entry, dict) or not isinstance(entry.get("n"), int):
        return False
    try:
        datetime.fromisoformat(entry.get("at", ""))
    except (TypeError, ValueError):
        return False
    return isinstance(entry.get("step"), str)


def _nowhere(district: str) -> dict[str, str]:
    return {"district": district, "site": NOTHING, "device": NOTHING}
