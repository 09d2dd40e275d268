"""`barrio export`: a file of readings, made by the platform that runs or, while none does, here.

A download that breaks goes on where it stood, also when the command is given again: what came so far is kept beside the
file as `.part`, and which job it belongs to as `.job`. The file gets its name when its checksum is right.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import ValidationError

from barrio.client import Unanswered, answers, fetch, tell
from barrio.errors import AskError
from barrio.exports.asked import Asked, planned
from barrio.service import run_loop
from barrio.tables.forms import Form
from twin.errors import StartError
from twin.folder import DataFolder
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.settings import Settings

FORMS = [Form.CSV, Form.PARQUET, Form.NDJSON, Form.ARROW]
EVERY_S = 0.5
TRIES = 5
"""Downloads that bring nothing, one after the other, before it is given up."""

_PATH = "/api/v1/exports"
_MB = 1e6


def export(settings: Settings, districts: Sequence[str], body: Mapping[str, Any], out: Path | None) -> str:
    """Export what `body` asks for; returns what to say. AskError, StartError and Unanswered as for any question."""
    form = body["format"]
    if form not in FORMS:
        words = f"{form!r} is none of {', '.join(FORMS)}{suggest(form, FORMS)}"
        raise AskError("--format", words)
    file = out or Path(f"{_plain(body)}{Form(form).suffix}")
    if not file.parent.is_dir():
        raise AskError("--out", f"there is no folder {file.parent}")
    if DataFolder(settings.data).running() is None:
        rows = run_loop(_here(settings, districts, body, file))
    else:
        rows = run_loop(_fetched(settings, body, file))
    _progress("")
    return f"{file}: {rows:,} rows, {file.stat().st_size / _MB:,.1f} MB"


def _plain(body: Mapping[str, Any]) -> str:
    chosen = [body[name] for name in ("kind", "quantity", "site", "device", "dataset") if name in body]
    names = [*body.get("under", ()), *body.get("point", ()), *chosen] or ["export"]
    return "-".join(name.strip("/").replace("/", ".").replace("*", "any") for name in names)[:100]


# --- while nothing runs -------------------------------------------------------------------------------------


async def _here(settings: Settings, districts: Sequence[str], body: Mapping[str, Any], file: Path) -> int:
    from barrio.access.who import Sights
    from barrio.assembly import load_all, profiles_folder
    from barrio.exports import file as files
    from barrio.exports import sources
    from barrio.platform import Platform
    from connectors.registry import Connectors
    from twin.clock import SystemClock

    if not settings.data.is_dir():
        raise StartError(f"there is no data folder {settings.data}: name one with --data")
    names = districts or list(DataFolder(settings.data).read_districts().values())
    if not names:
        words = "remembers no district: name one with --district, or another folder with --data"
        raise StartError(f"data folder {settings.data} {words}")
    connectors = Connectors()
    found = load_all(names, Path(), connectors, profiles_folder())
    async with Platform(found, settings, connectors, SystemClock(), at_rest=True) as platform:
        asked = _understood(body)
        who = Sights(platform.catalogue).inside()
        plan = planned(asked, who, platform)
        table, expected = await platform.in_thread("reads", sources.table, platform, plan)

        def watch(rows: int, size: int) -> None:
            _progress(_words(rows, size, rows / expected if expected else None))

        written = await platform.in_thread("reads", files.write, table, asked.format, file, watch)
        return written.rows


def _understood(body: Mapping[str, Any]) -> Asked:
    try:
        return Asked.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise AskError(f"--{first['loc'][0]}", str(first["msg"])) from None


# --- from what runs -----------------------------------------------------------------------------------------


async def _fetched(settings: Settings, body: Mapping[str, Any], file: Path) -> int:
    note = file.with_name(f"{file.name}.job")
    async with answers(settings, []) as client:
        job = await _begun(client, body, note)
        while job["state"] in {"waiting", "running"}:
            _progress(_words(job["rows"], job["bytes"], job["share"]))
            await asyncio.sleep(EVERY_S)
            job = await fetch(client, f"{_PATH}/{job['id']}")
        if job["state"] != "done":
            note.unlink(missing_ok=True)
            raise Unanswered(f"the export failed: {job['words']}")
        await _download(client, job, file)
        note.unlink(missing_ok=True)
        with suppress(httpx.TransportError):
            await client.delete(f"{_PATH}/{job['id']}")
    return int(job["rows"])


async def _begun(client: httpx.AsyncClient, body: Mapping[str, Any], note: Path) -> Any:
    """Return the job that an earlier call of the same command began, or a new one."""
    if (kept := _kept(note, body)) is not None:
        with suppress(Unanswered):
            return await fetch(client, f"{_PATH}/{kept}")
    job = await tell(client, _PATH, body)
    _keep(note, job["id"], body)
    return job


def _kept(note: Path, body: Mapping[str, Any]) -> str | None:
    """Return the id of the job that a note is of, None where it is of another question."""
    with suppress(OSError, ValueError, KeyError):
        kept = json.loads(note.read_text("utf-8"))
        return str(kept["id"]) if kept["asked"] == dict(body) else None
    return None


def _keep(note: Path, job_id: str, body: Mapping[str, Any]) -> None:
    note.with_suffix(".part").unlink(missing_ok=True)
    note.write_text(json.dumps({"id": job_id, "asked": dict(body)}) + "\n", "utf-8")


async def _download(client: httpx.AsyncClient, job: Mapping[str, Any], file: Path) -> None:
    part = file.with_name(f"{file.name}.part")
    failures = 0
    while (have := part.stat().st_size if part.exists() else 0) < job["bytes"]:
        try:
            await _more(client, job, part, have)
        except httpx.TransportError as error:
            failures = failures + 1 if part.exists() and part.stat().st_size == have else 1
            if failures >= TRIES:
                words = f"the download broke {TRIES} times ({error}); give the command again to go on with it"
                raise Unanswered(words) from error
            await asyncio.sleep(EVERY_S * failures)
    if not part.exists():
        part.touch()
    digest = await asyncio.to_thread(_digest, part)
    if digest != job["sha256"]:
        part.unlink()
        raise Unanswered("what came is not what was sent: its checksum is wrong; give the command again")
    part.replace(file)


async def _more(client: httpx.AsyncClient, job: Mapping[str, Any], part: Path, have: int) -> None:
    """Append what is missing of a file, as far as it comes."""
    headers = {"Range": f"bytes={have}-", "If-Range": f'"{job["sha256"]}"'} if have else {}
    async with client.stream("GET", job["file"], headers=headers) as answer:
        if answer.status_code not in {200, 206}:
            raise Unanswered(f"{answer.status_code}: the file of the export is gone; give the command again")
        with part.open("ab" if answer.status_code == 206 else "wb") as target:
            async for piece in answer.aiter_raw():
                target.write(piece)
                _progress(f"{target.tell() / _MB:,.1f} of {job['bytes'] / _MB:,.1f} MB fetched")


def _digest(part: Path) -> str:
    with part.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _words(rows: int, size: int, share: float | None) -> str:
    told = f"{share:.0%}, " if share is not None else ""
    return f"{told}{rows:,} rows, {size / _MB:,.1f} MB"


def _progress(words: str) -> None:
    """Show how far it is, on one line that the next replaces, to a person only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
        sys.stderr.flush()
