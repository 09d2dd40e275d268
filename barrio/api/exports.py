"""Export jobs over HTTP: ask, look how far it is, fetch the file in as many pieces as it takes."""

from __future__ import annotations

import asyncio
import base64
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Path
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from barrio.access.who import Seen, Who
from barrio.api.answers import as_json
from barrio.api.declared import declared
from barrio.api.problems import problem
from barrio.api.ranges import refused
from barrio.errors import UnknownName
from barrio.exports.asked import Asked, planned
from barrio.exports.job import Job, State
from barrio.moments import rfc3339
from barrio.tables.answer import headers_of
from twin.access.scope import Verb

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.exports.desk import ExportDesk
    from barrio.platform import Platform

PATH = "/api/v1/exports"
_HINT_S = 2
JobId = Annotated[str, Path(max_length=40, pattern="^[A-Za-z0-9_-]+$", description="The id of a job.")]

EXAMPLE: dict[str, Any] = {
    "id": "m3Vw0bq2sX0t5YcJr1kA9w",
    "state": "done",
    "format": "parquet",
    "asked": {
        "under": ["altos-del-valle"],
        "quantity": "active_power",
        "from": "2026-10-01",
        "to": "2026-11-01",
        "format": "parquet",
    },
    "from": "2026-10-01T06:00:00.000000Z",
    "to": "2026-11-01T06:00:00.000000Z",
    "points": 118,
    "rows": 7_250_113,
    "bytes": 31_877_402,
    "expected_rows": 7_250_113,
    "share": 1.0,
    "remaining_s": None,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "file": "/api/v1/exports/m3Vw0bq2sX0t5YcJr1kA9w/file",
    "words": "",
    "created": "2026-11-28T09:00:00.000000Z",
    "started": "2026-11-28T09:00:00.120000Z",
    "finished": "2026-11-28T09:00:21.900000Z",
}


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    _asking(app, platform)
    _looking(app, platform)


def _asking(app: FastAPI, platform: Platform) -> None:
    # One after another: all that ask at once would find the same room.
    keeping = asyncio.Lock()

    @app.post(
        PATH,
        tags=["exports"],
        status_code=HTTPStatus.ACCEPTED,
        responses=declared(EXAMPLE, *_REFUSALS, status=HTTPStatus.ACCEPTED),
    )
    async def ask(asked: Asked, who: Seen) -> Response:
        """Ask for a file of points: every reading, or the windows of history, or the intervals of registers.

        Points are named or chosen by what they are, exactly as of history: any number of them, over any time.
        The answer comes at once and names the job; its file is there when `state` is `done`.
        """
        who.require(Verb.EXPORT)
        _refuse_at_rest(platform)
        plan = await platform.in_thread("reads", planned, asked, who, platform)
        job = Job(
            id=secrets.token_urlsafe(16),
            owner=who.name,
            token=who.token,
            name=_name(asked, plan.start, plan.stop),
            asked=asked.model_dump(by_alias=True, exclude_defaults=True) | {"format": asked.format},
            plan=plan,
            form=asked.format,
            created=platform.clock.now_ns(),
        )
        async with keeping:
            if words := platform.exports.room(who.name, who.token):
                return problem(HTTPStatus.INSUFFICIENT_STORAGE, words)
            await platform.audited("export", who, {"export": job.id, "asked": job.asked})
            await platform.exports.add(job)
        body = as_json(_described(platform, job))
        body.status_code = HTTPStatus.ACCEPTED
        body.headers["Location"] = f"{PATH}/{job.id}"
        body.headers["Retry-After"] = str(_HINT_S)
        return body

    @app.delete(
        f"{PATH}/{{job_id}}",
        tags=["exports"],
        status_code=HTTPStatus.NO_CONTENT,
        responses=_GONE,
    )
    async def forget(job_id: JobId, who: Seen) -> Response:
        """Stop a job where it is under way, and remove its file."""
        job = _own(platform.exports, job_id, who)
        await platform.audited("export_deleted", who, {"export": job.id})
        await platform.exports.forget(job)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _looking(app: FastAPI, platform: Platform) -> None:
    @app.get(PATH, tags=["exports"], responses=declared({"exports": [EXAMPLE]}, HTTPStatus.FORBIDDEN))
    async def listed(who: Seen) -> Response:
        """List your export jobs, the newest first. Who has no token is told none, and keeps the address of theirs."""
        who.require(Verb.EXPORT)
        mine = [job for job in platform.exports.jobs if _is_listed(job, who) and job.plan.seen_by(who.sight)]
        return as_json({"exports": [_described(platform, job) for job in reversed(mine)]})

    @app.get(f"{PATH}/{{job_id}}", tags=["exports"], responses=declared(EXAMPLE, HTTPStatus.FORBIDDEN))
    async def one(job_id: JobId, who: Seen) -> Response:
        """Return how far a job is: rows and bytes so far, its share of what is expected, and the time that is left."""
        return as_json(_described(platform, _own(platform.exports, job_id, who)))

    @app.head(f"{PATH}/{{job_id}}/file", include_in_schema=False)
    @app.get(f"{PATH}/{{job_id}}/file", tags=["exports"], response_class=Response, responses=_FILE)
    async def file(job_id: JobId, request: Request, who: Seen) -> Response:
        """Return the file of a job that is done; `Range` with `If-Range` resumes a download that broke.

        `Repr-Digest` (RFC 9530) is the SHA-256 of the whole file, whatever part of it is asked for.
        """
        job = _own(platform.exports, job_id, who)
        if job.state is not State.DONE:
            words = f"the export is {job.state}, and has no file: {job.words or 'look again in a moment'}"
            return problem(HTTPStatus.CONFLICT, words, {"Retry-After": str(_HINT_S)})
        digest = base64.b64encode(bytes.fromhex(job.sha256)).decode()
        headers = {
            **headers_of(job.form, job.name),
            "ETag": f'"{job.sha256}"',
            "Repr-Digest": f"sha-256=:{digest}:",
            "Digest": f"SHA-256={digest}",
            "Cache-Control": "private, no-transform",
        }
        del headers["Vary"]
        if f'"{job.sha256}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        if (no := refused(request.headers, job.bytes, headers["ETag"])) is not None:
            return no
        if request.method == "GET" and platform.exports.is_fetched_anew(
            job, who, request.headers.get("range")
        ):
            await platform.audited("export_fetched", who, {"export": job.id})
        return FileResponse(platform.exports.path(job), headers=headers)


_REFUSALS = (HTTPStatus.FORBIDDEN, HTTPStatus.INSUFFICIENT_STORAGE)
_GONE = declared(None, HTTPStatus.FORBIDDEN, status=HTTPStatus.NO_CONTENT) | {
    HTTPStatus.NO_CONTENT.value: {"description": "It is gone"}
}
_FILE = {
    HTTPStatus.PARTIAL_CONTENT.value: {"description": "The part that was asked for"},
    HTTPStatus.NOT_MODIFIED.value: {"description": "It is what the reader has"},
    **declared(
        "",
        HTTPStatus.FORBIDDEN,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        media=("application/octet-stream",),
    ),
}


def _refuse_at_rest(platform: Platform) -> None:
    if platform.at_rest:
        words = "barrio does not run with this data folder: nobody would make the file"
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, words)


def _own(desk: ExportDesk, job_id: str, who: Who) -> Job:
    """Return a job of a caller; what is not theirs does not exist, nor what holds more than they see now."""
    who.require(Verb.EXPORT)
    job = desk.find(job_id)
    theirs = job is not None and (who.sight.whole or (job.token, job.owner) == (who.token, who.name))
    if job is None or not theirs or not job.plan.seen_by(who.sight):
        raise UnknownName(f"there is no export {job_id!r}")
    return job


def _is_listed(job: Job, who: Who) -> bool:
    """Whether a list says a job; those of the public are not listed, since everybody is the public."""
    if who.sight.whole:
        return True
    return bool(who.token) and (job.token, job.owner) == (who.token, who.name)


def _name(asked: Asked, start: int, stop: int) -> str:
    names = [*asked.under, *asked.point] or list(asked.choices[0].filters.values())
    what = names[0] if len(names) == 1 else f"{names[0].partition('/')[0]}-and-more"
    days = [(rfc3339(one) or "")[:10] for one in (start, stop)]
    return f"{what.strip('/').replace('/', '.').replace('*', 'any')}_{days[0]}_{days[1]}"


def _described(platform: Platform, job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state,
        "format": job.form,
        "asked": job.asked,
        "from": rfc3339(job.plan.start),
        "to": rfc3339(job.plan.stop),
        "points": len(job.plan.series),
        "rows": job.rows,
        "bytes": job.bytes,
        "expected_rows": job.expected or None,
        "share": job.share,
        "remaining_s": job.remaining_s(platform.clock.now_ns()),
        "sha256": job.sha256 or None,
        "file": f"{PATH}/{job.id}/file" if job.state is State.DONE else None,
        "words": job.words,
        "created": rfc3339(job.created),
        "started": rfc3339(job.started),
        "finished": rfc3339(job.finished),
    }
