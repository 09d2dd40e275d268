"""The generated part of `docs/expressions.md`: functions, filters, and the keys of `derived.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.derived import spec
from twin.expressions import functions, moving, selected
from twin.model.keys import table
from twin.model.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable

BEGIN = "<!-- Generated from twin/expressions and twin/derived/spec.py; a test holds it to them. -->"
END = "<!-- End of the generated part. -->"

FILTERS = {
    "site within X": "in site X or in a site within it",
    "site = X": "in site X itself",
    "kind = X": "of devices of that kind, or of sites of that kind",
    "profile = X": "of devices with that profile",
    "device = X": "of that device",
    "point = X": "with that name",
    "quantity = X": "that measure that quantity",
    "fed by X": "of all that X feeds, however far down",
    "controlled by X": "of all that X controls",
    "part of X": "of all parts of X",
    "measured by X": "of all that X measures",
    "located in X": "of all that is in site X, by its site or by a relation",
}


def reference() -> str:
    """Return the tables, between the two marks."""
    forms = [(one.form.replace(" or ", "`, `"), one.meaning) for one in functions.FUNCTIONS.values()]
    windows = [(f"{name}(x over 1h)", words) for name, words in moving.FUNCTIONS.items()]
    selections = [(f"{name}(x where …)", words) for name, words in selected.FUNCTIONS.items()]
    tables = [
        ("Functions", "function", "gives", forms),
        ("Over a time", "window", "gives", windows),
        ("Over a selection", "selection", "gives, of the points that the filter finds,", selections),
        ("Filters", "condition", "finds points", FILTERS.items()),
    ]
    parts = [_table(*table) for table in tables]
    keys = [table("### `derived`", spec.DerivedSpec), table("### `for`", Selection)]
    return "\n".join([BEGIN, "", *parts, *keys, END])


def _table(title: str, left: str, right: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| `{form}` | {meaning} |" for form, meaning in rows]
    return "\n".join([f"### {title}", "", f"| {left} | {right} |", "|---|---|", *lines, ""])


if __name__ == "__main__":
    print(reference())  # noqa: T201 - the answer of the command
