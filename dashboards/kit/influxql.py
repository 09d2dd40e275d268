"""Queries in InfluxQL: the one class that the SDK lacks, and the pieces that queries are made of.

Only what InfluxDB 1.6 to 3 all understand is used, see docs/dashboards.md. Names and values from a district's files
pass `name` and `value`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from twin.store.influxql import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection

Format = Literal["time_series", "table"]
INFLUXDB = "influxdb"


@dataclass(slots=True)
class Query(Dataquery):
    """One InfluxQL target of a panel or an annotation, as Grafana's InfluxDB data source reads it.

    `extra` holds what only annotations have: which columns are title, text and tags.
    """

    ref_id: str
    source: str
    query: str
    form: Format = "time_series"
    alias: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the target as it stands in a dashboard."""
        found: dict[str, object] = {
            "refId": self.ref_id,
            "datasource": DataSourceRef(type_val=INFLUXDB, uid=self.source),
            "rawQuery": True,
            "query": apart(self.query),
            "resultFormat": self.form,
        }
        if self.alias:
            found["alias"] = self.alias
        return found | self.extra

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the target that a dashboard holds; keys that are none of ours are lost: so they are found."""
        extra = {key: data[key] for key in ANNOTATION_KEYS if key in data}
        source = data.get("datasource", {}).get("uid", "")
        form = data.get("resultFormat", "time_series")
        return cls(data.get("refId", ""), source, data.get("query", ""), form, data.get("alias", ""), extra)


ANNOTATION_KEYS = (
    "fromAnnotations",
    "textColumn",
    "titleColumn",
    "tagsColumn",
    "timeEndColumn",
    "queryType",
    "name",
)


_INTERVAL = re.compile(r" ?((?:AND |GROUP BY )?[^ \n]*\$__interval[^ \n]*(?: (?:<|>=) \w+)?)(?: |(?=\n|$))")
_LINES = re.compile(r"\n{2,}")


def apart(query: str) -> str:
    """Return a query in which `$__interval` stands on lines of its own, where there is no `/`.

    Grafana up to 12.3 takes all between two slashes of a line for a regular expression (those of a division and of
    `tz('America/Mexico_City')` too), and puts a backslash before the interval, which no InfluxDB reads (issue 114260).
    """
    return _LINES.sub("\n", _INTERVAL.sub("\n\\1\n", query)).rstrip("\n")


class Target(Builder[Dataquery]):
    """What the SDK's panels take a query in."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def build(self) -> Dataquery:
        """Return the query."""
        return self._query


def name(text: str) -> str:
    """Return an identifier in quotes: a measurement, tag or field."""
    return identifier(text)


def value(text: str) -> str:
    """Return a value in quotes. A `$` is taken out of Grafana's sight: it would be read as a variable."""
    if "$" in text:
        raise ValueError(f"{text!r} cannot stand in a query: Grafana would read a variable in it")
    return literal(text)


def one_of(tag: str, values: Collection[str]) -> str:
    """Return the condition that a tag or field has one of these values."""
    conditions = [f"{name(tag)} = {value(one)}" if "$" not in one else _like(tag, one) for one in values]
    return conditions[0] if len(conditions) == 1 else f"({' OR '.join(conditions)})"


def _like(tag: str, text: str) -> str:
    """Return the condition for a value in which Grafana would read a variable: any sign stands for each odd one."""
    return f"{name(tag)} =~ /^{re.sub(r'[^A-Za-z0-9 _-]', '.', text)}$/"


def picked(tag: str, variable: str) -> str:
    """Return the condition that a tag is what a variable of the dashboard says; its `All` is `.*`.

    A variable that has always one value is written `=NAME`, and compared without a regular expression.
    """
    if variable.startswith("="):
        return f"{name(tag)} = ${{{variable[1:]}:singlequote}}"
    return f"{name(tag)} =~ /^${{{variable}:regex}}$/"


def select(
    columns: str,
    source: str,
    where: Collection[str] = (),
    *,
    by: Collection[str] = (),
    fill: str = "",
    tail: str = "",
) -> str:
    """Return a query; `source` is a measurement's name, or a query in brackets; `by` are tags, or `time(…)`.

    `tail` is what comes last: an order, a limit, a time zone.
    """
    groups = [one if one.startswith("time(") else name(one) for one in by]
    parts = [
        f"SELECT {columns}",
        f"FROM {source if source.startswith('(') else name(source)}",
        f"WHERE {' AND '.join(where)}" if where else "",
        f"GROUP BY {', '.join(groups)}" if groups else "",
        f"fill({fill})" if fill else "",
        tail,
    ]
    return " ".join(part for part in parts if part)


_DIGITS = re.compile(r"[0-9]+")


def shape(owner: str) -> str:
    """Return a regular expression of ids like this one: digits stand for any number."""
    return _DIGITS.sub("[0-9]+", re.sub(r"[^A-Za-z0-9_-]", ".", owner))


def shapes_of(owners: Collection[str]) -> list[str]:
    """Return the shapes that ids have, each once."""
    return list(dict.fromkeys(map(shape, owners)))
