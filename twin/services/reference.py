"""The generated part of `docs/services.md`: the keys of `services.yaml`."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from twin.model.selection import Selection
from twin.services import spec

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

BEGIN = "<!-- Generated from twin/services/spec.py; a test holds it to the models. -->"
END = "<!-- End of the generated part. -->"

_TABLES = (
    ("supply", spec.SupplySpec),
    ("request_when", spec.RequestWhenSpec),
    ("delivered_when", spec.DeliveredWhenSpec),
    ("escalate_after", spec.EscalateAfterSpec),
    ("draw", spec.DrawSpec),
    ("for", Selection),
    ("capacity", spec.CapacitySpec),
    ("maintenance", spec.MaintenanceSpec),
)
_PERCENT = frozenset({"empty_at", "fill_to", "amber", "red", "hysteresis", "warn_at", "overdue_at"})
_UNITS_S = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def reference() -> str:
    """Return the tables of all keys, between the two marks; `suppliers` are channels and stand with those."""
    return "\n".join([BEGIN, "", *(_section(title, model) for title, model in _TABLES), END])


def _section(title: str, model: type[BaseModel]) -> str:
    rows = [_row(name, info) for name, info in model.model_fields.items()]
    return "\n".join([f"`{title}`", "", "| key | without it | meaning |", "|---|---|---|", *rows, ""])


def _row(name: str, info: FieldInfo) -> str:
    default = "required" if info.is_required() else _shown(name, info.get_default())
    return f"| `{info.alias or name}` | {default} | {info.description} |"


def _shown(name: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, time):
        return value.isoformat("minutes")
    if name in _PERCENT:
        return f"{value:g} %"
    return _duration(value) if isinstance(value, float) else f"{value}"


def _duration(seconds: float) -> str:
    unit, size = next((unit, size) for unit, size in _UNITS_S if seconds >= size and seconds % size == 0)
    return f"{seconds / size:.0f} {unit}"


if __name__ == "__main__":
    print(reference())  # noqa: T201 - the answer of the command
