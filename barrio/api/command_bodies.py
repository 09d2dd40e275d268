"""Bodies of orders: commands, confirmations, releases."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST_POINTS = 1_000
_FAR = 1_000


def refuse_truth(value: object) -> object:
    """Return a value that is a number or a text; ValueError for true and false, which would count as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number or a text is meant")  # noqa: TRY004 - pydantic makes a fault of it
    return value


Text = Annotated[str, Field(max_length=500)]
Path = Annotated[str, Field(min_length=1, max_length=300)]
Who = Annotated[str, Field(min_length=1, max_length=100)]
Wanted = Annotated[float | Annotated[str, Field(min_length=1, max_length=60)], BeforeValidator(refuse_truth)]
"""A number, or a text; true and false are neither."""
Level = Annotated[int, Field(ge=-_FAR, le=_FAR), BeforeValidator(refuse_truth)]
"""A priority, within what the books can hold; which ones there are, the desk says."""


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CommandBody(_Body):
    """Body of a command: one point, or several (a `*` stands for any part of a name)."""

    point: Path | Annotated[tuple[Path, ...], Field(min_length=1, max_length=MOST_POINTS)]
    value: Wanted
    who: Who
    why: Text = ""
    priority: Level = 8
    lease: Wanted | None = None
    expect: Wanted | None = None
    key: Annotated[str, Field(max_length=100)] = ""


class ConfirmBody(_Body):
    """Body of a confirmation."""

    code: Annotated[str, Field(min_length=1, max_length=20)]
    who: Who


class CancelBody(_Body):
    """Body of taking a command back before it is confirmed."""

    who: Who


class ReleaseBody(_Body):
    """Body of a release."""

    point: Path
    priority: Level = 8
    who: Who
    why: Text = ""
