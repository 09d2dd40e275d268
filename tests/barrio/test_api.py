"""The HTTP surface: current state, history and health, and problems in words."""

import asyncio
import re

import httpx
import orjson
import pytest

from barrio.api import metrics
from barrio.api.app import create_app
from barrio.api.server import Server, address, bind
from barrio.settings import Listen
from tests.barrio.scripted import staged
from twin.errors import StartError
from twin.quality import Reason
from twin.store.port import StoreBusy

PATH = "little/probe/temperature"
STREAM = "/api/v1/stream"
"""It does not end: tests/barrio/live asks for it over sockets."""


async def body(stage, path, **query):
    """The JSON of a good answer."""
    answer = await stage.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_newest_reading(stage):
    """A reading is shown with unit, quality and times in RFC 3339 UTC."""
    await stage.links["probe"].give("temperature", 21.5)
    await stage.settled()
    found = await body(stage, f"/api/v1/points/{PATH}/latest")

    assert (found["value"], found["unit"], found["quality"]["level"]) == (21.5, "Cel", "good")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(\d{3})?Z", found["time"])
    assert found["time"] == found["received"]
    assert found["device_time"] is None
    assert found["gap"] is None


async def test_zero_is_a_value(stage):
    """Zero is shown as zero, also for the first state."""
    await stage.links["probe"].give("temperature", 0.0)
    state = stage.links["probe"].point("pump").state(0)
    await stage.links["probe"].give("pump", state)
    await stage.settled()

    assert (await body(stage, f"/api/v1/points/{PATH}/latest"))["value"] == 0.0
    assert (await body(stage, "/api/v1/points/little/probe/pump/latest"))["state"] == "off"


async def test_a_bad_reading_has_a_reason_and_no_value(stage):
    """What was out of range is null, with quality bad, the reason, the detail and the gap that it began."""
    await stage.links["probe"].give("temperature", 999.0)
    await stage.settled()
    found = await body(stage, f"/api/v1/points/{PATH}/latest")

    assert found["value"] is None
    assert found["quality"]["reason"] == "out_of_range"
    assert found["quality"]["detail"] == "999 is outside -60 to 80"
    assert found["gap"]["reason"] == "out_of_range"


async def test_a_point_never_heard_has_no_value(stage):
    """Absence is absence: no value, no time, a reason."""
    found = await body(stage, f"/api/v1/points/{PATH}/latest")

    assert (found["value"], found["time"], found["quality"]["reason"]) == (None, None, "not_heard_yet")


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({}, 6),
        ({"device": "probe"}, 3),
        ({"site": "yard"}, 3),
        ({"quantity": "pump_state"}, 2),
        ({"kind": "Thing", "device": "meter", "quantity": "pump_state"}, 1),
        ({"under": "little/probe"}, 3),
        ({"under": "little/probe", "device": "meter"}, 0),
        ({"site": "yard", "device": "probe"}, 0),
    ],
)
async def test_points_are_filtered(stage, query, total):
    """Filters are joined by and; the total counts what passes."""
    assert (await body(stage, "/api/v1/points", **query))["total"] == total


async def test_points_come_in_pages(stage):
    """Limit and offset cut a page out; the total stays."""
    found = await body(stage, "/api/v1/points", limit=2, offset=5)

    assert (found["total"], len(found["points"])) == (6, 1)
    assert found["points"][0]["path"] == "little/meter/pump"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/points/little/probe/temp/latest", 404, "did you mean little/"),
        ("/api/v1/points?limit=0", 400, "limit: "),
        ("/api/v1/points?limit=ten", 400, "limit: "),
        ("/api/v1/points?devise=probe", 400, "there is no parameter 'devise' (did you mean device?)"),
        ("/api/v1/history", 400, "point: is missing"),
        (f"/api/v1/history?point={PATH}&from=soon", 400, "from: 'soon' is not a time"),
        (f"/api/v1/history?point={PATH}&from=now&to=-1h", 400, "from: 'now' is not before to='-1h'"),
        (f"/api/v1/history?point={PATH}&every=7m", 400, "every: "),
        (
            f"/api/v1/history?point={PATH}&every=15m&tz=Mars/North",
            400,
            "tz: 'Mars/North' is not an IANA time zone",
        ),
        (
            f"/api/v1/history?point={PATH}&every=15m&aggregate=avg",
            400,
            "aggregate: there is no aggregate 'avg' (did you mean mean?)",
        ),
        (f"/api/v1/history?point={PATH}&every=15m&aggregate=median", 400, "(did you mean p50?)"),
        (f"/api/v1/history?point={PATH}&every=15m&aggregate=delta", 400, "aggregate: delta does not fit"),
        (f"/api/v1/history?point={PATH}&aggregate=mean", 400, "aggregate: needs every"),
        (f"/api/v1/history?point={PATH}&every=1s&from=-7d", 400, "every: 604,800 windows of 1s"),
        (
            "/api/v1/history?point=little/probe",
            404,
            "'little/probe' is not a point but has 3, such as little/probe/temperature",
        ),
        ("/api/v1/gaps?point=little/prob", 404, "there is no point, device or district 'little/prob'"),
        (f"/api/v1/history?point={PATH}&from=-99999999w", 400, "lies outside the years 1970 to 2255"),
        (f"/api/v1/history?point={PATH}&from=-{'9' * 400}w", 400, "from: string should have at most 300"),
        ("/api/v1/gaps?from=-999999999999d", 400, "lies outside the years 1970 to 2255"),
        ("/api/v1/points?offset=99999999999999999999", 400, "offset: should be less than or equal to"),
        ("/api/v2/points", 404, "GET /api/v2/points: Not Found; GET / lists what there is"),
    ],
)
async def test_problems_say_what_is_wrong(stage, path, status, words):
    """Errors are problem details with words; a wrong parameter is named."""
    answer = await stage.http.get(path)
    found = answer.json()

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, found["status"]) == (status, status)
    assert words in found["detail"]
    if status == 400:
        assert found["detail"].startswith(f"{found['parameter']}: ")


async def test_a_method_that_is_not_there(stage):
    """Writing is not offered, and says so as a problem."""
    answer = await stage.http.post("/api/v1/points")

    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")


async def test_raw_history(stage):
    """Raw readings come as columns, bad ones as null with their reason."""
    for value in (20.0, 21.0, 999.0, 22.0):
        await stage.links["probe"].give("temperature", value)
        await stage.settled()
    found = await body(stage, "/api/v1/history", point=PATH)
    series = found["series"][0]

    assert series["value"] == [20.0, 21.0, None, 22.0]
    assert series["quality"] == ["good", "good", "out_of_range", "good"]
    assert series["time"] == sorted(series["time"])


async def test_windows_of_several_points(stage):
    """Windows are aligned, and each kind of point has the columns that suit it."""
    for link in stage.links.values():
        await link.give("temperature", 20.0)
        await link.give("energy", 100.0)
        await link.give("pump", link.point("pump").state(1))
        await stage.settled()
        await link.give("energy", 107.5)
        await stage.settled()
    points = [PATH, "little/meter/energy", "little/meter/pump"]
    found = await body(stage, "/api/v1/history", point=points, every="1h")
    warm, energy, pump = found["series"]

    assert warm["start"] == energy["start"] == pump["start"]
    assert [value for value in warm["mean"] if value is not None] == [20.0]
    assert [value for value in energy["delta"] if value is not None] == [7.5]
    assert any(name.startswith("state_s:") and name.endswith("on") for name in pump)


async def test_raw_history_is_bounded(stage, monkeypatch):
    """More raw rows than the bound are refused before they are read."""
    monkeypatch.setattr("barrio.history.answers.MOST_READINGS", 2)
    for value in (20.0, 21.0, 22.0):
        await stage.links["probe"].give("temperature", value)
        await stage.settled()
    answer = await stage.http.get("/api/v1/history", params={"point": PATH})

    assert answer.status_code == 400
    assert "3 readings lie in between, at most 2" in answer.json()["detail"]


async def test_a_store_that_is_away(stage, monkeypatch):
    """A question that the store cannot answer now is 503 with Retry-After, not a failure of barrio."""

    def away(*_):
        raise StoreBusy("store", "connection refused")

    monkeypatch.setattr(stage.platform.store, "raw", away)
    answer = await stage.http.get("/api/v1/history", params={"point": PATH})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "connection refused" in answer.json()["detail"]


async def test_health_and_readiness(stage):
    """Health is the loop's; readiness is lost, with words, while the store takes nothing."""
    ready = await stage.http.get("/readyz")
    stage.platform.writer.state.words = "connection refused"
    unready = await stage.http.get("/readyz")
    healthy = await stage.http.get("/healthz")

    assert (ready.status_code, healthy.status_code) == (200, 200)
    assert (unready.status_code, unready.text) == (503, "the store takes nothing: connection refused\n")


async def test_status_counts_every_reading(stage):
    """At rest every reading is in one place, and the books say so."""
    for value in (20.0, 20.0, 999.0):
        await stage.links["probe"].give("temperature", value)
        await stage.settled()
    found = await body(stage, "/api/v1/status")

    assert found["readings"] == {
        "received": 3, "unchanged": 1, "stored": 2, "quarantined": 0, "dropped": 0, "waiting": 0, "pending": 0,
    }  # fmt: skip
    assert found["balanced"] is True
    assert [link["up"] for link in found["links"]] == [True, True]
    assert found["gaps"]["by_reason"]["out_of_range"] == 1


async def test_gaps_are_listed_with_their_reasons(stage):
    """A gap that ended has both ends; one that lasts has none."""
    await stage.links["probe"].give("temperature", 20.0)
    await stage.settled()
    found = await body(stage, "/api/v1/gaps", point="little/probe")
    ended = [gap for gap in found["gaps"] if gap["point"] == PATH]

    assert found["total"] == 3
    assert ended[0]["reason"] == "not_heard_yet"
    assert ended[0]["to"] is not None
    assert all(gap["to"] is None for gap in found["gaps"] if gap["point"] != PATH)


async def test_metrics_can_be_scraped(stage):
    """The exposition has HELP and TYPE for every name, and a value for every sample."""
    await stage.links["probe"].give("temperature", 20.0)
    await stage.settled()
    answer = await stage.http.get("/metrics")
    lines = answer.text.splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    samples = [line for line in lines if not line.startswith("#")]

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert {re.split(r"[{ ]", line)[0] for line in samples} <= names
    assert all(re.fullmatch(r'[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [-+0-9.e]+', line) for line in samples)
    assert "barrio_readings_received_total 1" in lines
    assert 'barrio_link_up{link="scripted://10.0.0.1:1",protocol="scripted"} 1' in lines
    assert 'barrio_gaps_open{reason="not_heard_yet"} 5' in lines


def test_labels_are_escaped():
    """Quotes, backslashes and line breaks in a label do not break the line."""
    metric = metrics.Metric("x", "gauge", "one\ntwo", [({"link": 'a"b\\c\nd'}, 1)])

    assert metrics.text([metric]) == '# HELP x one\\ntwo\n# TYPE x gauge\nx{link="a\\"b\\\\c\\nd"} 1\n'


async def test_no_number_is_nan(stage):
    """Whatever the twin does not know is null in JSON, everywhere."""
    paths = ["/api/v1/points", "/api/v1/status", f"/api/v1/history?point={PATH}&every=1h"]
    texts = [(await stage.http.get(path)).content for path in paths]

    assert all(b"NaN" not in text and orjson.loads(text) is not None for text in texts)


async def test_the_index_lists_what_there_is(tmp_path):
    """Every path that the index names answers, for a district that has all of its files."""
    files = {name: f"{name}: []\n" for name in ("derived", "alarms", "commands")}
    async with staged(tmp_path, **files, services="supply: []\n") as stage:
        index = await stage.http.get("/")
        named = re.findall(r"^(/[a-z0-9/.]+)(?=\s)", index.text, re.MULTILINE)
        async with asyncio.timeout(30):
            answers = {path: (await stage.http.get(path)).status_code for path in named if path != STREAM}

    assert {"/healthz", "/metrics", "/api/v1/points", "/openapi.json", STREAM} <= set(named)
    assert set(answers.values()) <= {200}
    assert "Authorization: Bearer TOKEN" in index.text
    operators = index.text.partition("For operators:")[2]
    assert {"/metrics", "/api/v1/status", "/api/v1/audit"} <= set(operators.split())


async def test_a_connection_that_is_kept_does_not_delay_the_stop(stage):
    """Over a real socket, with a client that stays connected, the server stops within two seconds."""
    listening = bind(Listen("127.0.0.1", 0))
    server = Server(create_app(stage.platform), listening)
    task = asyncio.create_task(server.run_until_stopped())
    async with httpx.AsyncClient(base_url=address(listening), trust_env=False) as client:
        first = await client.get("/healthz")
        server.stop()
        async with asyncio.timeout(2):
            await task

    assert first.text == "ok\n"


def test_a_port_that_is_taken():
    """A port that another has is said in one line, before anything begins."""
    with bind(Listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"cannot listen on 127.0.0.1:{port}: address already in use"):
            bind(Listen("127.0.0.1", port))


def test_reasons_have_slugs_for_every_code():
    """A raw row of any quality has a word for it."""
    from barrio.history.answers import _SLUGS

    assert all(_SLUGS[reason] == reason.slug for reason in Reason)
