"""Derived points through the whole platform: in the flush of their inputs, on disk, over HTTP, why they are empty."""

from pathlib import Path

import httpx
import pytest

from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, staged, until
from twin.clock import SystemClock
from twin.quality import Reason

DERIVED = """\
derived:
  - on: house
    point: warmth
    quantity: air_temperature
    is: mean(temperature where kind = Thing)
    require: 50%
  - on: probe
    point: warmer
    quantity: air_temperature
    is: house/warmth + 1 K
"""
WARMTH, WARMER = "little/house/warmth", "little/probe/warmer"


async def latest(stage, path):
    return (await stage.http.get(f"/api/v1/points/{path}/latest")).json()


async def steps(stage, path):
    answer = (await stage.http.get(f"/api/v1/why/{path}")).json()
    return {one["step"]: (one["verdict"], one["words"]) for one in answer["steps"]}


@pytest.fixture
async def computing(tmp_path):
    async with staged(tmp_path, derived=DERIVED) as stage:
        yield stage


async def test_derived_points_come_with_their_inputs(computing):
    """One flush holds a reading and all that follows from it, level by level; all of it is stored."""
    await computing.links["probe"].give("temperature", 20.0)
    await computing.links["meter"].give("temperature", 24.0)
    await computing.settled()
    series = computing.platform.catalogue.points
    live = computing.platform.live

    assert live.value[series[WARMTH].id] == 22.0
    assert live.value[series[WARMER].id] == pytest.approx(23.0)
    stored = computing.platform.store.latest()
    assert dict(zip(stored.ids.tolist(), stored.value.tolist(), strict=True))[series[WARMER].id] == (
        pytest.approx(23.0)
    )
    assert computing.platform.spool.books().balanced


async def test_some_inputs_are_missing(computing):
    """A mean that may do without some of its inputs says so; one that may not has no value."""
    await computing.links["probe"].give("temperature", 20.0)
    await computing.settled()
    half = await latest(computing, WARMTH)
    computing.links["probe"].break_off("cable cut")
    await until(lambda: computing.platform.gaps.reason[computing.links["probe"].point("temperature").id])
    series = computing.platform.catalogue.points[WARMTH].id
    await until(lambda: computing.platform.live.quality[series] == Reason.INPUT_MISSING)
    none = await latest(computing, WARMTH)

    assert (half["value"], half["quality"]["reason"]) == (20.0, "incomplete")
    assert (none["value"], none["quality"]["reason"]) == (None, "input_missing")


async def test_why_a_derived_point_is_empty(computing):
    """The inputs that have no value are named with their reason, in place of link and device."""
    await computing.links["probe"].give("temperature", 20.0)
    await computing.settled()
    computing.links["probe"].break_off("cable cut")
    series = computing.platform.catalogue.points[WARMTH].id
    await until(lambda: computing.platform.live.quality[series] == Reason.INPUT_MISSING)
    found = await steps(computing, WARMTH)
    silent = "little/probe/temperature: the link to the device is down"
    unheard = "little/meter/temperature: nothing was heard since it was configured"

    assert found["configured"] == (
        "passes",
        "derived.yaml:2, computed: mean(temperature where kind = Thing)",
    )
    assert found["inputs"] == ("stops", f"2 of 2 have no usable value: {silent}; {unheard}")
    assert "link" not in found


async def test_why_a_derived_point_is_good(computing):
    """No device gave a value that is computed."""
    await computing.links["probe"].give("temperature", 20.0)
    await computing.links["meter"].give("temperature", 24.0)
    await computing.settled()
    found = await steps(computing, WARMTH)

    assert found["inputs"] == ("passes", "all 2 have a usable value")
    assert found["check"] == ("passes", "quality good: computed, all that it needs is known")


async def test_the_list_shows_who_owns_them(computing):
    """A derived point of a site stands with the site's kind, and can be asked for by it."""
    answer = (await computing.http.get("/api/v1/points", params={"under": "little/house"})).json()

    assert [(one["path"], one["kind"], one["writable"]) for one in answer["points"]] == [
        (WARMTH, "Building", False)
    ]


async def test_they_are_known_after_a_restart(tmp_path):
    """What was computed before stands in the files, and is asked for at rest."""
    async with staged(tmp_path, derived=DERIVED) as stage:
        await stage.links["probe"].give("temperature", 20.0)
        await stage.links["meter"].give("temperature", 24.0)
        await stage.settled()
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    districts = load_all([str(tmp_path / "little")], Path(), connectors, tmp_path)
    settings = Settings(data=tmp_path / "data")
    async with Platform(districts, settings, connectors, SystemClock(), at_rest=True) as platform:
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            found = (await http.get(f"/api/v1/points/{WARMTH}/latest")).json()

    assert found["value"] == 22.0
