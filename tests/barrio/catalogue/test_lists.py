"""Lists of the catalogue: what is in them for whom, filters, pages, GeoJSON, ETags."""

import pytest

from barrio.catalogue.ask import Box, box_of
from barrio.errors import AskError
from tests.barrio.catalogue.stage import DATASETS, DISTRICT, PARTNER, SCOPES, asked
from twin.access.scope import EVERYTHING, OPEN, Scope, Tier
from twin.model.spec import Location
from twin.resolution import Resolution
from twin.store.port import StoreBusy

KINDS = ("districts", "sites", "devices", "points", "profiles", "relations", "quantities", "datasets")


@pytest.fixture
async def little(tmp_path):
    """The little district."""
    async with asked(tmp_path) as found:
        yield found


async def listed(little, path, scope=EVERYTHING, **headers):
    """The JSON of a list."""
    async with little.client(scope) as http:
        answer = await http.get(f"/api/v1/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def names(little, path, scope=EVERYTHING):
    """What is listed, by path or id."""
    found = await listed(little, path, scope)
    rows = found[path.partition("?")[0]]
    return [row.get("path") or row.get("id") or row.get("name") or row["type"] for row in rows]


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        ("public", [1, 1, 1, 1, 1, 0, 1, 2]),
        ("partner", [1, 2, 2, 5, 1, 2, 3, 3]),
        ("operator", [1, 3, 2, 6, 1, 2, 3, 3]),
    ],
)
async def test_a_list_has_what_exists_for_its_reader(little, who, counts):
    """The public sees one point and what belongs to it, partners what datasets give them, operators all."""
    found = [len((await listed(little, kind, SCOPES[who]))[kind]) for kind in KINDS]

    assert found == counts
    assert found == [(await listed(little, kind, SCOPES[who]))["total"] for kind in KINDS]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("points?quantity=pump_state", ["little/probe/pump", "little/meter/pump"]),
        ("points?site=block&quantity=pump_state", ["little/probe/pump"]),
        ("points?site=little/block&quantity=pump_state", ["little/probe/pump"]),
        ("points?site=block&device=meter", []),
        ("devices?dataset=climate&site=yard", []),
        ("sites?kind=Plaza&dataset=climate", []),
        ("relations?type=feeds&of=yard", []),
        ("points?dataset=climate", ["little/probe/temperature"]),
        ("points?dataset=little/climate", ["little/probe/temperature"]),
        ("points?profile=thing&device=meter&quantity=pump_state", ["little/meter/pump"]),
        ("points?bbox=-100.4,20,-100,21&quantity=pump_state", ["little/probe/pump"]),
        ("points?bbox=170,-40,-170,0&quantity=pump_state", ["little/meter/pump"]),
        ("devices?site=block", ["little/probe"]),
        ("devices?dataset=climate", ["little/probe"]),
        ("devices?bbox=170,-40,180,0", ["little/meter"]),
        ("sites?kind=Plaza", ["little/yard"]),
        ("sites?site=block", ["little/block", "little/house"]),
        ("sites?dataset=climate", ["little/block", "little/house"]),
        ("sites?bbox=-100.3,20.5,-100.2,20.6", ["little/yard"]),
        ("districts?bbox=0,0,1,1", []),
        ("profiles?dataset=climate", ["thing"]),
        ("quantities?dataset=climate", ["air_temperature"]),
        ("relations?type=feeds", ["feeds"]),
        ("relations?of=yard", ["measures"]),
    ],
)
async def test_filters_are_joined_by_and(little, path, found):
    """Sites stand for those within them; devices are where they are, else where their site is."""

    assert await names(little, path) == found


UNKNOWN = [
    ("points?site=elsewhere/block", "point with site=elsewhere/block"),
    ("points?site=hose", "point with site=hose (did you mean house?)"),
    ("points?device=little/prob", "point with device=little/prob (did you mean little/probe?)"),
    ("points?under=little/prob", "point with under=little/prob (did you mean little/probe?)"),
    ("points?under=litle", "point with under=litle (did you mean little?)"),
    ("devices?kind=Thign&district=little", "device with district=little, kind=Thign (did you mean Thing?)"),
    ("devices?quantity=pump_stat", "device with quantity=pump_stat (did you mean pump_state?)"),
    ("devices?kind=Plaza", "device with kind=Plaza"),
    ("sites?kind=Plasa", "site with kind=Plasa (did you mean Plaza?)"),
    ("sites?kind=Thing", "site with kind=Thing"),
    ("sites?district=litle", "site with district=litle (did you mean little?)"),
    ("sites?dataset=climat", "site with dataset=climat (did you mean climate?)"),
    ("profiles?profile=thin", "profile with profile=thin (did you mean thing?)"),
    ("quantities?site=yrd", "quantity with site=yrd (did you mean yard?)"),
    ("relations?of=yrad", "relation with of=yrad (did you mean yard?)"),
    ("relations?district=litle", "relation with district=litle (did you mean little?)"),
]


@pytest.mark.parametrize(("path", "words"), UNKNOWN)
async def test_a_name_that_nothing_has_comes_with_the_nearest(little, path, words):
    """404, whatever else is asked; names that are right come as they are, and fit nothing together at worst."""
    async with little.client() as http:
        answer = await http.get(f"/api/v1/{path}")
        geo = await http.get(
            f"/api/v1/{path}", headers={"Accept": "application/geo+json", "If-None-Match": "*"}
        )

    assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no {words}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (geo.status_code, geo.json()["detail"]) == (404, f"there is no {words}")


@pytest.mark.parametrize(
    "query",
    [
        *("site=hose", "site=house/x", "device=prob", "kind=Thign", "quantity=pump_stat", "dataset=climat"),
        *("under=little/prob", "under=litle", "kind=Thign&site=yard", "dataset=energi&quantity=pump_state"),
    ],
)
@pytest.mark.parametrize("who", SCOPES)
async def test_points_are_looked_for_as_in_history(little, who, query):
    """The same status and the same words, for whoever asks."""
    async with little.client(SCOPES[who]) as http:
        answers = [await http.get(f"/api/v1/{name}?{query}") for name in ("points", "latest", "history")]

    assert {(one.status_code, one.json()["detail"]) for one in answers} == {
        (404, answers[0].json()["detail"])
    }


@pytest.mark.parametrize(
    ("path", "hidden", "absent"),
    [
        ("points?device={}", "meter", "zeter"),
        ("points?under={}", "little/meter", "little/zeter"),
        ("points?site={}", "yard", "zard"),
        ("devices?quantity={}", "pump_state", "qump_state"),
        ("points?dataset={}", "energy", "znergy"),
        ("sites?kind={}", "Plaza", "Zlaza"),
        ("sites?site={}", "little/yard", "little/zard"),
        ("relations?of={}", "meter", "zeter"),
    ],
)
async def test_a_hidden_name_is_looked_for_as_one_that_there_is_not(little, path, hidden, absent):
    """Neither is found, neither is suggested for the other; operators find it."""
    async with little.client(OPEN) as public, little.client() as operator:
        one, two = [await public.get(f"/api/v1/{path.format(name)}") for name in (hidden, absent)]
        seen, near = [await operator.get(f"/api/v1/{path.format(name)}") for name in (hidden, absent)]

    assert (one.status_code, two.status_code, seen.status_code, near.status_code) == (404, 404, 200, 404)
    assert one.json()["detail"].replace(hidden, "N") == two.json()["detail"].replace(absent, "N")
    assert hidden not in two.json()["detail"]
    assert f"did you mean {hidden}?" in near.json()["detail"]


async def test_what_a_store_says_that_is_away_is_for_operators(little, monkeypatch):
    """Whoever is given windows reads that they cannot be had now, and not where the store is."""

    async def away(*_):
        raise StoreBusy("store", "panic on db-3 at 10.9.8.7")

    monkeypatch.setattr("barrio.catalogue.newest.permitted_latest", away)
    partner = Scope(Tier.PARTNER, finest=Resolution.HOUR)
    found = str(await listed(little, "points", partner))

    assert "the store of readings does not answer now" in found
    assert "db-3" not in found


async def test_a_place_around_what_is_seen_is_found_and_not_named(little):
    """The public sees the house in the block: the block chooses it, and is suggested to nobody but who sees it."""
    async with little.client(OPEN) as public, little.client() as operator:
        paths = ("points?site=block", "points?site=blok", "history?site=blok")
        found, *near = [await public.get(f"/api/v1/{path}") for path in paths]
        operators = [await operator.get(f"/api/v1/{path}") for path in paths[1:]]

    assert [row["path"] for row in found.json()["points"]] == ["little/probe/temperature"]
    assert ["block" in one.json()["detail"] for one in near] == [False, False]
    assert ["block" in one.json()["detail"] for one in operators] == [True, True]


async def test_a_profile_has_no_more_points_than_its_reader_sees(little):
    """The public learns of the model what its dataset gives, and neither its protocol nor its address."""
    [row] = (await listed(little, "profiles", OPEN))["profiles"]
    [device] = (await listed(little, "devices", OPEN))["devices"]

    assert [one["name"] for one in row["points"]] == ["temperature"]
    assert device["points"] == ["temperature"]
    assert "protocol" not in device
    assert "10.0.0.1" not in str(await listed(little, "devices"))


async def test_a_place_that_is_not_seen_is_not_named(little):
    """The house lies in a block where the public sees nothing: it stands by itself."""
    async with little.client(OPEN) as http:
        house = (await http.get("/api/v1/sites/little/house")).json()
        block = await http.get("/api/v1/sites/little/block")

    assert house["within"] is None
    assert block.status_code == 404


@pytest.mark.parametrize(
    "path",
    ["points/little/meter/temperature", "devices/little/meter", "sites/little/yard", "quantities/pump_state"],
)
async def test_what_is_not_seen_is_as_if_it_did_not_exist(little, path):
    """The same answer, word by word, as for a name that nobody has; operators get it."""
    async with little.client(OPEN) as public, little.client() as operator:
        hidden = await public.get(f"/api/v1/{path}")
        nowhere = await public.get(f"/api/v1/{path}x")
        seen = await operator.get(f"/api/v1/{path}")

    assert (hidden.status_code, nowhere.status_code, seen.status_code) == (404, 404, 200)
    name = path.partition("/")[2]
    assert hidden.json()["detail"].replace(name, "N") == nowhere.json()["detail"].replace(f"{name}x", "N")


async def test_a_token_for_one_site_sees_nothing_of_others(little):
    """Lists, counts and single ones end where its scope does."""
    scope = Scope(Tier.PARTNER, sites=frozenset({"little/house"}))

    assert await names(little, "devices", scope) == ["little/probe"]
    assert await names(little, "sites", scope) == ["little/house"]
    assert (await listed(little, "relations", scope))["total"] == 0


# --- pages --------------------------------------------------------------------------------------------------


async def test_pages_follow_each_other_to_the_end(little):
    """Each has the address of the next one, also as a header; together they are the list."""
    found, path = [], "/api/v1/points?limit=4&latest=false"
    async with little.client() as http:
        while path:
            answer = await http.get(path)
            body = answer.json()
            found += [row["path"] for row in body["points"]]
            path = body["next"]
            assert answer.headers.get("link") == (f'<{path}>; rel="next"' if path else None)

    assert found == await names(little, "points")
    assert body["total"] == 6


@pytest.mark.parametrize(
    ("cursor", "status", "words"),
    [
        ("x", 400, "cursor: is none that was given"),
        ("WzEsMl0", 400, "cursor: is none that was given"),
        ("bm90aGluZw==", 400, "cursor: is none that was given"),
        ("WzIsIjA0OTlkYWQ2YzA1YTljYmUyMjk3MjhlZCJd", 410, "the list has changed since"),
        ("é" * 10, 400, "cursor: is none that was given"),
        ("x" * 201, 400, "cursor: "),
    ],
)
async def test_a_cursor_that_leads_nowhere_is_refused(little, cursor, status, words):
    """What was not given is a 400, what was given of another list a 410; both say what to do."""
    async with little.client() as http:
        answer = await http.get("/api/v1/points", params={"cursor": cursor})

    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


async def test_a_cursor_ends_with_what_it_was_given_for(tmp_path):
    """It goes on over a restart, and not when the files are others, or when something else or somebody else asks."""
    async with asked(tmp_path) as before, before.client() as http:
        first = (await http.get("/api/v1/points?limit=2&site=yard")).json()["next"]
    async with asked(tmp_path) as after, after.client() as http, after.client(PARTNER) as other:
        again = await http.get(first)
        filtered = await http.get(first.replace("site=yard", "site=house"))
        foreign = await other.get(first)
    async with (
        asked(tmp_path, district=DISTRICT.replace("name: Little", "name: Large")) as changed,
        changed.client() as http,
    ):
        stale = await http.get(first)

    assert [again.status_code, filtered.status_code, foreign.status_code, stale.status_code] == [
        200,
        410,
        410,
        410,
    ]
    assert again.json()["offset"] == 2


# --- GeoJSON ------------------------------------------------------------------------------------------------


async def test_geojson_has_longitude_first_and_names_its_media_type(little):
    """RFC 7946: a collection of features with a geometry each; asked for by Accept as well."""
    async with little.client() as http:
        named = await http.get("/api/v1/devices?format=geojson")
        accepted = await http.get(
            "/api/v1/devices", headers={"Accept": "text/html;q=0.1, application/geo+json"}
        )
        plain = await http.get(
            "/api/v1/devices", headers={"Accept": "application/json, application/geo+json;q=0.5"}
        )
        none = await http.get("/api/v1/relations?format=geojson")
    body = named.json()

    assert named.headers["content-type"] == accepted.headers["content-type"] == "application/geo+json"
    assert plain.headers["content-type"] == "application/json"
    assert (body["type"], body["numberMatched"], body["numberReturned"]) == ("FeatureCollection", 2, 2)
    first, second = body["features"]
    assert (first["type"], first["id"]) == ("Feature", "little/probe")
    assert first["geometry"] == {"type": "Point", "coordinates": [-100.31, 20.51]}
    assert first["properties"]["location"]["of"] == "site"
    assert second["geometry"]["coordinates"] == [179.5, -33.9]
    assert none.status_code == 400


async def test_a_place_without_coordinates_has_no_geometry(tmp_path):
    """Null, as the RFC says, and it is in no box."""
    bare = DISTRICT.replace(", location: {lat: 20.51, lon: -100.31}", "")
    async with asked(tmp_path, district=bare) as found:
        whole = await listed(found, "devices?format=geojson")
        boxed = await names(found, "devices?bbox=-180,-90,180,90")

    assert whole["features"][0]["geometry"] is None
    assert boxed == ["little/meter"]


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,x", "1,2,3,nan", "1,2,3,inf", "-181,0,0,1", "0,-91,1,0", "0,2,1,1", "1,2,3,4,5,6"],
)
def test_a_box_that_is_none_is_refused(text):
    """Four finite numbers, in their ranges, the south below the north."""
    with pytest.raises(AskError, match=r"^bbox: "):
        box_of(text)


def test_a_box_holds_its_edges():
    """A box of one point holds that point; one across the antimeridian both of its sides."""

    assert Box(1, 2, 1, 2).holds(Location(lat=2, lon=1))
    assert Box(170, -10, -170, 10).holds(Location(lat=0, lon=-175))
    assert not Box(170, -10, -170, 10).holds(Location(lat=0, lon=0))


# --- ETags --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["points?latest=false", "devices", "sites/little/yard", "datasets", "profiles"]
)
async def test_what_is_known_is_not_sent_again(little, path):
    """304 for the tag that came, in a list, weak or strong, or a star; the answer itself for another one."""
    async with little.client() as http:
        first = await http.get(f"/api/v1/{path}")
        tag = first.headers["etag"]
        asked_with = ["*", tag, tag.removeprefix("W/"), f'"x", {tag}', '"x"']
        found = [await http.get(f"/api/v1/{path}", headers={"If-None-Match": one}) for one in asked_with]

    assert [one.status_code for one in found] == [304, 304, 304, 304, 200]
    assert found[1].headers["etag"] == tag
    assert found[1].content == b""
    assert "Authorization" in first.headers["vary"]


async def test_a_tag_is_of_what_is_seen_and_asked(tmp_path):
    """Another caller, another question, another file: another tag; the same after a restart: the same."""
    tags = []
    async with asked(tmp_path) as found:
        for scope in (OPEN, PARTNER, EVERYTHING):
            async with found.client(scope) as http:
                tags.append((await http.get("/api/v1/devices")).headers["etag"])
                tags.append((await http.get("/api/v1/devices?limit=5")).headers["etag"])
    async with asked(tmp_path) as again, again.client() as http:
        same = (await http.get("/api/v1/devices")).headers["etag"]
    async with asked(tmp_path, DATASETS.replace("Climate", "Weather")) as changed, changed.client() as http:
        tags.append((await http.get("/api/v1/devices")).headers["etag"])

    assert len(set(tags)) == 7
    assert same == tags[4]


async def test_what_changes_all_the_time_has_no_tag(little):
    """Points with their newest readings are made anew, whatever somebody has."""
    async with little.client() as http:
        answer = await http.get("/api/v1/points", headers={"If-None-Match": "*"})

    assert answer.status_code == 200
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["points", "points?latest=false", "devices/little/probe", "sites"])
async def test_head_is_get_without_the_body(little, path):
    """The same headers, with the length that the body would have."""
    async with little.client() as http:
        got, head = await http.get(f"/api/v1/{path}"), await http.head(f"/api/v1/{path}")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers.get("etag") == got.headers.get("etag")
    assert int(head.headers["content-length"]) == len(got.content)
