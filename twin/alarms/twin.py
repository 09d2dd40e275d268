"""What alarms see of the twin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.gaps import Gaps
    from twin.live import Live


@dataclass(frozen=True, slots=True)
class Twin:
    """Current values and gaps by series id; `ids` maps paths to series ids, `states` names of states to state ids."""

    live: Live
    gaps: Gaps
    ids: Mapping[str, int]
    states: Mapping[str, int]
