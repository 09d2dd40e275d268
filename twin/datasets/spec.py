"""What a person writes in `datasets.yaml`: owners, and what each gives away to whom."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from twin.access.scope import Tier
from twin.datasets.licences import check_licence, is_address
from twin.model.selection import Selection, one_or_many
from twin.model.spec import Id, Seconds, Spec, Text
from twin.resolution import Resolution

_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
FEWEST = 4
"""No figure is of fewer meters, whatever a file says."""


def _check_contact(value: str) -> str:
    if _MAIL.fullmatch(value) is None and not is_address(value):
        raise ValueError("a contact is a mail address or a URL")
    return value


def _check_url(value: str) -> str:
    if not is_address(value):
        raise ValueError("must be a URL that begins with https:// or http://")
    return value


def _check_word(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be one line without blanks around it")
    return value


Word = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_check_word)]
Words = Annotated[tuple[Word, ...], BeforeValidator(one_or_many), Field(min_length=1, max_length=50)]
Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_check_word)]
Contact = Annotated[str, Field(max_length=300), AfterValidator(_check_contact)]
Address = Annotated[str, Field(max_length=1000), AfterValidator(_check_url)]
Licence = Annotated[str, Field(max_length=1000), AfterValidator(check_licence)]
Reason = Annotated[str, Field(min_length=10, max_length=500)]
Delay = Annotated[Seconds, Field(ge=60, le=90 * 86_400)]
Least = Annotated[int, Field(ge=FEWEST, le=100_000)]


class OwnerSpec(Spec):
    """Whose data it is."""

    id: Id = Field(description="Id, not used by another owner of the file")
    name: Title = Field(description="Name for people")
    url: Address | None = Field(default=None, description="Its page; stands for it in the catalogue")


class MembersSpec(Spec):
    """Points of one device or site, or of all that a selection finds; those alone that fit all further keys."""

    on: Id | None = Field(default=None, description="Id of a device or site")
    chosen: Selection | None = Field(
        default=None, alias="for", description="Devices by kind, profile, site, within or devices; else sites"
    )
    quantities: Words | None = Field(default=None, description="Only points of these quantities")
    names: Words | None = Field(default=None, description="Only points of these names")
    without: Words | None = Field(default=None, description="No points of these names")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.on is None) == (self.chosen is None):
            found = "both" if self.on is not None else "neither"
            raise ValueError(f"has exactly one of `on` and `for`, found {found}")
        return self


Members = Annotated[
    tuple[MembersSpec, ...], BeforeValidator(one_or_many), Field(min_length=1, max_length=200)
]
Levels = Annotated[tuple[Word, ...], BeforeValidator(one_or_many), Field(min_length=1, max_length=10)]


class FiguresSpec(Spec):
    """Sums over meters instead of the meters themselves."""

    at_least: Least = Field(default=10, description="A figure is of so many meters at least; 4 or more")
    every: Literal[Resolution.QUARTER, Resolution.HOUR, Resolution.DAY] = Field(
        default=Resolution.HOUR, description="Length of the windows, the only one that there is"
    )
    by: Levels = Field(
        default=("district",),
        description="Groups: `district`, `site` (where the meter stands), or a kind of site around it; one or several",
    )
    after: Delay = Field(
        default=86_400.0,
        description="So long past its end a window is published, of what had been received by then; at least a minute",
    )


class DatasetSpec(Spec):
    """Points that are given away together."""

    id: Id = Field(description="Id, not used by another dataset of the file")
    title: Title = Field(description="Title for people")
    description: Text = Field(default="", description="What it is, in a few sentences")
    owner: Id = Field(description="Id of the owner")
    contact: Contact = Field(description="Whom to ask: a mail address or a URL")
    licence: Licence = Field(description="SPDX id of a licence for data, or the URL of the terms")
    tier: Tier = Field(
        description="Who may see it: everybody (open), partners with a token, or operators only"
    )
    points: Members = Field(description="Which points; an entry or a list of them")
    finest: Resolution = Field(
        default=Resolution.RAW, description="Readings are given no finer than this, but to operators"
    )
    keywords: Words | tuple[()] = Field(default=(), description="Words that it is found by")
    listed: bool = Field(
        default=False,
        description="Partner: whether everybody may read in the catalogue that it exists; nothing else of it",
    )
    no_dwelling: Reason | None = Field(
        default=None, description="Open meters: why they show nothing of a dwelling"
    )
    figures: FiguresSpec | None = Field(
        default=None, description="Open: publish sums over the points instead of the points"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.figures is not None and self.tier is not Tier.OPEN:
            raise ValueError(f"figures are for everybody: tier must be open, found {self.tier}")
        if self.figures is not None and self.no_dwelling is not None:
            raise ValueError(
                "no_dwelling is for points that are open themselves, and these are only summed up"
            )
        if self.listed and self.tier is not Tier.PARTNER:
            raise ValueError(f"listed is for datasets of partners, found tier {self.tier}")
        return self


class DatasetsSpec(Spec):
    """`datasets.yaml`."""

    owners: tuple[OwnerSpec, ...] = Field(default=(), description="Whose the data is")
    datasets: tuple[DatasetSpec, ...] = Field(default=(), description="What is given away, and to whom")
