"""What a job is to read, settled when it was asked for: no name in it has to be looked up again.

A job may be made after a restart, when nobody asks any more. So the plan holds the series that its owner saw and how
finely each was given to them; whoever fetches the file must still see all of them that finely.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.access.sight import Sight
    from twin.frame import Ids


@dataclass(frozen=True, slots=True)
class Plan:
    """`start <= time < stop` in ns UTC of series by id; `finest` is the position in `Resolution` for each of them.

    `of` names what makes the table (`barrio.exports.sources`), `options` are its own.
    """

    of: str
    series: tuple[int, ...]
    finest: tuple[int, ...]
    start: int
    stop: int
    zone: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ids(self) -> Ids:
        """The series."""
        return np.array(self.series, np.int32)

    def seen_by(self, sight: Sight) -> bool:
        """Whether somebody sees all of it, as finely as it is given."""
        ids = self.ids
        if not len(ids):
            return True
        if int(ids.max()) >= len(sight.mask) or not sight.mask[ids].all():
            return False
        return bool((sight.finest[ids] <= np.array(self.finest, np.uint8)).all())

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def of_dict(cls, found: Mapping[str, Any]) -> Self:
        """Return it from plain data."""
        both = {name: tuple(found[name]) for name in ("series", "finest")}
        return cls(**{**found, **both})
