"""Which devices and sites of a graph exist for a caller: those of which some point does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin.access.sight import Sight
    from twin.model.district import District


class Shown:
    """What of the districts is shown to a sight."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def district(self, district: District) -> bool:
        """Whether a district exists."""
        return self._sight.whole or district.id in self._sight.district_ids

    def node(self, district: District, name: str) -> bool:
        """Whether a device or site exists."""
        path = f"{district.id}/{name}"
        return self._sight.whole or path in self._sight.device_ids or path in self._sight.site_ids
