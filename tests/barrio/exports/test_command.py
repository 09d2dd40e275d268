"""`barrio export`: from a data folder at rest, and from a platform that runs, whose connection breaks."""

import asyncio
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.cli import app
from barrio.client import Unanswered
from barrio.commands import export
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.exports.test_jobs import fill
from tests.barrio.scripted import ScriptedConnector, write_district
from tests.barrio.tables.serving import served
from twin.clock import SystemClock
from twin.errors import BarrioError

BODY = {"under": ["little"], "from": "2025-11-24", "to": "2025-11-25", "format": "parquet"}


def connectors() -> Connectors:
    found = Connectors({})
    found.add(ScriptedConnector())
    return found


@pytest.fixture
async def folder(tmp_path, monkeypatch):
    """A data folder with readings in which nothing runs."""
    monkeypatch.setattr("connectors.registry.Connectors", connectors)
    districts = load_all([str(write_district(tmp_path / "little"))], Path(), connectors(), tmp_path)
    platform = Platform(districts, Settings(data=tmp_path / "data"), connectors(), SystemClock())
    async with platform:
        platform.folder.write_districts({"little": tmp_path / "little"})
        fill(platform, 3_000)
    return tmp_path


async def exported(folder, body, out):
    return await asyncio.to_thread(export.export, Settings(data=folder / "data"), [], body, out)


async def test_at_rest(folder):
    """While nothing runs the file is made here, without a job."""
    out = folder / "out.parquet"
    said = await exported(folder, BODY, out)

    assert said.startswith(f"{out}: 3,000 rows")
    assert pq.read_table(out).num_rows == 3_000
    assert sorted(one.name for one in folder.iterdir()) == ["data", "little", "out.parquet"]


@pytest.mark.parametrize(
    "change", [{"format": "xls"}, {"from": "never"}, {"under": ["nothing"]}, {"tz": "Mars/Olympus"}]
)
async def test_what_cannot_be(folder, change):
    """A question that cannot be is refused in words, and no file is left."""
    with pytest.raises(BarrioError):
        await exported(folder, BODY | change, folder / "out")

    assert not (folder / "out").exists()


@pytest.mark.parametrize(("option", "rows"), [("--length", 48), ("--every", 144)])
async def test_instead_of_readings(folder, option, rows):
    """The command writes intervals of registers, or windows; a length that is none names its option."""
    out = folder / "hours.parquet"
    words = ["export", "little", "--from", "2025-11-24", "--to", "2025-11-25", "--out", str(out)]
    words += ["--data", str(folder / "data"), option]
    done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "1h"])
    wrong = await asyncio.to_thread(CliRunner().invoke, app, [*words, "7x"])

    assert (done.exit_code, pq.read_table(out).num_rows) == (0, rows)
    assert f"{option[2:]}: " in str(wrong.exception)


async def test_chosen(folder):
    """The options choose as history does, and the file is named after what they say."""
    out = folder / "chosen.parquet"
    words = ["export", "--device", "meter", "--point", "little/*/energy", "--interval", "2025-11-24/P1D"]
    words += ["--data", str(folder / "data"), "--out", str(out)]
    done = await asyncio.to_thread(CliRunner().invoke, app, words)

    assert (done.exit_code, pq.read_table(out).num_rows) == (0, 1_000)


class Breaking:
    """Breaks off every download after a while, `times` times."""

    def __init__(self, app, after: int, times: int) -> None:
        self.app, self.after, self.times = app, after, times
        self.ranges: list[str] = []

    async def __call__(self, scope, receive, send):
        if not scope["path"].endswith("/file"):
            await self.app(scope, receive, send)
            return
        self.ranges.append(dict(scope["headers"]).get(b"range", b"").decode())
        sent = 0

        async def some(message):
            nonlocal sent
            body = message.get("body", b"")
            if self.times > 0 and sent + len(body) > self.after:
                await send({**message, "body": body[: self.after - sent], "more_body": True})
                raise ConnectionResetError
            sent += len(body)
            await send(message)

        try:
            await self.app(scope, receive, some)
        except ConnectionResetError:
            self.times -= 1


@pytest.fixture
async def running(stage, tmp_path, monkeypatch):
    """A platform that runs, served on loopback; downloads from it break twice."""
    monkeypatch.setattr(export, "EVERY_S", 0.01)
    fill(stage.platform, 9_000)
    stage.platform.token = stage.platform.folder.make_token()
    breaking = Breaking(create_app(stage.platform), 20_000, 2)
    async with served(breaking) as server:
        stage.platform.folder.write_platform({"pid": 1, "http": server.url})
        yield tmp_path, breaking


async def test_goes_on_where_it_broke(running):
    """A download that breaks is resumed, and the file is what its checksum says."""
    folder, breaking = running
    out = folder / "out.parquet"
    await exported(folder, BODY, out)

    assert breaking.ranges == ["", "bytes=20000-", "bytes=40000-"]
    assert pq.read_table(out).num_rows == 9_000
    assert not [one.name for one in folder.iterdir() if one.suffix in {".part", ".job"}]


async def test_given_again_it_goes_on(running, monkeypatch):
    """A command that gave up goes on with what it has when it is given again."""
    folder, breaking = running
    monkeypatch.setattr(export, "TRIES", 1)
    out = folder / "out.parquet"
    with pytest.raises(Unanswered, match="give the command again"):
        await exported(folder, BODY, out)
    kept = json.loads((folder / "out.parquet.job").read_text())
    with pytest.raises(Unanswered):
        await exported(folder, BODY, out)
    said = await exported(folder, BODY, out)

    assert breaking.ranges == ["", "bytes=20000-", "bytes=40000-"]
    assert kept["asked"] == BODY
    assert said.startswith(f"{out}: 9,000 rows")


async def test_what_was_changed_on_the_way(running, monkeypatch):
    """A file whose checksum is wrong is thrown away."""
    folder, breaking = running
    breaking.times = 0
    monkeypatch.setattr(export, "_digest", lambda _part: "0")
    with pytest.raises(Unanswered, match="checksum"):
        await exported(folder, BODY, folder / "out.parquet")

    assert not (folder / "out.parquet").exists()
