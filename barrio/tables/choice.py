"""Which format a request wants: `?format=` goes before `Accept` (RFC 9110, 12.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query

from barrio.errors import AskError
from barrio.tables.forms import Form
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

Format = Annotated[
    Form | None, Query(alias="format", description="Format of the answer; goes before the header Accept.")
]
"""The parameter, for routes that give tables."""

_ANY = ("", "*/*")
"""What programs send that do not mind, which is most of them."""


def chosen(request: Request) -> Form | None:
    """Return the format that a request wants, None where it accepts none that there is."""
    named = request.query_params.get("format")
    if named is not None:
        if named not in set(Form):
            words = f"there is no format {named!r}{suggest(named, list(Form))}, there are {', '.join(Form)}"
            raise AskError("format", words)
        return Form(named)
    return accepted(",".join(request.headers.getlist("accept")))


def accepted(header: str) -> Form | None:
    """Return the format that `Accept` likes best, the usual one first; None for one that likes none."""
    if header.strip() in _ANY:
        return Form.JSON
    ranges = list(_ranges(header))
    liked = {form: _liking(form, ranges) for form in Form}
    best = max(liked.values())
    return next(form for form in Form if liked[form] == best) if best > 0 else None


def _liking(form: Form, ranges: list[tuple[str, float]]) -> float:
    """Return the weight that the most specific range gives a format."""
    exact = [weight for media, weight in ranges if form.asked_by(media)]
    if exact:
        return max(exact)
    kind = form.media.partition("/")[0]
    for wanted in (f"{kind}/*", "*/*"):
        found = [weight for media, weight in ranges if media == wanted]
        if found:
            return max(found)
    return 0.0


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for one in header.split(","):
        media, *parameters = (part.strip().lower() for part in one.split(";"))
        yield media, weight_of(parameters)


def weight_of(parameters: list[str]) -> float:
    """Return the weight `q=0.5` among parameters: 1 without one, 0 where it is no number between 0 and 1."""
    for one in parameters:
        name, _, value = one.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0
