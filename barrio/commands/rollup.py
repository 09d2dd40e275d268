"""`rollup status` and `rollup rebuild` as text."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from barrio import history
from barrio.client import answers, fetch, tell
from barrio.commands.ask import as_json, ask
from barrio.errors import AskError
from barrio.service import run_loop
from barrio.terminal import plain
from twin.resolution import ROLLUPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from barrio.settings import Settings

EVERY = "all"
ASK_EVERY_S = 0.5
SAY_EVERY = 0.1
"""A line of progress for each tenth of the way."""

_PATH = "/api/v1/rollups"


def status(settings: Settings, districts: Sequence[str], *, machine: bool) -> str:
    """Return how far rollups are made."""
    body = ask(settings, districts, _PATH)
    return as_json(body) if machine else "\n".join(_status(body))


def rebuild(
    settings: Settings, body: Mapping[str, Any], show: Callable[[str], object], *, machine: bool
) -> str:
    """Have a stretch made again, and wait for it; `show` gets a line for each part of the way."""
    meant = (*map(str, ROLLUPS), EVERY)
    if body["resolution"] not in meant:
        raise AskError("--resolution", f"{body['resolution']!r} is none of {', '.join(meant)}")
    found = run_loop(_rebuild(settings, body, show))
    if machine:
        return as_json(found)
    return plain(f"{found['under']}: made again from {_short(found['from'])} to {_short(found['to'])}")


async def _rebuild(
    settings: Settings, body: Mapping[str, Any], show: Callable[[str], object]
) -> dict[str, Any]:
    async with answers(settings, []) as client:
        begun = await tell(client, f"{_PATH}/rebuild", body)
        said, waits = 0.0, ""
        while True:
            now = await fetch(client, _PATH)
            job = next((one for one in now["jobs"] if one["job"] == begun["job"]), None)
            if job is None or job["ended"]:
                return dict(begun)
            share = _share(job)
            if share >= said or now["words"] not in {"", waits}:
                why = f", waiting: {now['words']}" if now["words"] else ""
                show(plain(f"job {job['job']}: {share:.0%}, until {_short(job['done'])}{why}"))
                said, waits = share + SAY_EVERY, now["words"]
            await asyncio.sleep(ASK_EVERY_S)


def _share(job: Mapping[str, Any]) -> float:
    start, done, stop = (datetime.fromisoformat(job[key]) for key in ("from", "done", "to"))
    return (done - start) / (stop - start)


def _status(body: Mapping[str, Any]) -> Iterator[str]:
    head = ["district", "from", *(f"until ({one})" for one in ROLLUPS), "waiting", "older"]
    yield from history.aligned([head, *map(_row, body["districts"])])
    if body["late"]:
        yield f"{body['late']:,} points and days for which readings came late are made again"
    if body["words"]:
        yield f"waiting: {body['words']}"
    for job in body["jobs"]:
        if not job["ended"]:
            yield plain(f"job {job['job']}: {job['under']} from {_short(job['from'])}, {_share(job):.0%}")


def _row(one: Mapping[str, Any]) -> list[str]:
    until = [_short(one["until"][str(resolution)]) for resolution in ROLLUPS]
    waiting = " ".join(f"{one['waiting'][str(resolution)]:,}x{resolution}" for resolution in ROLLUPS)
    older = "not looked yet" if one["older_days"] is None else f"{one['older_days']:,} days"
    return [one["district"], _short(one["from"]), *until, waiting, older]


def _short(text: str | None) -> str:
    return "never" if text is None else f"{text[:16].replace('T', ' ')} UTC"
