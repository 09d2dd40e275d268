"""`barrio intervals`: questions and decisions, and their answers as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrio import history
from barrio.client import answers, tell
from barrio.commands.ask import as_json, ask
from barrio.errors import AskError
from barrio.service import run_loop
from barrio.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from barrio.settings import Settings

_PATH = "/api/v1/intervals"
_MOST = 10
_MOST_EDITS = 10_000


def listed(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return intervals."""
    body = ask(settings, districts, _PATH, {**query, "format": "json"})
    return as_json(body) if machine else "\n".join(_listed(body))


def totals(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return differences of registers."""
    body = ask(settings, districts, f"{_PATH}/totals", {**query, "format": "json"})
    if machine:
        return as_json(body)
    head = ["point", "from", "total", "unit", "register", "until", "estimated", "quality"]
    rows = [_total(one, at) for one in body["series"] for at in range(len(one["start"]))]
    return "\n".join(history.aligned([head, *rows]))


def versions(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return what versions changed."""
    body = ask(settings, districts, f"{_PATH}/versions", query)
    return as_json(body) if machine else "\n".join(_versions(body)) or "nothing is settled in this time"


def edits(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return what was decided about registers."""
    body = ask(settings, districts, f"{_PATH}/edits", {**query, "limit": _MOST_EDITS})
    if machine:
        return as_json(body)
    rows = [
        [str(one["edit"]), one["point"], one["kind"], one["from"][:16], one["to"][:16], *_decided(one)]
        for one in body["edits"]
    ]
    head = ["edit", "point", "kind", "from (UTC)", "to (UTC)", "version", "by", "why"]
    return "\n".join(history.aligned([head, *rows])) if rows else "nothing was decided"


def _decided(one: Mapping[str, Any]) -> list[str]:
    back = "" if one["withdrawn"] is None else f", taken back with {one['withdrawn']}"
    return [f"{one['version']}{back}", plain(one["who"] or "–"), plain(one["why"])]


def edit(settings: Settings, body: Mapping[str, Any], deltas: str | None) -> str:
    """Send a decision; `deltas` are numbers with commas."""
    given = {key: value for key, value in body.items() if value is not None}
    if deltas is not None:
        try:
            given["deltas"] = [float(one) for one in deltas.split(",")]
        except ValueError:
            raise AskError("--deltas", f"{deltas!r} is not a list of numbers with commas") from None
    done = run_loop(_tell(settings, f"{_PATH}/edits", given))
    words = f"edit {done['edit']} of {done['point']} came with version {done['version']}"
    made = "in which settled days that it changes are made again; days that are settled later go by it too"
    return plain(f"{words}, {made}")


def withdraw(settings: Settings, number: int, who: str, why: str) -> str:
    """Take a decision back."""
    done = run_loop(_tell(settings, f"{_PATH}/edits/{number}/withdraw", {"who": who, "why": why}))
    return plain(f"edit {done['edit']} is taken back with version {done['version']}")


async def _tell(settings: Settings, path: str, body: Mapping[str, Any]) -> Any:
    async with answers(settings, []) as client:
        return await tell(client, path, body)


def _listed(body: Mapping[str, Any]) -> Iterator[str]:
    for one in body["series"]:
        yield plain(f"{one['point']} ({one['unit']})")
        columns = ("local", "delta", "register", "quality", "version", "reason")
        rows = [[_text(one[name][at]) for name in columns] for at in range(len(one["start"]))]
        yield from history.aligned([list(columns), *rows])
    counts = ", ".join(f"{number:,} {flag}" for flag, number in body["counts"].items() if number)
    yield f"{body['intervals']:,} intervals of {body['length']}: {counts or 'none has ended'}"


def _total(one: Mapping[str, Any], at: int) -> list[str]:
    counts = ", ".join(
        f"{one[flag][at]:,} {flag}"
        for flag in ("valid", "late", "estimated", "edited", "suspect", "missing")
        if one[flag][at]
    )
    total, share = one["total"][at], one["estimated_share"][at]
    return [
        plain(one["point"]),
        one["local"][at],
        _text(total),
        one["unit"],
        _text(one["register_start"][at]),
        _text(one["register_end"][at]),
        "–" if share is None else f"{share:.1%}",
        counts,
    ]


def _versions(body: Mapping[str, Any]) -> Iterator[str]:
    for one in body["versions"]:
        said = "".join(f", {one[key]}" for key in ("who", "why") if one.get(key))
        days, changes = len(one["days"]), one["changes"]
        yield plain(f"version {one['version']} at {one['at'][:19]}Z: {one['cause']}{said}; {days} days")
        for change in changes[:_MOST]:
            before, after = change["before"], change["after"]
            yield plain(f"  {change['start'][:16]}Z  {_side(before)}  ->  {_side(after)}")
        if len(changes) > _MOST:
            yield f"  and {len(changes) - _MOST:,} more; --json shows all"


def _side(one: Mapping[str, Any]) -> str:
    return f"{_text(one['delta'])} {one['quality']}"


def _text(value: object) -> str:
    """Return a cell; of a number all digits that it was counted in, so that registers and totals agree."""
    return "–" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)
