"""Export jobs as people meet them: asked for, watched, fetched in pieces, and gone when they should be."""

import asyncio
import base64
import hashlib
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.barrio.scripted import until
from twin.frame import Batch
from twin.quality import Reason

T0 = 1_764_000_000_000_000_000
SECOND = 1_000_000_000
BODY = {"under": "little", "from": "2025-11-24", "to": "2025-11-25", "format": "parquet"}
pytestmark = pytest.mark.filterwarnings("error")


def fill(platform, rows: int) -> None:
    """Put readings of a day into the store, as a writer does."""
    points = {item.point.path: item.id for item in platform.catalogue.points.values()}
    chosen = [points["little/probe/temperature"], points["little/meter/energy"], points["little/probe/pump"]]
    each = rows // 3
    at = np.repeat(np.arange(each), 3)
    series = np.tile(np.array(chosen, np.int32), each)
    time = T0 + at * SECOND + np.tile(np.arange(3), each)
    on = float(next(code for code, name in platform.catalogue.states.items() if name == "on"))
    value = np.where(series == chosen[2], on, np.round(np.sin(at) * 20, 3))
    quality = np.zeros(len(at), np.uint8)
    quality[9::31], value[9::31] = Reason.OUT_OF_RANGE, np.nan
    platform.store.write(Batch(series, time, time, np.zeros(len(at), np.int64), value, quality))


async def ended(http, body=BODY, **headers):
    """Ask for an export; returns the job when it has ended."""
    asked = await http.post("/api/v1/exports", json=body, headers=headers)
    assert asked.status_code == 202, asked.text
    found = asked.json()
    async with asyncio.timeout(20):
        while found["state"] in {"waiting", "running"}:
            await asyncio.sleep(0.02)
            found = (await http.get(asked.headers["location"], headers=headers)).json()
    return found


async def test_a_parquet_file(stage):
    """The file holds every reading of the district, by point and time, and is what its checksum says."""
    fill(stage.platform, 9_000)
    job = await ended(stage.http)
    answer = await stage.http.get(job["file"])
    assert answer.status_code == 200, answer.text
    found = pq.read_table(io.BytesIO(answer.content)).to_pylist()

    assert (job["state"], job["rows"], job["share"], job["points"]) == ("done", 9_000, 1.0, 6)
    assert hashlib.sha256(answer.content).hexdigest() == job["sha256"]
    assert len(answer.content) == job["bytes"]
    assert [row["point"] for row in found] == sorted(
        (row["point"] for row in found), key=list(dict.fromkeys(row["point"] for row in found)).index
    )
    assert {row["state"] for row in found if row["point"] == "little/probe/pump"} == {"on", None}
    temperatures = [row["value"] for row in found if row["point"] == "little/probe/temperature"]
    assert temperatures == [None if (3 * at) % 31 == 9 else round(np.sin(at) * 20, 3) for at in range(3_000)]
    assert {row["quality"] for row in found} == {"good", "out_of_range"}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("bytes=0-", 206),
        ("bytes=-5", 206),
        ("bytes=5-4", 416),
        ("bytes=-0", 416),
        ("bytes=999999999999999-", 416),
        ("bytes=", 400),
        ("bytes=x-1", 400),
        ("lines=1-2", 400),
        (f"bytes={','.join('0-1' for _ in range(1_000))}", 400),
    ],
)
async def test_a_part_that_cannot_be(stage, asked, status):
    """What is no part, or none of this file, is a problem that says what is meant."""
    fill(stage.platform, 90)
    job = await ended(stage.http, BODY | {"format": "csv"})
    found = await stage.http.get(job["file"], headers={"Range": asked})

    assert found.status_code == status
    if status != 206:
        assert found.headers["content-type"] == "application/problem+json"
        assert found.json()["parameter"] == "Range"
    if status == 416:
        assert found.headers["content-range"] == f"bytes */{job['bytes']}"


async def test_download_in_pieces(stage):
    """A download that broke goes on where it stood, as long as the file is the same."""
    fill(stage.platform, 900)
    job = await ended(stage.http, BODY | {"format": "csv"})
    whole = await stage.http.get(job["file"])
    tag = whole.headers["etag"]
    rest = await stage.http.get(job["file"], headers={"Range": "bytes=1000-", "If-Range": tag})
    other = await stage.http.get(job["file"], headers={"Range": "bytes=1000-", "If-Range": '"another"'})
    beyond = await stage.http.get(job["file"], headers={"Range": f"bytes={job['bytes']}-"})
    head = await stage.http.head(job["file"])
    same = await stage.http.get(job["file"], headers={"If-None-Match": tag})

    assert tag == f'"{job["sha256"]}"'
    digest = base64.b64encode(hashlib.sha256(whole.content).digest()).decode()
    assert (
        whole.headers["repr-digest"]
        == rest.headers["repr-digest"]
        == f"sha256=:{digest}:".replace("sha256", "sha-256")
    )
    assert (rest.status_code, whole.content[:1000] + rest.content) == (206, whole.content)
    assert (other.status_code, other.content) == (200, whole.content)
    assert beyond.status_code == 416
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(job["bytes"]))
    assert same.status_code == 304
    assert "content-encoding" not in whole.headers
    assert whole.headers["content-disposition"] == 'attachment; filename="little_2025-11-24_2025-11-25.csv"'


async def test_a_job_is_deleted(stage):
    """What was deleted is not there any more, and neither is its file."""
    fill(stage.platform, 90)
    job = await ended(stage.http)
    assert (await stage.http.delete(f"/api/v1/exports/{job['id']}")).status_code == 204

    assert (await stage.http.get(f"/api/v1/exports/{job['id']}")).status_code == 404
    assert (await stage.http.get(job["file"])).status_code == 404
    assert (await stage.http.get("/api/v1/exports")).json() == {"exports": []}
    assert [
        one.name for one in (stage.platform.folder.path / "exports").iterdir() if job["id"] in one.name
    ] == []


BAD = [
    ({}, "from"),
    ({"from": "-1d"}, "point"),
    (BODY | {"interval": "2025-11-24/P1D"}, "interval"),
    (BODY | {"version": 1}, "version"),
    (BODY | {"from": "tomorrow"}, "from"),
    (BODY | {"from": "2025-11-26"}, "from"),
    (BODY | {"format": "json"}, "format"),
    (BODY | {"format": "xlsx"}, "format"),
    (BODY | {"tz": "Mars/Olympus"}, "tz"),
    (BODY | {"formt": "csv"}, "formt"),
]


@pytest.mark.parametrize(("body", "parameter"), BAD)
async def test_bad_questions(stage, body, parameter):
    """A question that cannot be is refused at once, with the part of it that is wrong."""
    found = await stage.http.post("/api/v1/exports", json=body)

    assert (found.status_code, found.json()["parameter"]) == (400, parameter)


async def test_names_that_nothing_has(stage):
    """The nearest name is offered."""
    point = await stage.http.post("/api/v1/exports", json={"point": ["little/probe/pum"], "from": "-1d"})
    under = await stage.http.post("/api/v1/exports", json={"under": "little/prob", "from": "-1d"})

    assert (point.status_code, under.status_code) == (404, 404)
    assert "little/probe/pump" in point.json()["detail"]
    assert (await stage.http.get("/api/v1/exports/none")).status_code == 404


@pytest.mark.parametrize("form", ["csv", "ndjson", "arrow", "parquet"])
async def test_nothing_to_export(stage, form):
    """A time without readings gives a file without rows."""
    job = await ended(stage.http, BODY | {"format": form})

    assert (job["state"], job["rows"]) == ("done", 0)
    assert (await stage.http.get(job["file"])).status_code == 200


async def test_points_of_a_site(stage):
    """Below a site are the points of its devices; points that are named come in any number."""
    fill(stage.platform, 90)
    site = await ended(stage.http, BODY | {"under": "little/house"})
    points = {"point": ["little/probe/pump", "little/probe/pump"], "from": "2025-11-24", "to": "2025-11-25"}
    few = await ended(stage.http, points | {"format": "ndjson"})
    lines = (await stage.http.get(few["file"])).text.splitlines()

    assert (site["points"], site["rows"]) == (3, 60)
    assert [json.loads(line)["state"] for line in lines] == ["on"] * 23 + [None] + ["on"] * 6
    assert few["points"] == 1


async def test_only_so_many_wait(stage, monkeypatch):
    """Whoever asks for too much is told, and the disk has a bound."""
    fill(stage.platform, 90)
    await ended(stage.http)
    monkeypatch.setattr("barrio.exports.desk.MOST_WAITING", 0)
    many = await stage.http.post("/api/v1/exports", json=BODY)
    monkeypatch.undo()
    stage.platform.exports.most_bytes = 1
    full = await stage.http.post("/api/v1/exports", json=BODY)

    assert (many.status_code, full.status_code) == (507, 507)
    assert "at most 1" in full.json()["detail"]


async def test_a_download_in_parts_is_on_record(stage):
    """Once for whoever fetches it, however many parts; and each time that it is fetched whole."""
    fill(stage.platform, 90)
    job = await ended(stage.http)
    url = f"/api/v1/exports/{job['id']}/file"
    counts = []
    for headers in ({"Range": "bytes=0-9"}, {"Range": "bytes=10-"}, {}, {}):
        assert (await stage.http.get(url, headers=headers)).status_code in {200, 206}
        audit = (await stage.http.get("/api/v1/audit")).json()["entries"]
        counts.append(sum(one["step"] == "export_fetched" for one in audit))

    assert counts == [1, 1, 2, 3]


async def test_a_file_that_does_not_fit(stage):
    """A job that meets the bound on the way has failed, says why, and leaves no file."""
    fill(stage.platform, 900)
    stage.platform.exports.most_bytes = 100
    job = await ended(stage.http)

    assert job["state"] == "failed"
    assert "more than 100 bytes" in job["words"]
    assert (await stage.http.get(f"/api/v1/exports/{job['id']}/file")).status_code == 409
    assert (
        sorted(
            one.suffix for one in (stage.platform.folder.path / "exports").iterdir() if one.suffix == ".draft"
        )
        == []
    )


async def test_old_jobs_expire(stage, monkeypatch):
    """A file is kept for a while."""
    fill(stage.platform, 90)
    monkeypatch.setattr("barrio.exports.desk.EVERY_S", 0.02)
    job = await ended(stage.http)
    stage.platform.exports.kept_s = 0.0
    await until(lambda: stage.platform.exports.find(job["id"]) is None)

    assert (await stage.http.get(job["file"])).status_code == 404
