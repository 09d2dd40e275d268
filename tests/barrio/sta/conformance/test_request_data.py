"""Conformance class request-data (18-088, annex A.3; clause 9.3): status codes, query options, their order, pages."""

from tests.barrio.sta.conformance.requirements import holds
from tests.barrio.sta.test_filter import OBSERVED, THINGS

OF = "request-data/"


def of(little, path: str) -> str:
    return f"/Datastreams({little.id(path)})/Observations"


@holds(OF + "status-code")
async def test_status_codes(little):
    """200 for what there is, 404 for what there is not."""

    assert (await little.ask("/Things")).status_code == 200
    assert (await little.ask("/Things(987)")).status_code == 404
    assert (await little.ask("/Nothing")).status_code == 404


@holds(OF + "query-status-code")
async def test_status_codes_of_options(little):
    """400 for an option that is not known or not right, with what is wrong."""
    for query in (
        {"nothing": "1"},
        {"top": "x"},
        {"filter": "name eq"},
        {"orderby": "nothing"},
        {"select": "nothing"},
    ):
        answer = await little.ask("/Things", **query)

        assert answer.status_code == 400
        assert answer.json()["parameter"] == f"${next(iter(query))}"


@holds(OF + "order")
async def test_the_order_of_evaluation(little):
    """Filter, count, order, skip and top, and last expand and select, however they are written."""
    query = "$select=result&$top=2&$skip=1&$orderby=result%20desc&$count=true&$filter=result%20lt%2025"
    body = await little.get(f"http://town.example/sta/v1.1{of(little, 'probe/temperature')}?{query}")

    assert body["@iot.count"] == 5
    assert body["value"] == [{"result": 23.0}, {"result": 22.0}]


@holds(OF + "expand")
async def test_expand(little):
    """One relation, several, nested by slash and by parentheses with options of their own."""
    plain = (await little.get("/Things", expand="Datastreams,Locations"))["value"]
    slash = (await little.get("/Things", expand="Datastreams/ObservedProperty,Datastreams/Sensor"))["value"]
    options = (
        "Datastreams($filter=properties/point eq 'temperature';$select=name,Observations;"
        "$expand=Observations($top=2;$orderby=phenomenonTime asc;$select=result;$count=true))"
    )
    nested = (await little.get("/Things", expand=options))["value"]
    one = await little.get(f"/Datastreams({little.id('meter/energy')})", expand="Thing($select=name)")

    assert [len(thing["Datastreams"]) for thing in plain] == [3, 3]
    assert [thing["Locations"][0]["name"] for thing in plain] == ["The house", "meter"]
    assert all("Datastreams@iot.navigationLink" not in thing for thing in plain)
    assert {inner["ObservedProperty"]["name"] for thing in slash for inner in thing["Datastreams"]} == {
        "air_temperature",
        "active_energy_import",
        "pump_state",
    }
    assert all(inner["Sensor"]["name"] == "thing" for thing in slash for inner in thing["Datastreams"])
    inner = nested[0]["Datastreams"][0]
    assert inner["Observations"] == [{"result": 20.0}, {"result": 21.0}]
    assert inner["Observations@iot.count"] == 9
    following = await little.get(inner["Observations@iot.nextLink"])
    assert following["value"] == [{"result": 22.0}, {"result": 23.0}]
    assert one["Thing"] == {"name": "meter"}


@holds(OF + "select")
async def test_select(little):
    """Only what is named; a relation is its link, an expanded one stays."""
    body = (await little.get("/Things", select="name,id,Datastreams"))["value"][0]
    expanded = (await little.get("/Things", select="name", expand="Locations($select=name)"))["value"][0]

    assert list(body) == ["@iot.id", "name", "Datastreams@iot.navigationLink"]
    assert expanded == {"name": "Probe's one", "Locations": [{"name": "The house"}]}


@holds(OF + "orderby")
async def test_orderby(little):
    """Upwards where nothing is said, by several keys, over a relation to one."""
    down = await little.names("/Things", orderby="name desc")
    two = await little.names("/Datastreams", orderby="Thing/name desc,ObservedProperty/name asc")
    upper = await little.names("/Things", orderby="name DESC")

    assert down == upper == ["meter", "Probe's one"]
    assert await little.names("/Things", orderby="name") == down[::-1]
    assert two == [
        "little/meter/energy",
        "little/meter/temperature",
        "little/meter/pump",
        "little/probe/energy",
        "little/probe/temperature",
        "little/probe/pump",
    ]
    assert await little.results(of(little, "probe/pump"), orderby="result asc") == ["off", "on"]


@holds(OF + "top")
async def test_top(little):
    """No more than asked for; above the size of a page the page's own bound holds."""

    assert len((await little.get("/Datastreams", top="2"))["value"]) == 2
    assert (await little.get("/Datastreams", top="0"))["value"] == []
    assert len((await little.get("/Datastreams", top="1000000"))["value"]) == 6


@holds(OF + "skip")
async def test_skip(little):
    """The first ones are left out."""
    every = await little.names("/Datastreams")

    assert await little.names("/Datastreams", skip="4") == every[4:]
    assert await little.names("/Datastreams", skip="1", top="2") == every[1:3]
    assert await little.names("/Datastreams", skip="600") == []


@holds(OF + "count")
async def test_count(little):
    """All that the filter leaves, whatever the page."""

    assert (await little.get("/Datastreams", count="true", top="1"))["@iot.count"] == 6
    assert (await little.get("/Things", count="true", filter="name eq 'meter'"))["@iot.count"] == 1
    assert "@iot.count" not in await little.get("/Things", count="false")


@holds(OF + "filter")
async def test_filter(little):
    """Entities for which an expression holds, over relations as well."""

    assert await little.names("/Things", filter="name eq 'meter'") == ["meter"]
    assert await little.names("/Things", filter="Datastreams/ObservedProperty/name eq 'x'") == []
    assert await little.names(
        "/Datastreams", filter="Thing/name eq 'meter' and name ne 'little/meter/pump'"
    ) == [
        "little/meter/temperature",
        "little/meter/energy",
    ]


@holds(OF + "built-in-filter-operations")
async def test_operations(little):
    """Table 21: eq ne gt ge lt le, and or not, add sub mul div mod, parentheses."""
    texts = " ".join(text for text, _ in OBSERVED + THINGS)
    for name in ("eq", "ne", "gt", "ge", "lt", "le", "and", "or", "add", "sub", "mul", "div", "mod"):
        assert f" {name} " in texts
    path = of(little, "probe/temperature")
    found = {text: await little.results(path, filter=text) for text, _ in OBSERVED}

    assert found == dict(OBSERVED)


@holds(OF + "built-in-query-functions")
async def test_functions(little):
    """Tables 22 to 24: strings, dates, numbers, geometry."""
    found = {text: await little.names("/Things", filter=text) for text, _ in THINGS}

    assert found == dict(THINGS)


@holds(OF + "pagination")
async def test_pagination(little, monkeypatch):
    """The service gives pages, each with a link to the next that keeps the question; the last has none."""
    monkeypatch.setattr("barrio.sta.estimate.USUAL_PAGE", 4)
    body = await little.get("/Datastreams", select="name", filter="name ne 'x'")
    names = [one["name"] for one in await little.all("/Datastreams", select="name", filter="name ne 'x'")]
    readings = await little.all("/Observations")

    assert len(body["value"]) == 4
    assert body["@iot.nextLink"].startswith("http://town.example/sta/v1.1/Datastreams?")
    assert names == await little.names("/Datastreams", top="100")
    assert len({one["@iot.id"] for one in readings}) == len(readings) == 16
