"""Clients of others, unmodified from PyPI, read a real barrio and find what its own API says."""

import asyncio
import json
import os
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.barrio.live.serving import served
from tests.barrio.sta.town import DEVICES, DISTRICT, START, Town, fill
from tests.servers import STA_CLIENTS, need

DATASETS = """\
owners: [{id: town, name: Town}]
datasets:
  - id: everything
    title: Everything
    description: All that there is.
    owner: town
    contact: data@town.example
    licence: CC-BY-4.0
    tier: open
    no_dwelling: The probes stand in a laboratory.
    points: {for: {kind: Thing}}
"""
CLIENTS = ("frost", "stapy", "pysta", "istsos4")
STREAMS = {
    "little/meter/energy": ["meter", "active_energy_import"],
    "little/meter/pump": ["meter", "pump_state"],
    "little/meter/temperature": ["meter", "air_temperature"],
    "little/probe/energy": ["Probe's one", "active_energy_import"],
    "little/probe/pump": ["Probe's one", "pump_state"],
    "little/probe/temperature": ["Probe's one", "air_temperature"],
}


async def driven(client: str, url: str) -> Any:
    """Return what a client read, as its own process."""
    need("sta-clients")
    work = await asyncio.create_subprocess_exec(
        str(STA_CLIENTS / ".venv/bin/python"),
        str(STA_CLIENTS / "drive.py"),
        client,
        f"{url}/sta/v1.1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*"},
    )
    async with asyncio.timeout(60):
        out, err = await work.communicate()
    assert work.returncode == 0, err.decode()[-3000:]
    return json.loads(out.decode().splitlines()[-1])


async def history(url: str) -> list[tuple[str, datetime, object]]:
    """Return all readings with a value, as the API of barrio gives them to the public."""
    async with httpx.AsyncClient(base_url=url, timeout=20) as http:
        query = [("point", one) for one in STREAMS]
        answer = await http.get("/api/v1/history", params=[*query, ("from", "2026-11-27T00:00:00Z")])
        assert answer.status_code == 200, answer.text
    return [
        (one["point"], datetime.fromisoformat(time), value)
        for one in answer.json()["series"]
        for time, value in zip(one["time"], one["state"] if "state" in one else one["value"], strict=True)
        if value is not None
    ]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_reads_what_the_api_says(client, tmp_path, monkeypatch):
    """It finds, lists, pages, expands, filters and reads a span of time, as the public and without a token."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    need("sta-clients")
    (tmp_path / "little").mkdir()
    (tmp_path / "little" / "datasets.yaml").write_text(DATASETS)
    async with served(tmp_path, district=DISTRICT, devices=DEVICES) as found:
        fill(Town(found.stage))
        read = await driven(client, found.url)
        expected = await history(found.url)

    assert START < 10**19
    assert read["things"] == ["Probe's one", "meter"]
    assert read.get("streams", STREAMS) == STREAMS
    assert read.get("inner", ["little/probe/temperature", "little/meter/temperature"]) == [
        "little/probe/temperature",
        "little/meter/temperature",
    ]
    assert read["found"] == "little/probe/temperature"
    assert read["span"] in ([22.0, 23.0, 24.0], [24.0, 23.0, 22.0])
    assert read.get("observation", True)
    assert read.get("location", [-100.31, 20.51]) == [-100.31, 20.51]
    assert len(expected) == 16
    assert sorted(
        (path, datetime.fromisoformat(time), value) for path, time, value in read["observations"]
    ) == sorted(expected)
