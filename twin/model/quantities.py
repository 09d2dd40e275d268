"""What a point measures: the row that says its unit, its plausible range and how it adds up over time.

The rows themselves stand in `twin.model.catalogue`. Functions here take the rows they work on, so that a district
may bring quantities of its own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from difflib import get_close_matches
from enum import StrEnum
from math import inf, isfinite

from twin.model import units


class Aggregation(StrEnum):
    """How the values of an interval become one: decides what a rollup may compute and a panel may draw."""

    GAUGE = "gauge"
    """A level at an instant: mean, minimum, maximum, last."""

    COUNTER = "counter"
    """A total that only grows until it resets or wraps: the difference over the interval."""

    STATE = "state"
    """One of a few names: the seconds spent in each."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One kind of measurement, the same for every device that gives it.

    `unit` is a UCUM code in which the twin keeps the values, empty for states. `minimum` and `maximum` bound what is
    plausible in that unit: a value outside is a fault of the device, not weather. They stay open for states only.
    `states` are in the order of the codes 0, 1, 2 … that a device sends where its profile says nothing else.
    `smart_data_model` ("Entity.attribute") and `brick` (a Point class) name the same fact in those vocabularies; None
    where neither has it. They say which fact it is, not in which unit others write it. A quantity with a `period`
    goes round (a direction: 360), so its mean is one of vectors.
    """

    name: str
    _: KW_ONLY
    unit: str = ""
    minimum: float = -inf
    maximum: float = inf
    aggregation: Aggregation = Aggregation.GAUGE
    title: str
    titulo: str
    states: tuple[str, ...] = ()
    period: float | None = None
    smart_data_model: str | None = None
    brick: str | None = None

    @property
    def states_by_default(self) -> dict[bool | int | str, str]:
        """Raw codes to states where a profile names none: by position for codes, by name for devices that send text."""
        by_position: dict[bool | int | str, str] = dict(enumerate(self.states))
        return by_position | {name: name for name in self.states}


class UnknownQuantityError(LookupError):
    """Raised when a name is not in the catalogue; `nearest` holds the names that were probably meant."""

    def __init__(self, name: str, nearest: Sequence[str]) -> None:
        self.name = name
        self.nearest = tuple(nearest)
        hint = f" (did you mean {' or '.join(self.nearest)}?)" if nearest else ""
        super().__init__(f"there is no quantity {name!r}{hint}")


def get(catalogue: Mapping[str, Quantity], name: str) -> Quantity:
    """Return the quantity of that name; raise `UnknownQuantityError` with the nearest names."""
    try:
        return catalogue[name]
    except KeyError:
        raise UnknownQuantityError(name, get_close_matches(name, catalogue, n=3)) from None


_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def faults(quantity: Quantity) -> list[str]:
    """Say everything that is wrong with a row, one sentence each; called before a row enters a catalogue."""
    found = [] if _NAME.fullmatch(quantity.name) else [f"name {quantity.name!r} is not snake_case"]
    if not (quantity.title and quantity.titulo):
        found.append("a title is missing")
    if quantity.aggregation is Aggregation.STATE:
        return found + _state_faults(quantity)
    return found + _number_faults(quantity)


def _state_faults(quantity: Quantity) -> list[str]:
    found = [f"state {name!r} is not snake_case" for name in quantity.states if not _NAME.fullmatch(name)]
    if len(set(quantity.states)) != len(quantity.states) or len(quantity.states) < 2:
        found.append("a state has two or more different names")
    if quantity.unit or (quantity.minimum, quantity.maximum) != (-inf, inf):
        found.append("a state has neither unit nor range")
    return found


def _number_faults(quantity: Quantity) -> list[str]:
    found = []
    if units.find(quantity.unit) is None:
        found.append(f"unit {quantity.unit!r} is not known")
    if not (isfinite(quantity.minimum) and isfinite(quantity.maximum)):
        found.append("the range of a number has two ends")
    if quantity.minimum >= quantity.maximum:
        found.append("the range is empty")
    if quantity.aggregation is Aggregation.COUNTER and quantity.minimum < 0:
        found.append("a counter starts at zero or above")
    if quantity.states:
        found.append("a number has no states")
    return found


_HEADER = """\
# Quantities and units

Generated from `twin/model/catalogue.py` and `twin/model/units.py`; a test holds this page to them.

A point names its quantity. The twin keeps every value in the quantity's unit; a device may give another unit of the
same kind. A value outside the range is kept as bad, with its reason. The states of a quantity stand in the order of
the codes 0, 1, 2 … that are assumed where a profile says nothing else.

Smart Data Models and Brick say which fact a quantity is; their units may differ. A dash means that the vocabulary has
no name for it.
"""

_COLUMNS = """\
| name | title | título | kind | unit | range or states | Smart Data Models | Brick |
|---|---|---|---|---|---|---|---|
"""

_UNITS_HEADER = """\
## Units

UCUM codes, case-sensitive, that a profile may write. Units of one row convert into one another. Any annotation in
braces may be added (`{people}`, `m3{hot}/h`) and changes nothing, save where the annotated code stands below.

| kind | codes |
|---|---|
"""


def reference_table(groups: Mapping[str, Sequence[Quantity]]) -> str:
    """Return the page `docs/quantities.md`: a table for each group and one of all units."""
    sections = [
        _HEADER,
        *(_section(title, rows) for title, rows in groups.items()),
        _UNITS_HEADER + _unit_rows(),
    ]
    return "\n".join(sections)


def _section(title: str, rows: Sequence[Quantity]) -> str:
    return f"## {title}\n\n{_COLUMNS}" + "".join(_row(quantity) for quantity in rows)


def _row(quantity: Quantity) -> str:
    span = ", ".join(quantity.states) or f"{quantity.minimum:,.12g} to {quantity.maximum:,.12g}"
    cells = (
        f"`{quantity.name}`",
        quantity.title,
        quantity.titulo,
        str(quantity.aggregation),
        _code(quantity.unit),
        span,
        _code(quantity.smart_data_model),
        _code(quantity.brick),
    )
    return f"| {' | '.join(cells)} |\n"


def _unit_rows() -> str:
    kinds: dict[str, list[str]] = {}
    for unit in units.UNITS.values():
        kinds.setdefault(unit.kind, []).append(f"`{unit.code}`")
    return "".join(f"| {kind} | {' '.join(codes)} |\n" for kind, codes in kinds.items())


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "–"
