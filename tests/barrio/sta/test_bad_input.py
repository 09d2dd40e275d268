"""What cannot be answered: a clear 4xx with the limit that was met, at once, and nothing of what is hidden."""

import time

import pytest

from tests.barrio.sta.town import ROOT

MANY = "/Observations"
BAD = [
    ("/Things", {"filter": "name eq '" + "x" * 60_000 + "'"}, 400, "at most 4,000"),
    ("/Things", {"filter": "(" * 1_900 + "1 eq 1" + ")" * 1_900}, 400, "more than 500"),
    ("/Things", {"filter": "(" * 5_000 + ")" * 5_000}, 400, "at most 4,000"),
    ("/Things", {"filter": "(" * 40 + "1 eq 1" + ")" * 40}, 400, "more than 30 deep"),
    ("/Things", {"filter": "not " * 40 + "true"}, 400, "more than 30 deep"),
    ("/Things", {"filter": "- " * 40 + "1 eq 1"}, 400, "more than 30 deep"),
    ("/Things", {"filter": "tolower(" * 40 + "name" + ")" * 40}, 400, "more than 30 deep"),
    ("/Things", {"filter": "name eq 'a' or 1 eq 1'"}, 400, "not understood at character"),
    ("/Things", {"filter": "name eq"}, 400, "ends where"),
    ("/Things", {"filter": "name is 'a'"}, 400, "expected an operator"),
    ("/Things", {"filter": "name eq 'a')"}, 400, "expected an operator"),
    ("/Things", {"filter": ""}, 400, "ends where"),
    ("/Things", {"filter": "nmae eq 'a'"}, 400, "did you mean name"),
    ("/Things", {"filter": "owner eq 'a'"}, 400, "have no property 'owner'"),
    ("/Things", {"filter": "Datastreams eq 1"}, 400, "name a property"),
    ("/Things", {"filter": "name/below eq 1"}, 400, "nothing below it"),
    ("/Things", {"filter": "Datastreams/Observations/result gt 5"}, 400, "ask for those"),
    ("/Things", {"filter": "starswith(name,'a')"}, 400, "did you mean startswith"),
    ("/Things", {"filter": "startswith(name)"}, 400, "takes 2 arguments, found 1"),
    ("/Things", {"filter": "1e999 gt 1"}, 400, "too large a number"),
    ("/Things", {"filter": "name eq \x00"}, 400, "not understood"),
    ("/Things", {"filter": "st_within(name,geography'CIRCLE (0 0)')"}, 400, "a geometry is"),
    ("/Things", {"filter": "st_within(name,geography'POLYGON ((0 0,1 1,2 2))')"}, 400, "too few positions"),
    ("/Things", {"filter": "st_within(name,geography'POINT (nan 0)')"}, 400, "no position"),
    (
        "/Things",
        {"filter": "st_within(name,geography'LINESTRING (" + "0 0," * 600 + "1 1)')"},
        400,
        "at most 500",
    ),
    (MANY, {"filter": "phenomenonTime gt 2026-11-28T09:00:00"}, 400, "no offset"),
    (MANY, {"filter": "phenomenonTime gt 2026-11-28T24:00:00Z"}, 400, "not a time that there is"),
    (MANY, {"filter": "phenomenonTime gt 2026-11-28T09:00:00+99:99"}, 400, "not a time that there is"),
    (MANY, {"filter": "phenomenonTime gt 0000-01-01T00:00:00Z"}, 400, "not a time that there is"),
    (MANY, {"filter": "phenomenonTime gt 10000-01-01T00:00:00Z"}, 400, "not understood at"),
    (MANY, {"filter": "phenomenonTime gt 1969-12-31T00:00:00Z"}, 400, "outside the years"),
    (MANY, {"filter": "phenomenonTime gt 'soon'"}, 400, "is not a time"),
    (MANY, {"filter": "phenomenonTime gt 2026-11-28T09:00:00Z/2026-11-28T08:00:00Z"}, 400, "ends before"),
    ("/Things", {"top": "-1"}, 400, "from 0 to 1,000,000"),
    ("/Things", {"top": str(10**12)}, 400, "from 0 to 1,000,000"),
    ("/Things", {"top": "1.5"}, 400, "whole number"),
    ("/Things", {"top": "\uff11"}, 400, "whole number"),
    ("/Things", {"skip": "-1"}, 400, "from 0 to"),
    ("/Things", {"skip": str(10**18)}, 400, "from 0 to 1,000,000,000"),
    ("/Things", {"count": "yes"}, 400, "true or false"),
    ("/Things", {"resultFormat": "dataArray"}, 400, "for Observations"),
    (MANY, {"resultFormat": "csv"}, 400, "is dataArray"),
    (MANY, {"resultFormat": "dataArray", "expand": "Datastream"}, 400, "no expanded"),
    (MANY, {"skiptoken": "x"}, 400, "@iot.nextLink"),
    (MANY, {"skiptoken": "99999999999999999999.1"}, 400, "@iot.nextLink"),
    ("/Things", {"skiptoken": "1.1"}, 400, "for Observations"),
    ("/Things", {"orderby": "token"}, 400, "have no property 'token'"),
    ("/Things", {"orderby": "Datastreams/name"}, 400, "more than one"),
    ("/Things", {"orderby": "name sideways"}, 400, "asc or desc"),
    ("/Things", {"orderby": "length(name)"}, 400, "is a property"),
    ("/Things", {"orderby": ",".join(["name"] * 9)}, 400, "at most 8"),
    ("/Things", {"select": "name,endpoint"}, 400, "have no property 'endpoint'"),
    ("/Things", {"expand": "Thing"}, 400, "have no relation 'Thing'"),
    (
        "/Things",
        {"expand": "Datastreams(" + "$expand=Thing($expand=Datastreams(" * 25 + "))" * 25 + ")"},
        400,
        "6 deep",
    ),
    ("/Things", {"expand": "Datastreams/Thing" + "/Datastreams/Thing" * 24}, 400, "6 deep"),
    ("/Things", {"expand": "Datastreams($top=1"}, 400, "without its other half"),
    ("/Things", {"expand": "Datastreams($top=1)x"}, 400, "closing parenthesis"),
    ("/Things", {"expand": "Datastreams($tpo=1)"}, 400, "did you mean $top"),
    ("/Things", {"expand": "Datastreams($top=-1)"}, 400, "whole number"),
    ("/Datastreams", {"expand": "Thing($top=1)"}, 400, "is one entity"),
    ("/Things(1)", {"filter": "name eq 'a'"}, 400, "not for one entity"),
    ("/Things(1)/name", {"select": "name"}, 400, "not for a property"),
    ("/Things/$ref", {"expand": "Datastreams"}, 400, "not for links"),
    ("", {"top": "1"}, 400, "there is no parameter"),
    ("/Things('..%2f..')", {}, 404, "there is no Things(../..)"),
    ("/Things('1'' or 1 eq 1')", {}, 404, "there is no Things"),
    ("/Things(99)", {}, 404, "there is no Things(99)"),
    ("/Things(01)", {}, 404, "there is no"),
    ("/Things(-1)", {}, 404, "there is no"),
    ("/Things(1e3)", {}, 404, "there is no"),
    ("/Things(" + "9" * 500 + ")", {}, 404, "there is no"),
    ("/Things()", {}, 404, "there is no"),
    ("/Things(1)/Datastreams(99)", {}, 404, "there is no"),
    ("/Things(1)/Locations/name", {}, 404, "of a collection"),
    ("/Things(1)/owner", {}, 404, "have no 'owner'"),
    ("/Things(1)/name/below", {}, 404, "have no"),
    ("/Things/name", {}, 404, "of a collection"),
    ("/Datastreams(1)/Thing(1)", {}, 404, "takes no id"),
    ("/Observations(7)", {}, 404, "there is no"),
    ("/Observations('19999999999999999999999')", {}, 404, "there is no"),
    ("/Users", {}, 404, "there is no Users"),
    ("/things", {}, 404, "did you mean Things"),
    ("/Things(1)" + "/Datastreams" * 200, {}, 400, "at most 1,000"),
    ("/Things(1)" + "/Locations(1)/Things(1)" * 8, {}, 400, "at most 12"),
]


async def test_bad_input_is_refused(little):
    """The status, and words that name what is wrong and the limit."""
    found: list[tuple[object, ...]] = []
    slow = []
    await little.get("/Things")
    for path, query, status, words in BAD:
        begin = time.process_time()
        answer = await little.ask(path, **query)
        took = time.process_time() - begin
        if (answer.status_code, words in answer.text) != (status, True):
            found.append((path[:60], str(query)[:60], answer.status_code, answer.text[:300]))
        if answer.headers["content-type"] != "application/problem+json" or len(answer.content) > 1_500:
            found.append((path[:60], answer.text[:300]))
        if took > 0.1:
            slow.append((path[:60], took))

    assert found == []
    # A machine that does several things at once may hold up one of them.
    assert len(slow) <= 2, slow


async def test_long_chains_and_large_numbers_are_answered(little):
    """As long as a filter may be, and beyond what numbers and calendars hold: an answer, and no failure."""
    chains = [
        " or ".join(["name eq 'x'"] * 125),
        " and ".join(["name ne 'x'"] * 125),
        " add ".join(["1"] * 249) + " eq 249",
        "1 eq " * 249 + "1",
        "round(" + " mul ".join(["9" * 40] * 20) + ") gt 1",
        "year(now() add duration'P999999D' add duration'P999999D' add duration'P999999D') gt 1",
        "year(mindatetime() sub duration'P999999D') lt 1",
        "geo.distance(Locations/location,geography'LINESTRING (1e308 0,-1e308 1e308)') gt 1",
    ]
    statuses = [(await little.ask("/Things", filter=text)).status_code for text in chains]

    assert statuses == [200] * len(chains)


async def test_what_is_expanded_is_counted_as_often_as_it_stands_there(little, monkeypatch):
    """Going to and fro between a thing and its Datastreams multiplies the answer, and meets its bound."""
    to_and_fro = "Datastreams/Thing/Datastreams/Thing/Datastreams"
    body = await little.get("/Things", expand=to_and_fro)
    inner = body["value"][0]["Datastreams"][0]["Thing"]["Datastreams"][0]["Thing"]["Datastreams"]
    monkeypatch.setattr("barrio.sta.estimate.MOST_ENTITIES", 2 + 6 + 6 + 18 + 18 + 54 - 1)
    refused = await little.ask("/Things", expand=to_and_fro)

    assert len(inner) == 3
    assert (refused.status_code, refused.json()["parameter"]) == (400, "$expand")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_is_written(little, method):
    """The service is for reading."""
    async with little.as_caller(None) as http:
        answer = await http.request(method, f"{ROOT}/Things", json={"name": "x"})

    assert answer.status_code == 405


@pytest.mark.parametrize("host", ["evil.example/path", "a b", "x" * 300, "<script>", "u:p@host", ""])
async def test_links_are_made_of_a_host_only(little, host):
    """What is no host and port is not written into answers."""
    async with little.as_caller(None) as http:
        answer = await http.get(f"{ROOT}/Things", headers={"host": host})

    assert (answer.status_code, answer.json()["parameter"]) == (400, "Host")


async def test_an_option_is_given_once(little):
    """Of two it would not be clear which one holds."""
    answer = await little.ask("http://town.example/sta/v1.1/Things?$top=1&$top=2")

    assert (answer.status_code, answer.json()["detail"]) == (400, "$top: is given more than once")


async def test_more_than_is_read_at_once_is_refused(little, monkeypatch):
    """A filter that finds little would have to look at everything; it is told to name a time."""
    monkeypatch.setattr("barrio.sta.readings.MOST_SCANNED", 5)
    path = f"/Datastreams({little.id('probe/temperature')})/Observations"
    refused = await little.ask(path, filter="result lt 0")
    narrowed = await little.results(path, filter="result lt 0 and phenomenonTime lt 2026-11-27T12:05:00Z")

    assert refused.status_code == 400
    assert "phenomenonTime ge" in refused.json()["detail"]
    assert narrowed == []


@pytest.mark.parametrize(
    ("limit", "value", "path", "query"),
    [
        ("barrio.sta.estimate.MOST_ENTITIES", 5, "/Things", {"expand": "Datastreams"}),
        ("barrio.sta.estimate.MOST_STEPS", 5, "/Datastreams", {"filter": "Thing/name eq 'x'"}),
        ("barrio.sta.readings.MOST_READS", 5, "/Datastreams", {"expand": "Observations"}),
        ("barrio.sta.readings.MOST_COUNTED", 5, "/Observations", {"count": "true"}),
    ],
)
async def test_what_costs_too_much_is_refused(little, monkeypatch, limit, value, path, query):
    """Each bound is named."""
    monkeypatch.setattr(limit, value)
    answer = await little.ask(path, **query)

    assert answer.status_code == 400
    assert f"more than {value}" in answer.text
