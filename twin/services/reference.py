"""The generated part of `docs/services.md`: the keys of `services.yaml`."""

from __future__ import annotations

from twin.model.keys import table
from twin.model.selection import Selection
from twin.services import spec

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


def reference() -> str:
    """Return the tables of all keys, between the two marks; `suppliers` are channels and stand with those."""
    return "\n".join([BEGIN, "", *(table(f"`{title}`", model, _PERCENT) for title, model in _TABLES), END])


if __name__ == "__main__":
    print(reference())  # noqa: T201 - the answer of the command
