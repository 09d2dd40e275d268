"""Conformance class resource-path (18-088, annex A.2; clause 9.2): every way of naming entities and parts of them."""

from tests.barrio.sta.conformance.requirements import holds

PATH = "resource-path/resource-path-to-entities"


@holds(PATH)
async def test_the_service_root_lists_the_entity_sets(little):
    """Usage 1: no resource path."""
    root = await little.get("")

    assert {one["name"]: one["url"] for one in root["value"]} == {
        name: f"http://town.example/sta/v1.1/{name}"
        for name in (
            "Things",
            "Locations",
            "HistoricalLocations",
            "Datastreams",
            "Sensors",
            "ObservedProperties",
            "Observations",
            "FeaturesOfInterest",
        )
    }
    assert await little.get("/") == root


@holds(PATH)
async def test_a_collection_and_an_entity(little):
    """Usages 2 and 3: an entity set, and one of its entities, by an id with or without quotes."""
    first = (await little.get("/Things"))["value"][0]

    assert await little.get(f"/Things({first['@iot.id']})") == first
    assert await little.get(f"/Things('{first['@iot.id']}')") == first


@holds(PATH)
async def test_a_property_and_its_value(little):
    """Usages 4 and 5: one property as JSON, and as it is; what has no value is answered with 204."""
    stream = little.id("probe/temperature")

    assert await little.get(f"/Datastreams({stream})/name") == {"name": "little/probe/temperature"}
    answer = await little.ask(f"/Datastreams({stream})/name/$value")
    assert (answer.text, answer.headers["content-type"]) == (
        "little/probe/temperature",
        "text/plain; charset=utf-8",
    )
    assert await little.get(f"/Datastreams({stream})/unitOfMeasurement/symbol") == {"symbol": "Cel"}
    assert await little.get(f"/Datastreams({stream})/id") == {"id": stream}
    empty = little.id("probe/energy")
    assert (await little.ask(f"/Datastreams({empty})/phenomenonTime")).status_code == 204


@holds(PATH)
async def test_a_relation_and_its_links(little):
    """Usages 6 and 7: what a relation leads to, and the links of that alone."""
    thing = (await little.get("/Things"))["value"][0]
    path = f"/Things({thing['@iot.id']})/Datastreams"
    links = await little.get(f"{path}/$ref")

    assert links == {
        "value": [{"@iot.selfLink": one["@iot.selfLink"]} for one in (await little.get(path))["value"]]
    }
    assert len((await little.get(f"{path}/$ref", top="1"))["value"]) == 1
    assert await little.get(f"/Datastreams({little.id('probe/pump')})/Thing/$ref") == {
        "@iot.selfLink": thing["@iot.selfLink"]
    }


@holds(PATH)
async def test_nested_paths(little):
    """Usage 8: relation after relation; an entity that is not among those of the relation is not there."""
    probe, meter = (await little.get("/Things"))["value"]
    stream = little.id("probe/temperature")
    path = f"/Things({probe['@iot.id']})/Datastreams({stream})/Observations"

    assert len(await little.results(path, top="1")) == 1
    assert (await little.get(f"/Datastreams({stream})/Thing/Locations"))["value"][0]["name"] == "The house"
    assert (await little.ask(f"/Things({meter['@iot.id']})/Datastreams({stream})")).status_code == 404
