"""A job belongs to whoever asked for it, holds what they see and no more, and does not outlive their token."""

import asyncio
import csv
import io
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import numpy as np
import pytest

from barrio.access.who import Who
from barrio.api.app import create_app
from barrio.exports import desk as desks
from barrio.exports.desk import ExportDesk
from barrio.exports.job import State
from tests.barrio.exports.test_jobs import BODY, T0, ended, fill
from tests.barrio.scripted import until
from twin.access.scope import Scope, Tier, Verb
from twin.access.sight import Sight

EXPORT = frozenset({Verb.READ, Verb.EXPORT})


def sight(platform, hidden=(), finest=0, verbs=EXPORT) -> Sight:
    """What somebody sees: all but what is hidden, no finer than a position in `Resolution`."""
    catalogue = platform.catalogue
    mask = np.zeros(catalogue.size, np.bool_)
    mask[catalogue.ids] = True
    mask[[catalogue.points[path].id for path in hidden]] = False
    fine = np.full(catalogue.size, finest, np.uint8)
    return Sight(Scope(tier=Tier.PARTNER, verbs=verbs), mask, fine, catalogue.owners, catalogue.points)


@asynccontextmanager
async def seen_as(platform, who: Who):
    """A client that is `who`."""
    app = create_app(platform)

    async def door(scope, receive, send):
        scope.setdefault("state", {})["who"] = who
        await app(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://test") as client:
        yield client


@pytest.fixture(autouse=True)
def _tokens_hold(monkeypatch):
    monkeypatch.setattr(ExportDesk, "_holds", lambda _desk, token, _now: token != "revoked")


async def test_each_token_has_its_own_room(stage, monkeypatch):
    """What waits, and what is kept, is counted by token; the operator is not kept out by either."""
    fill(stage.platform, 90)
    here, statuses = sight(stage.platform), []
    monkeypatch.setattr(desks, "MOST_OF_ONE", 2)
    for token in ("a", "a", "a", "b"):
        async with seen_as(stage.platform, Who("works", here, token=token)) as caller:
            statuses.append((await caller.post("/api/v1/exports", json=BODY)).status_code)
    monkeypatch.setattr(desks, "MOST_WAITING", 0)
    async with seen_as(stage.platform, Who("works", here, token="c")) as caller:
        full = await caller.post("/api/v1/exports", json=BODY)

    assert statuses == [202, 202, 507, 202]
    assert "exports wait or are made" in full.json()["detail"]


async def test_the_waiting_exports_of_a_token_are_bounded(stage, monkeypatch):
    """Those under way count as well."""
    here = sight(stage.platform)
    monkeypatch.setattr(desks, "MOST_WAITING", 2)
    monkeypatch.setattr(ExportDesk, "_make", lambda *_: None)
    async with seen_as(stage.platform, Who("works", here, token="a")) as caller:
        found = [(await caller.post("/api/v1/exports", json=BODY)).status_code for _ in range(3)]

    assert found == [202, 202, 507]


async def test_exports_that_are_asked_for_at_once_share_the_room_that_there_is(stage, monkeypatch):
    """The last room is given once, however many ask while books are written."""
    monkeypatch.setattr(desks, "MOST_WAITING", 2)
    monkeypatch.setattr(ExportDesk, "_make", lambda *_: None)
    async with seen_as(stage.platform, Who("works", sight(stage.platform), token="a")) as caller:
        asked = [caller.post("/api/v1/exports", json=BODY) for _ in range(8)]
        found = sorted([one.status_code for one in await asyncio.gather(*asked)])

    assert found == [202] * 2 + [507] * 6


async def test_nobody_waits_for_all_of_somebody_elses(stage, monkeypatch):
    """Whoever was served longest ago comes first, however many the others ask for."""
    order = []

    def made(_desk, job):
        order.append(job.token)
        job.started, job.state = len(order), State.DONE

    here = sight(stage.platform)
    monkeypatch.setattr(ExportDesk, "_make", lambda *_: time.sleep(0.01))
    for token in "aaabba":
        async with seen_as(stage.platform, Who("works", here, token=token)) as caller:
            await caller.post("/api/v1/exports", json=BODY)
    monkeypatch.setattr(ExportDesk, "_make", made)
    await until(lambda: len(order) == 6)

    assert order == ["a", "b", "a", "b", "a", "a"]


async def test_others_do_not_know_of_it(stage):
    """A job is 404 to every other token, in its file and in the list; the operator sees it."""
    fill(stage.platform, 90)
    here = sight(stage.platform)
    async with (
        seen_as(stage.platform, Who("ann", here, token="a")) as ann,
        seen_as(stage.platform, Who("bob", here, token="b")) as bob,
    ):
        job = await ended(ann)
        of_bob = [
            await bob.get(f"/api/v1/exports/{job['id']}"),
            await bob.get(job["file"]),
            await bob.delete(f"/api/v1/exports/{job['id']}"),
        ]
        unknown = await bob.get("/api/v1/exports/AAAA")

        assert [one.status_code for one in of_bob] == [404, 404, 404]
        assert of_bob[0].json()["detail"] == unknown.json()["detail"].replace("AAAA", job["id"])
        assert (await bob.get("/api/v1/exports")).json() == {"exports": []}
        assert len((await ann.get("/api/v1/exports")).json()["exports"]) == 1
        assert len((await stage.http.get("/api/v1/exports")).json()["exports"]) == 1


async def test_the_public_keeps_the_address(stage):
    """Who has no token finds a job by its id, and nobody by a list."""
    fill(stage.platform, 90)
    async with seen_as(stage.platform, Who("public", sight(stage.platform))) as public:
        job = await ended(public)

        assert (await public.get(job["file"])).status_code == 200
        assert (await public.get("/api/v1/exports")).json() == {"exports": []}


async def test_needs_the_verb(stage):
    """A token that may only read exports nothing."""
    reads = Who("ann", sight(stage.platform, verbs=frozenset({Verb.READ})), token="a")
    async with seen_as(stage.platform, reads) as ann:
        assert (await ann.post("/api/v1/exports", json=BODY)).status_code == 403
        assert (await ann.get("/api/v1/exports")).status_code == 403


async def test_holds_only_what_is_seen(stage):
    """What is hidden is in no file, and a file that holds more than is seen now is not there."""
    fill(stage.platform, 90)
    hidden = sight(stage.platform, hidden=["little/probe/temperature"])
    async with (
        seen_as(stage.platform, Who("ann", hidden, token="a")) as less,
        seen_as(stage.platform, Who("ann", sight(stage.platform), token="a")) as more,
    ):
        part, whole = await ended(less), await ended(more)

        assert (part["points"], part["rows"], whole["rows"]) == (5, 60, 90)
        assert (await more.get(part["file"])).status_code == 200
        assert (await less.get(whole["file"])).status_code == 404
        assert (
            await less.post("/api/v1/exports", json=BODY | {"under": "little/probe/temperature"})
        ).status_code == 404


async def test_holds_nothing_finer_than_is_given(stage):
    """Whose readings are given by the quarter hour gets the means and last values of quarter hours."""
    fill(stage.platform, 9_000)
    async with seen_as(stage.platform, Who("ann", sight(stage.platform, finest=1), token="a")) as ann:
        job = await ended(ann, BODY | {"format": "csv"})
        found = list(csv.DictReader(io.StringIO((await ann.get(job["file"])).text)))
    mean = np.nanmean([np.nan if (3 * at) % 31 == 9 else round(np.sin(at) * 20, 3) for at in range(900)])

    assert {row["point"] for row in found} == {
        "little/probe/temperature",
        "little/meter/energy",
        "little/probe/pump",
    }
    assert {row["time"][14:] for row in found} <= {"00:00Z", "15:00Z", "30:00Z", "45:00Z"}
    assert len(found) == 3 * 4
    first = next(row for row in found if row["point"] == "little/probe/temperature")
    assert T0 % 900_000_000_000 == 0
    assert float(first["value"]) == pytest.approx(mean)
    assert {row["state"] for row in found if row["point"] == "little/probe/pump"} == {"on"}


async def test_windows_are_no_finer(stage):
    """Windows are exported where they are made of what is given, and refused where they say more."""
    fill(stage.platform, 9_000)
    async with seen_as(stage.platform, Who("ann", sight(stage.platform, finest=1), token="a")) as ann:
        hours = await ended(ann, BODY | {"every": "1h"})
        minutes = await ann.post("/api/v1/exports", json=BODY | {"every": "1m"})

    assert (hours["state"], minutes.status_code, minutes.json()["parameter"]) == ("done", 400, "every")


async def test_ends_with_its_token(stage, monkeypatch):
    """Seconds after a token was revoked nothing is left of its jobs."""
    fill(stage.platform, 90)
    monkeypatch.setattr(desks, "EVERY_S", 0.01)
    async with seen_as(stage.platform, Who("ann", sight(stage.platform), token="a")) as ann:
        job = await ended(ann)
        kept = stage.platform.exports.find(job["id"])
        kept.token = "revoked"
        await until(lambda: stage.platform.exports.find(job["id"]) is None)
        await until(lambda: not stage.platform.exports.path(kept).exists())

    assert stage.platform.exports.jobs == []


async def again(stage) -> ExportDesk:
    """The desk of a process that finds what another one left."""
    from contextlib import ExitStack

    with ExitStack() as opened:
        return ExportDesk(stage.platform, opened)


async def test_a_restart(stage, monkeypatch):
    """What was under way is begun again, what is whole stays, what nobody knows of is removed."""
    fill(stage.platform, 90)
    job = await ended(stage.http)
    desk = stage.platform.exports
    done = desk.find(job["id"])
    for name, tries in (("under-way", 1), ("hopeless", desks.MOST_TRIES)):
        desk._book.put(replace(done, id=name, state=State.RUNNING, tries=tries))
    desk._book.put(replace(done, id="lost"))
    for name in ("under-way.parquet.draft", "stray.parquet"):
        (desk.folder / name).write_bytes(b"half")
    found = {one.id: one for one in (await again(stage)).jobs}

    assert {name: one.state for name, one in found.items()} == {
        done.id: State.DONE,
        "under-way": State.WAITING,
        "hopeless": State.FAILED,
        "lost": State.FAILED,
    }
    assert sorted(
        one.name for one in desk.folder.iterdir() if one.suffix != ".sqlite" and "sqlite" not in one.name
    ) == [f"{done.id}.parquet"]


async def test_a_fault_of_ours(stage, monkeypatch):
    """An export that meets a bug has failed; the platform goes on, and says that it is not well."""
    fill(stage.platform, 90)
    before = (await stage.http.get("/metrics")).text

    def broken(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("barrio.exports.sources.table", broken)
    job = await ended(stage.http)
    monkeypatch.undo()
    after, status = (await stage.http.get("/metrics")).text, (await stage.http.get("/api/v1/status")).json()
    words = f"1 since the start, the newest in export {job['id']}: ZeroDivisionError; the log says more"

    assert (job["state"], job["words"]) == ("failed", "a fault of barrio; its log says more")
    assert (await ended(stage.http))["state"] == "done"
    assert "\nbarrio_bugs_total 0\n" in before
    assert "\nbarrio_bugs_total 1\n" in after
    assert [one["words"] for one in status["alarms"] if one["kind"] == "fault of barrio"] == [words]
