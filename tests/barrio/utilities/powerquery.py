"""A query of Power Query as its maker's parser sees it: what it asks for, what it names, and what it sums up."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.servers import POWERQUERY, need

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Request:
    """What `Web.Contents` of a query asks for."""

    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Grouped:
    """What `Table.Group` of a query makes: keys, the column that is summed up, and what the sum is called."""

    keys: Sequence[str]
    column: str
    name: str

    def of(self, rows: Sequence[Mapping[str, str]]) -> dict[tuple[str, ...], Decimal]:
        """Return the sums over rows, in decimal arithmetic as the query asks for."""
        found: dict[tuple[str, ...], Decimal] = {}
        for row in rows:
            key = tuple(row[name] for name in self.keys)
            found[key] = found.get(key, Decimal(0)) + Decimal(row[self.column])
        return found


def parse(text: str) -> Mapping[str, Any]:
    """Return the steps of a query as plain data; AssertionError with the parser's words when it is none."""
    program = need("powerquery")
    done = subprocess.run(
        [str(program), "read.mjs"],
        cwd=POWERQUERY,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    read: Mapping[str, Any] = json.loads(done.stdout)
    return read


def request(read: Mapping[str, Any]) -> Request:
    """Return the one request of a query: the relative path is appended to the address, as Power Query does."""
    base, options = _call(read, "Web.Contents")
    assert options.keys() <= {"RelativePath", "Query", "Headers"}
    url = f"{base.rstrip('/')}/{options.get('RelativePath', '')}"
    return Request(url, options.get("Query", {}), options.get("Headers", {}))


def columns(read: Mapping[str, Any]) -> list[str]:
    """Return the columns to which a query gives types, and those by which it groups."""
    _, typed, *_ = _call(read, "Table.TransformColumnTypes")
    return [*(name for name, _ in typed), *grouped(read).keys]


def grouped(read: Mapping[str, Any]) -> Grouped:
    """Return what a query groups and sums up."""
    _, keys, [[name, each, _]] = _call(read, "Table.Group")
    summed = each["each"]
    assert summed == {
        "call": "List.Sum",
        "arguments": [{"field": summed["arguments"][0]["field"]}, {"name": "Precision.Decimal"}],
    }
    return Grouped(keys, summed["arguments"][0]["field"], name)


def _call(read: Mapping[str, Any], name: str) -> list[Any]:
    """Return the arguments of the only call of a function among the steps of a query."""
    [found] = [one["arguments"] for one in _calls(list(read["steps"].values())) if one["call"] == name]
    return list(found)


def _calls(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, dict):
        inner = [call for one in value.values() for call in _calls(one)]
        return [value, *inner] if "call" in value else inner
    return [call for one in value for call in _calls(one)] if isinstance(value, list) else []
