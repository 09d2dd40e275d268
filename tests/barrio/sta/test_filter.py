"""Filters: each operator and function of the standard's tables, on what is configured and on what was read."""

THINGS = [
    ("substringof('robe',name)", ["Probe's one"]),
    ("contains(name,'robe')", ["Probe's one"]),
    ("endswith(name,'one')", ["Probe's one"]),
    ("startswith(name,'Pr')", ["Probe's one"]),
    ("length(name) eq 5", ["meter"]),
    ("indexof(name,'eter') eq 1", ["meter"]),
    ("substring(name,1) eq 'eter'", ["meter"]),
    ("substring(name,1,2) eq 'et'", ["meter"]),
    ("tolower(name) eq 'probe''s one'", ["Probe's one"]),
    ("toupper(name) eq 'METER'", ["meter"]),
    ("trim(concat(name,'  ')) eq 'meter'", ["meter"]),
    ("concat(concat(name,', '),'x') eq 'meter, x'", ["meter"]),
    ("st_equals(Locations/location,geography'POINT (-100.32 20.52)')", ["meter"]),
    ("st_disjoint(Locations/location,geography'POINT (-100.32 20.52)')", ["Probe's one"]),
    ("st_touches(Locations/location,geography'LINESTRING (-100.32 20.52, 0 0)')", ["meter"]),
    (
        "st_within(Locations/location,geography'POLYGON ((-101 20.515,-99 20.515,-99 21,-101 21,-101 20.515))')",
        ["meter"],
    ),
    (
        "st_contains(geography'POLYGON ((-101 20.515,-99 20.515,-99 21,-101 20.515))',Locations/location)",
        ["meter"],
    ),
    ("st_intersects(Locations/location,geography'LINESTRING (-100.33 20.52,-100.31 20.52)')", ["meter"]),
    ("st_overlaps(Locations/location,geography'POINT (-100.32 20.52)')", []),
    ("st_crosses(Locations/location,geography'LINESTRING (-100.33 20.52,-100.31 20.52)')", []),
    ("st_relate(Locations/location,geography'POINT (-100.32 20.52)','0FFFFFFF2')", ["meter"]),
    ("geo.distance(Locations/location,geography'POINT (-100.32 20.52)') lt 0.001", ["meter"]),
    ("geo.intersects(Locations/location,geography'POINT (-100.32 20.52)')", ["meter"]),
    ("geo.length(geography'LINESTRING (0 0, 0 3)') eq 3 and name eq 'meter'", ["meter"]),
    ("Datastreams/ObservedProperty/name eq 'pump_state' and properties/site eq 'house'", ["Probe's one"]),
    ("Datastreams/unitOfMeasurement/symbol eq 'Cel' and not (name eq 'meter')", ["Probe's one"]),
    ("not startswith(name,'Pr')", ["meter"]),
    ("name ne 'meter'", ["Probe's one"]),
    ("name gt 'a'", ["meter"]),
    ("name eq 'meter' or name eq 'Probe''s one'", ["Probe's one", "meter"]),
    ("properties/nothing eq null and name eq 'meter'", ["meter"]),
    ("name eq 'a'' or 1 eq 1'", []),
    ("name eq 7", []),
    ("year(name) eq 2026", []),
    ("HistoricalLocations/time gt 2020-01-01T00:00:00Z and name eq 'meter'", ["meter"]),
]
OBSERVED = [
    ("result gt 26", [29.0, 27.0]),
    ("result ge 27 and result lt 29", [27.0]),
    ("result le 20", [20.0]),
    ("result eq 21 or result eq 22.0", [22.0, 21.0]),
    ("result add 5 eq 25", [20.0]),
    ("result sub 5 eq 15", [20.0]),
    ("result mul 2 eq 40", [20.0]),
    ("result div 2 eq 10", [20.0]),
    ("result mod 20 eq 1", [21.0]),
    ("-result eq -20", [20.0]),
    ("result div 0 eq 1", []),
    ("2 add 3 mul 2 eq 8 and result eq 20", [20.0]),
    ("(2 add 3) mul 2 eq 10 and result eq 20", [20.0]),
    ("round(result div 3) eq 7 and result lt 21", [20.0]),
    ("floor(result div 3) eq 6 and result eq 20", [20.0]),
    ("ceiling(result div 3) eq 7 and result eq 20", [20.0]),
    ("year(phenomenonTime) eq 2026 and result eq 20", [20.0]),
    ("month(phenomenonTime) eq 11 and result eq 20", [20.0]),
    ("day(phenomenonTime) eq 27 and result eq 20", [20.0]),
    ("hour(phenomenonTime) eq 12 and result eq 20", [20.0]),
    ("minute(phenomenonTime) eq 1", [21.0]),
    ("second(phenomenonTime) eq 0 and result eq 20", [20.0]),
    ("fractionalseconds(phenomenonTime) eq 0 and result eq 20", [20.0]),
    ("date(phenomenonTime) eq '2026-11-27' and result eq 20", [20.0]),
    ("date(phenomenonTime) eq 2026-11-27 and result eq 20", [20.0]),
    ("2026-11-28 eq date(phenomenonTime)", []),
    ("date(phenomenonTime) lt 2026-11-28 and result eq 20", [20.0]),
    ("date(phenomenonTime) eq 2026-11-27T12:00:00Z", []),
    ("time(phenomenonTime) eq '12:01:00'", [21.0]),
    ("totaloffsetminutes(phenomenonTime) eq 0 and result eq 20", [20.0]),
    ("phenomenonTime lt now() and result eq 20", [20.0]),
    ("phenomenonTime gt mindatetime() and phenomenonTime lt maxdatetime() and result eq 20", [20.0]),
    ("phenomenonTime ge 2026-11-27T12:07:00Z", [29.0, 27.0]),
    ("phenomenonTime gt 2026-11-27T12:07:00Z", [29.0]),
    ("phenomenonTime lt 2026-11-27T12:01:00Z", [20.0]),
    ("phenomenonTime le 2026-11-27T06:01:00-06:00", [21.0, 20.0]),
    ("phenomenonTime eq 2026-11-27T12:01:00.000Z", [21.0]),
    ("2026-11-27T12:01:00Z ge phenomenonTime", [21.0, 20.0]),
    ("phenomenonTime le '2026-11-27T12:01:00Z'", [21.0, 20.0]),
    ("phenomenonTime lt 2026-11-27T12:00:00Z add duration'PT1M'", [20.0]),
    ("resultTime ge 2026-11-27T12:07:00Z", [29.0, 27.0]),
    ("resultQuality/level eq 'uncertain'", [29.0]),
    ("Datastream/ObservedProperty/name eq 'air_temperature' and result eq 20", [20.0]),
    ("FeatureOfInterest/name eq 'The house' and result eq 20", [20.0]),
    ("result eq 'off'", []),
]


async def test_things_that_a_filter_leaves(little):
    """What holds for an entity, or for one of those that a relation leads to."""
    found = {text: await little.names("/Things", filter=text) for text, _ in THINGS}

    assert found == dict(THINGS)


async def test_observations_that_a_filter_leaves(little):
    """The newest come first; the bad reading of 12:08 is none."""
    path = f"/Datastreams({little.id('probe/temperature')})/Observations"
    found = {text: await little.results(path, filter=text) for text, _ in OBSERVED}

    assert found == dict(OBSERVED)


async def test_states_are_compared_by_name(little):
    """The result of a state is its name."""
    path = f"/Datastreams({little.id('probe/pump')})/Observations"

    assert await little.results(path) == ["on", "off"]
    assert await little.results(path, filter="result eq 'on'") == ["on"]


async def test_a_plus_is_a_space_and_one_is_a_plus(little):
    """Clients that encode as forms do write a + for a space; a + of an offset may then arrive as one."""
    answer = await little.ask("http://town.example/sta/v1.1/Things?$filter=name+eq+'meter'")
    offset = await little.ask(
        f"http://town.example/sta/v1.1/Datastreams({little.id('probe/temperature')})/Observations"
        "?$filter=phenomenonTime+lt+2026-11-27T18:01:00+06:00"
    )

    assert [one["name"] for one in answer.json()["value"]] == ["meter"]
    assert [one["result"] for one in offset.json()["value"]] == [20.0]


async def test_observations_of_all_datastreams(little):
    """A filter may name the Datastream; the order is that of time."""
    one = little.id("meter/energy")
    found = await little.results(
        "/Observations", filter=f"Datastream/id eq {one} or Datastream/id eq '{one}'"
    )

    assert found == [103.0, 101.5, 100.0]
    assert await little.results("/Observations", filter=f"Datastream/id eq {one}") == found
    assert len(await little.results("/Observations")) == 16
