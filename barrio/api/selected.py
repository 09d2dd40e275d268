"""Which points are meant: the same names with the same meaning for history, intervals, streams and webhooks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from barrio.history.chosen import MOST_POINTS, Choice


def said(words: str) -> Any:
    """Return the field of a text that may be left out, with what it means."""
    return Field(default=None, max_length=300, description=words)


class Selected(BaseModel):
    """Points by path and by what they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    point: list[Annotated[str, Field(max_length=300)]] = Field(
        default=[],
        max_length=MOST_POINTS,
        description="Path of a point, district/device/point; several, or with * for any name in a part of it.",
    )
    under: str | None = said("A district, a device or a path: the points of it.")
    kind: str | None = said("Kind of the devices.")
    quantity: str | None = said("Name of a quantity.")
    site: str | None = said("A site, with the sites within it: id, or district/id.")
    device: str | None = said("A device: id, or district/id.")
    dataset: str | None = said("Id of a dataset, or district/id: the points that it gives.")

    @property
    def choice(self) -> Choice:
        """The points that are meant, each path once."""
        filters = (self.under, self.kind, self.quantity, self.site, self.device, self.dataset)
        return Choice(tuple(dict.fromkeys(self.point)), *filters)
