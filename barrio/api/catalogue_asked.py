"""What lists of the catalogue may be asked for: a model for each, whose fields are the parameters."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from barrio.api.parameters import MOST_LISTED, MOST_SKIPPED
from barrio.catalogue.ask import Wanted, box_of
from twin.model.graph import RelationType

if TYPE_CHECKING:
    from barrio.catalogue.names import Names

USUALLY_LISTED = 1_000

Word = Annotated[str | None, Field(max_length=300)]


class Paged(BaseModel):
    """A page of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(USUALLY_LISTED, ge=1, le=MOST_LISTED, description="How many at most")
    cursor: str | None = Field(
        None, max_length=200, description="Goes on where a page ended: its `next` has it"
    )


class Plain(Paged):
    """A list that cannot be drawn on a map."""

    format: Literal["json"] | None = Field(None, description="There is no other")


class Mapped(Paged):
    """A list that can be drawn on a map."""

    bbox: str | None = Field(
        None,
        max_length=200,
        description="`minlon,minlat,maxlon,maxlat` in degrees, WGS 84",
        examples=["-100.27,20.55,-100.25,20.57"],
    )
    format: Literal["json", "geojson"] | None = Field(None, description="Goes before the header Accept")


class _Filters(BaseModel):
    """Filters, joined by and; a list takes those that it has."""

    district: Word = Field(None, description="Id of the district")
    site: Word = Field(None, description="In this site or one within it: id, or `district/id`")
    kind: Word = Field(None, description="Kind of the device; for sites, theirs")
    quantity: Word = Field(None, description="With points of this quantity")
    profile: Word = Field(None, description="With points of devices of this profile")
    dataset: Word = Field(None, description="With points in this dataset: id, or `district/id`")

    def wanted(self, names: Names, word: str) -> Wanted:
        """Return which `word`s are meant; AskError for a box that is none, UnknownName for a name that nothing has."""
        found = {name: getattr(self, name) for name in type(self).model_fields if name in _KEYS}
        return names.hold(Wanted(**found, box=box_of(getattr(self, "bbox", None))), word)


_KEYS = {one.name for one in fields(Wanted)} - {"box"}


class Sites(_Filters, Mapped):
    """Sites."""


class Devices(_Filters, Mapped):
    """Devices of which some point passes."""

    under: Word = Field(None, description="A district, `district/device`, or a path")


class Points(Devices):
    """Points."""

    device: Word = Field(None, description="Id of the device, or `district/id`")
    latest: bool = Field(default=True, description="Whether each has its newest reading")
    offset: int = Field(0, ge=0, le=MOST_SKIPPED, description="How many to leave out; not with cursor")


class Common(_Filters, Plain):
    """What points that pass have in common."""

    bbox: str | None = Field(None, max_length=200, description="`minlon,minlat,maxlon,maxlat` in degrees")


class Relations(Plain):
    """Relations."""

    district: Word = Field(None, description="Id of the district")
    type: RelationType | None = Field(None, description="Type of the relation")
    of: Word = Field(None, description="A device or site at one of its ends: id, or `district/id`")
