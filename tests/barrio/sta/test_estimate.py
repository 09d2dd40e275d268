"""What a question costs is known before it is worked out: no store is asked and no entity made of what is refused."""

import httpx
import pytest

from barrio.api.app import create_app
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.sta.town import ROOT, seeing
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.model.loader import load_district
from twin.resolution import Resolution

NEWEST = "Observations($top=1;$orderby=phenomenonTime desc)"
HEAVY = [
    ("/Things", "expand", "Datastreams($expand=Observations($top=1000))", "by estimate 1,001,100"),
    ("/Things", "expand", "Datastreams/Thing/Datastreams/Thing/Datastreams", "by estimate 122,100"),
    ("/Sensors", "expand", "Datastreams($top=1000;$expand=Sensor($expand=Datastreams($top=1000)))", "1,002,001"),
    ("/Things", "expand", "Locations/Things/Locations/Things/Datastreams", "by estimate 1,020,200"),
    ("/Things", "expand", "Locations($expand=Things($orderby=name;$expand=Datastreams))", "by estimate 110,200"),
    ("/Observations", "expand", "Datastream($expand=Sensor($expand=Datastreams($top=1000)))", "by estimate 100,200"),
    ("/Things", "expand", "Datastreams($filter=Sensor/Datastreams/name eq 'x')", "steps, by estimate 20,003,000"),
    ("/Things", "filter", "Datastreams/Sensor/Datastreams/name eq 'x'", "by estimate 200,022,000"),
    ("/Things", "filter", "Locations/Things/Datastreams/name eq 'x'", "by estimate 21,003,000"),
    ("/Sensors", "filter", "Datastreams/name eq Datastreams/name", "by estimate 100,020,002"),
    ("/Sensors", "filter", "Datastreams/id add Datastreams/id add Datastreams/id gt 0", "steps"),
    ("/Sensors", "filter", " add ".join(["Datastreams/id"] * 100) + " gt 0", "1,000,000,000,000,000 or more"),
    ("/Observations", "filter", "Datastream/Sensor/Datastreams/name eq Datastream/Sensor/Datastreams/name", "steps"),
    ("/Things", "filter", "length(Datastreams/Sensor/Datastreams/name) gt 5", "steps"),
]  # fmt: skip
LIGHT = [
    ("/Things", "expand", f"Datastreams($expand={NEWEST})"),
    ("/Things", "expand", "Datastreams/Thing/Datastreams"),
    ("/Things", "expand", "Locations/Things"),
    ("/Things", "expand", "Datastreams($top=1;$expand=Thing($expand=Datastreams($top=1)))"),
    ("/Datastreams", "filter", "Thing/name eq 'device-7' and endswith(name,'/p3')"),
    ("/Datastreams", "expand", "Observations,Thing,Sensor"),
    ("/Sensors", "filter", "Datastreams/name eq 'bench/device-7/p3'"),
]


@pytest.fixture
async def large(tmp_path):
    """A thousand devices of ten points, none of them ever read, and a client."""
    connectors = Connectors({})
    connectors.add(SyntheticConnector(Pace()))
    district = load_district(write_district(tmp_path / "bench", 1_000, 10), connectors, [])
    settings = Settings(data=tmp_path / "data")
    async with Platform([district], settings, connectors, SystemClock(), at_rest=True) as platform:
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://town.example") as http:
            yield http


@pytest.fixture
def worked(monkeypatch) -> list[str]:
    """Each question to the store, and each entity that is made."""
    found: list[str] = []

    def noted(path: str, name: str) -> None:
        owner, method = path.rsplit(".", 1)
        module, _, class_ = owner.rpartition(".")
        original = getattr(getattr(__import__(module, fromlist=[class_]), class_), method)

        def wrapped(*given: object, **named: object) -> object:
            found.append(name)
            return original(*given, **named)

        monkeypatch.setattr(path, wrapped)

    noted("barrio.sta.readings.Readings._ask", "asked")
    noted("barrio.sta.context.Context.link", "made")
    return found


async def test_what_is_heavy_is_refused_before_any_work(large, worked):
    """By what is configured alone, the first question after a start as well: the limit, the estimate, what to do."""
    for path, option, text, words in HEAVY:
        answer = await large.get(f"{ROOT}{path}", params={f"${option}": text})

        assert (answer.status_code, words in answer.text) == (400, True), (text, answer.text)
        assert "ask" in answer.json()["detail"], text
    assert worked == []


async def test_what_is_light_is_answered(large):
    """The estimate refuses nothing that can be answered."""
    for path, option, text in LIGHT:
        answer = await large.get(f"{ROOT}{path}", params={f"${option}": text})

        assert answer.status_code == 200, (text, answer.text)


def entities(body: object) -> int:
    """How many entities an answer holds."""
    if isinstance(body, list):
        return sum(map(entities, body))
    if not isinstance(body, dict):
        return 0
    return ("@iot.id" in body) + sum(map(entities, body.values()))


@pytest.mark.parametrize(
    ("path", "expand"),
    [
        ("/Things", "Datastreams/Thing/Datastreams"),
        ("/Things", "Datastreams($top=2;$expand=Thing($expand=Datastreams($top=1;$skip=1)))"),
        ("/Datastreams", "Thing($expand=Locations($expand=Things,HistoricalLocations)),Sensor"),
        ("/Sensors", "Datastreams($skip=2;$expand=ObservedProperty($expand=Datastreams($skip=1)))"),
        ("/HistoricalLocations", "Thing/Datastreams,Locations/Things"),
        ("/ObservedProperties", "Datastreams($orderby=name desc;$expand=Thing/Locations)"),
        ("/Datastreams(1)", "Observations($top=2;$expand=FeatureOfInterest,Datastream/Thing)"),
        ("/FeaturesOfInterest", "Observations($top=1;$expand=Datastream/Thing)"),
    ],
)
async def test_what_is_known_is_counted_exactly(little, monkeypatch, worked, path, expand):
    """An answer of as many entities as there may be is given, of one fewer it is refused before any work."""
    number = entities(await little.get(path, expand=expand))
    monkeypatch.setattr("barrio.sta.estimate.MOST_ENTITIES", number)
    given = await little.ask(path, expand=expand)
    monkeypatch.setattr("barrio.sta.estimate.MOST_ENTITIES", number - 1)
    worked.clear()
    refused = await little.ask(path, expand=expand)

    assert number > 2
    assert given.status_code == 200
    assert f"by estimate {number}" in refused.json()["detail"]
    assert worked == []


async def test_what_a_filter_leaves_is_counted_afterwards(little, monkeypatch):
    """Nothing is known of a page before it is filtered, so it is refused by what is found, not by what could be."""
    expand = "Datastreams($filter=ObservedProperty/name eq 'air_temperature';$expand=Thing/Datastreams)"
    monkeypatch.setattr("barrio.sta.estimate.MOST_ENTITIES", 2 + 2 + 2 + 6)
    given = await little.get("/Things", expand=expand)
    monkeypatch.setattr("barrio.sta.estimate.MOST_ENTITIES", 2 + 2 + 2 + 6 - 1)
    refused = await little.ask("/Things", expand=expand)

    assert entities(given) == 12
    assert "by estimate 12" in refused.json()["detail"]


async def test_an_estimate_is_of_what_the_caller_sees(little, monkeypatch):
    """Who sees one site is told numbers of that site only."""
    monkeypatch.setattr("barrio.sta.estimate.MOST_ENTITIES", 3)
    monkeypatch.setattr("barrio.sta.estimate.MOST_STEPS", 1)
    yard = seeing(sites=frozenset({"little/yard"}))
    steps = "Datastreams/Sensor/Datastreams/name eq 'x'"
    details = [
        (await little.ask("/Things", scope, **query)).json()["detail"]
        for scope in (yard, seeing())
        for query in ({"expand": "Datastreams"}, {"filter": steps})
    ]

    assert ["by estimate 4:" in details[0], "by estimate 8:" in details[2]] == [True, True]
    assert ["by estimate 26:" in details[1], "by estimate 88:" in details[3]] == [True, True], details


async def test_what_cannot_be_estimated_ends_in_time(little, monkeypatch):
    """A filter of observations may have to look at all of them: it is given up, with words that say how to ask."""
    monkeypatch.setattr("barrio.sta.context.LONGEST_S", -1.0)
    answer = await little.ask("/Observations", filter="result gt 1000")

    assert answer.status_code == 400
    assert "took longer than -1 s" in answer.json()["detail"]
    assert "phenomenonTime ge" in answer.json()["detail"]


def named(link: str | None) -> tuple[str, frozenset[str]]:
    """A link, whatever the order of its options."""
    path, _, query = (link or "").partition("?")
    return path, frozenset(query.split("&"))


@pytest.mark.parametrize("resolution", [Resolution.RAW, Resolution.QUARTER])
@pytest.mark.parametrize(
    "options",
    [
        "$top=2",
        "$top=2;$skip=1",
        "$top=3;$orderby=phenomenonTime asc",
        "$top=3;$orderby=id",
        "$top=2;$orderby=result desc",
        "$top=1;$skip=1;$orderby=result",
        "$count=true;$top=1",
        "$count=true;$top=0",
        "$count=true;$filter=result gt 25;$top=1",
        "$filter=phenomenonTime ge 2026-11-27T12:05:00Z;$count=true",
        "$filter=Datastream/Thing/name eq 'meter'",
        "$skip=100",
    ],
)
async def test_observations_of_many_are_those_of_each(little, options, resolution):
    """What is expanded of all Datastreams together is what is asked of each: entities, counts, links."""
    scope = seeing(finest=resolution)
    body = await little.get("/Datastreams", scope, expand=f"Observations({options})")
    given = {part.split("=", 1)[0][1:]: part.split("=", 1)[1] for part in options.split(";")}

    assert len(body["value"]) == 6
    for stream in body["value"]:
        alone = await little.get(f"/Datastreams({stream['@iot.id']})/Observations", scope, **given)
        assert stream["Observations"] == alone["value"]
        assert stream.get("Observations@iot.count") == alone.get("@iot.count")
        assert named(stream.get("Observations@iot.nextLink")) == named(alone.get("@iot.nextLink"))


async def test_many_datastreams_are_few_questions(little, worked):
    """The store is asked far less often for the pages of all Datastreams than for one after the other."""
    streams = await little.get("/Datastreams", select="id")
    worked.clear()
    for one in streams["value"]:
        await little.get(f"/Datastreams({one['@iot.id']})/Observations", top="3")
    alone = worked.count("asked")
    worked.clear()
    await little.get("/Datastreams", expand="Observations($top=3)")

    assert worked.count("asked") < alone / 2


async def test_of_which_there_is_enough_is_not_read_further(little, monkeypatch):
    """Looking back for a Datastream with few observations, those that have their page are left out."""
    little.write("probe/energy", *((60.0 * n, float(n)) for n in range(20_000)))
    rows: list[int] = []
    raw = little.platform.store.raw

    def noted(*asked: object) -> object:
        found = raw(*asked)
        rows.append(len(found))
        return found

    monkeypatch.setattr(little.platform.store, "raw", noted)
    body = await little.get("/Datastreams", expand="Observations($top=3;$select=result)", select="name")
    found = {one["name"]: [each["result"] for each in one["Observations"]] for one in body["value"]}

    assert found["little/probe/energy"] == [19_999.0, 19_998.0, 19_997.0]
    assert found["little/probe/pump"] == ["on", "off"]
    assert sum(rows) < 500


async def test_sparse_readings_do_not_make_a_stretch_endless(little, monkeypatch):
    """Before a long time with little there may be one with much, which is not read at once."""
    sizes: list[int] = []
    raw = little.platform.store.raw

    def noted(*asked: object) -> object:
        found = raw(*asked)
        sizes.append(len(found))
        return found

    little.write("probe/energy", *((float(n), float(n)) for n in range(40_000)))
    little.write("probe/energy", *((40_000.0 + 3_600.0 * n, float(n)) for n in range(1, 200)))
    monkeypatch.setattr(little.platform.store, "raw", noted)
    monkeypatch.setattr("barrio.sta.readings._MOST_SECONDS", 7_200)
    path = f"/Datastreams({little.id('probe/energy')})/Observations"
    results = await little.results(path, top="300")

    assert len(results) == 300
    assert max(sizes) <= 7_200
