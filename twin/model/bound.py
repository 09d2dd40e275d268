"""Points bound to the ids that the data folder keeps for ever, as connectors and ingest use them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.model.district import Device, Point
    from twin.model.spec import StateKey


@dataclass(frozen=True, slots=True)
class BoundPoint:
    """A point with its series id; `state_ids` maps raw codes to state ids (empty for numbers)."""

    id: int
    point: Point
    state_ids: Mapping[StateKey, int]

    def state(self, raw: StateKey) -> float:
        """Return the state id of a raw code as a float, NaN for a code that the profile does not name."""
        found = self.state_ids.get(raw)
        return math.nan if found is None else float(found)


@dataclass(frozen=True, slots=True)
class BoundDevice:
    """A device with its points bound."""

    device: Device
    points: tuple[BoundPoint, ...]
