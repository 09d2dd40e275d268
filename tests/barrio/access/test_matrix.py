"""Every route for every sort of caller: what is answered, and that nothing foreign stands in it."""

import re
from typing import Any

import pytest

from barrio.api.app import create_app
from tests.barrio.access.town import CALLERS, FOREIGN, SCOPES, town

NOT_HERE = {
    ("GET", "/api/v1/stream"): "does not end: tests/barrio/live",
    ("WS", "/api/v1/ws"): "a WebSocket: tests/barrio/live, tests/barrio/access/test_door.py",
}
"""Routes that are looked at elsewhere; the list can only shrink."""

ALL = (200, 200, 200, 200, 200)
OPERATORS = (404, 404, 404, 200, 200)
PARTNERS = (404, 200, 200, 200, 200)
TWO = "point=little/probe/temperature"
P = "little/probe/temperature"

ROUTES = {
    ("GET", "/"): ("/", ALL),
    ("GET", "/openapi.json"): ("/openapi.json", ALL),
    ("GET", "/healthz"): ("/healthz", ALL),
    ("GET", "/readyz"): ("/readyz", ALL),
    ("GET", "/metrics"): ("/metrics", OPERATORS),
    ("GET", "/api/v1/status"): ("/api/v1/status", OPERATORS),
    ("GET", "/api/v1/history"): (f"/api/v1/history?point={P}", (200, 404, 200, 200, 200)),
    ("GET", "/api/v1/latest"): (f"/api/v1/latest?point={P}", (200, 404, 200, 200, 200)),
    ("GET", "/api/v1/points/{path:path}/latest"): (f"/api/v1/points/{P}/latest", (200, 404, 200, 200, 200)),
    ("GET", "/api/v1/why/{path:path}"): (f"/api/v1/why/{P}", (200, 404, 200, 200, 200)),
    ("GET", "/api/v1/gaps"): ("/api/v1/gaps", ALL),
    ("GET", "/api/v1/device-events"): ("/api/v1/device-events", OPERATORS),
    ("GET", "/api/v1/conditions"): ("/api/v1/conditions", ALL),
    ("POST", "/api/v1/conditions/{number}/acknowledge"): ("/api/v1/conditions/1/acknowledge", (404,) * 5),
    ("GET", "/api/v1/graph"): ("/api/v1/graph", ALL),
    ("GET", "/api/v1/twin"): ("/api/v1/twin", ALL),
    ("GET", "/api/v1/models"): ("/api/v1/models", OPERATORS),
    ("GET", "/api/v1/models/{district}/{digest}"): ("/api/v1/models/little/abcdef", (404,) * 5),
    ("GET", "/api/v1/completeness"): ("/api/v1/completeness?by=point", ALL),
    ("GET", "/api/v1/rollups"): ("/api/v1/rollups", OPERATORS),
    ("POST", "/api/v1/rollups/rebuild"): ("/api/v1/rollups/rebuild", (404, 404, 404, 403, 200)),
    ("GET", "/api/v1/alarms"): ("/api/v1/alarms", PARTNERS),
    ("GET", "/api/v1/alarms/history"): ("/api/v1/alarms/history", PARTNERS),
    ("GET", "/api/v1/alarms/backtest"): (
        "/api/v1/alarms/backtest?rule=little/hot",
        (404, 404, 200, 200, 200),
    ),
    ("GET", "/api/v1/alarms/{number}"): ("/api/v1/alarms/1", (404, 404, 200, 200, 200)),
    ("POST", "/api/v1/alarms/{number}/acknowledge"): (
        "/api/v1/alarms/1/acknowledge",
        (404, 404, 200, 403, 409),
    ),
    ("POST", "/api/v1/alarms/{number}/shelve"): ("/api/v1/alarms/1/shelve", (404, 404, 200, 403, 200)),
    ("POST", "/api/v1/alarms/{number}/unshelve"): ("/api/v1/alarms/1/unshelve", (404, 404, 200, 403, 409)),
    ("GET", "/api/v1/commands"): ("/api/v1/commands", PARTNERS),
    ("GET", "/api/v1/commands/{number}"): ("/api/v1/commands/1", (404, 404, 404, 200, 200)),
    ("GET", "/api/v1/desired"): ("/api/v1/desired", PARTNERS),
    ("GET", "/api/v1/schedules"): ("/api/v1/schedules", PARTNERS),
    ("POST", "/api/v1/commands"): ("/api/v1/commands", (404, 404, 404, 403, 200)),
    ("POST", "/api/v1/commands/release"): ("/api/v1/commands/release", (404, 404, 404, 403, 200)),
    ("POST", "/api/v1/commands/{number}/confirm"): ("/api/v1/commands/1/confirm", (404, 404, 404, 403, 409)),
    ("POST", "/api/v1/commands/{number}/cancel"): ("/api/v1/commands/1/cancel", (404, 404, 404, 403, 409)),
    ("GET", "/api/v1/audit"): ("/api/v1/audit", OPERATORS),
    ("GET", "/api/v1/audit/verify"): ("/api/v1/audit/verify", OPERATORS),
    ("GET", "/api/v1/supply"): ("/api/v1/supply", PARTNERS),
    ("GET", "/api/v1/supply/{number}"): ("/api/v1/supply/99", (404,) * 5),
    ("POST", "/api/v1/supply/{number}/acknowledge"): ("/api/v1/supply/99/acknowledge", (404,) * 5),
    ("POST", "/api/v1/supply/{number}/cancel"): ("/api/v1/supply/99/cancel", (404,) * 5),
    ("POST", "/api/v1/supply/{number}/close"): ("/api/v1/supply/99/close", (404,) * 5),
    ("GET", "/api/v1/capacity"): ("/api/v1/capacity", PARTNERS),
    ("GET", "/api/v1/services"): ("/api/v1/services", PARTNERS),
    ("GET", "/api/v1/services/done"): ("/api/v1/services/done", PARTNERS),
    ("POST", "/api/v1/services/{key:path}/done"): (
        "/api/v1/services/little/hushmeter/hushpump/done",
        (404, 404, 404, 403, 200),
    ),
    ("GET", "/api/v1/notifications"): ("/api/v1/notifications", OPERATORS),
    ("POST", "/api/v1/notifications/test"): ("/api/v1/notifications/test", (404, 404, 404, 403, 404)),
    ("GET", "/api/v1/session"): ("/api/v1/session", ALL),
    ("POST", "/api/v1/session"): ("/api/v1/session", (401, 200, 200, 200, 200)),
    ("DELETE", "/api/v1/session"): ("/api/v1/session", ALL),
    ("POST", "/api/v1/session/codes"): ("/api/v1/session/codes", (403, 200, 200, 200, 200)),
}
SAID = {"who": "ana", "comment": "seen"}
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/rollups/rebuild": {"under": "little", "from": "-1h"},
    "/api/v1/alarms/1/shelve": {**SAID, "for": "1h"},
    "/api/v1/commands": {"point": "little/probe/level", "value": 40, "who": "ana", "lease": "1h"},
    "/api/v1/commands/release": {"point": "little/probe/level", "who": "ana"},
    "/api/v1/commands/1/confirm": {"code": "1", "who": "ana"},
    "/api/v1/commands/1/cancel": {"who": "ana"},
    "/api/v1/supply/99/acknowledge": {"who": "ana"},
    "/api/v1/notifications/test": {"channel": "little/none"},
    "/api/v1/session": {},
    "/api/v1/session/codes": {},
}

TWINS = [
    "/api/v1/history?point={}",
    "/api/v1/latest?point={}",
    "/api/v1/points/{}",
    "/api/v1/points/{}/latest",
    "/api/v1/why/{}",
    "/api/v1/gaps?point={}",
    "/api/v1/twin?under={}",
    "/api/v1/completeness?under={}&by=point",
    "/api/v1/points?under={}",
    "/api/v1/alarms?under={}",
    "/api/v1/commands?point={}",
    "/api/v1/desired?under={}",
    "/api/v1/services?under={}",
]
"""What is asked with the name of something: of a thing that is hidden, and of one that there is not."""
_IN_LITTLE = {
    "little/hushmeter/temperature": "little/mushmeter/temperature",
    "little/hushmeter": "little/mushmeter",
    "little/hushyard": "little/mushyard",
    "hushtown/probe/temperature": "mushtown/probe/temperature",
    "hushtown": "mushtown",
}
NAMES = {
    "public": {**_IN_LITTLE, "little/probe/energy": "little/probe/energa"},
    "scoped": {**_IN_LITTLE, "little/probe/energy": "little/probe/energa"},
    "other": {
        "little/probe/temperature": "tlitle/probe/temperature",
        "little/probe": "tlitle/probe",
        "little": "tlitle",
    },
}
_MORE = [
    ("/api/v1/graph?of={}", "hushmeter", "mushmeter"),
    ("/api/v1/alarms/backtest?rule={}", "little/hushhot", "little/mushhot"),
    ("/api/v1/supply?tank={}", "little/hushmeter/hushwater", "little/mushmeter/mushwater"),
    ("/api/v1/capacity?place={}", "little/hushyard/hushcrowd", "little/mushyard/mushcrowd"),
    ("/api/v1/services/done?key={}", "little/hushmeter/hushpump", "little/mushmeter/mushpump"),
    ("/api/v1/alarms/{}", "2", "9"),
    ("/api/v1/districts/{}", "hushtown", "mushtown"),
    ("/api/v1/sites/little/{}", "hushyard", "mushyard"),
    ("/api/v1/devices/little/{}", "hushmeter", "mushmeter"),
    ("/api/v1/devices?kind={}", "Hushkind", "Mushkind"),
    ("/api/v1/devices?profile={}", "hushthing", "mushthing"),
    ("/api/v1/sites?district={}", "hushtown", "mushtown"),
    ("/api/v1/sites?site={}", "little/hushyard", "little/mushyard"),
    ("/api/v1/points?device={}", "hushmeter", "mushmeter"),
    ("/api/v1/points?dataset={}", "hushlevels", "mushlevels"),
    ("/api/v1/relations?of={}", "hushmeter", "mushmeter"),
    ("/api/v1/profiles/{}", "hushthing", "mushthing"),
    ("/api/v1/datasets/little/{}", "hushlevels", "mushlevels"),
]
MORE_TWINS = {
    "public": _MORE,
    "scoped": [one for one in _MORE if "dataset" not in one[0]],
    "other": [
        ("/api/v1/alarms/backtest?rule={}", "little/hot", "tlitle/hot"),
        ("/api/v1/alarms/{}", "2", "9"),
        ("/api/v1/districts/{}", "little", "tlitle"),
        ("/api/v1/sites/{}/house", "little", "tlitle"),
        ("/api/v1/devices/{}/probe", "little", "tlitle"),
        ("/api/v1/datasets/{}/weather", "little", "tlitle"),
    ],
}


@pytest.fixture
async def place(tmp_path, monkeypatch):
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setenv("BARRIO_SECRET_AGUAS", "shared")
    async with town(tmp_path) as found:
        yield found


def routes(platform):
    """Return method and path of all that the application answers."""
    found = set()
    for route in _flat(create_app(platform).routes):
        methods = getattr(route, "methods", None) or {"WS"}
        found |= {(method, route.path) for method in methods - {"HEAD"}}
    return found


def _flat(found):
    """Yield routes, also those of routers that were included."""
    for route in found:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from _flat(inner.routes)


def foreign(caller, text):
    """Return the first foreign name in a text with what stands around it, None when there is none."""
    mark = FOREIGN.get(caller)
    found = re.search(rf".{{0,60}}{mark}.{{0,60}}", text) if mark else None
    return found and found.group()


def told(answer, *known):
    """Return all that an answer says, without names that the question itself said."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    text = f"{headers}\n{answer.text}"
    for name in sorted(known, key=len, reverse=True):
        text = text.replace(name, "NAME")
    return text


async def test_every_route_is_declared(place):
    """A new route says here what each caller is answered, or it is not there."""
    known = ROUTES.keys() | NOT_HERE.keys()
    mine = {pair for pair in routes(place.platform) if _is_ours(pair[1])}

    assert mine - known == set()
    assert known - routes(place.platform) == set()


OTHERS = (
    "/sta/",
    "/api/v1/intervals",
    "/api/v1/exports",
    "/api/v1/datasets",
    "/api/v1/figures",
    "/catalog",
    "/api/v1/catalog",
    "/api/v1/districts",
    "/api/v1/sites",
    "/api/v1/devices",
    "/api/v1/profiles",
    "/api/v1/quantities",
    "/api/v1/relations",
    "/api/v1/points",
    "/api/v1/hooks",
)


def _is_ours(path):
    return not path.startswith(OTHERS) or path.endswith("/latest")


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
async def test_every_caller_is_answered_as_declared(place):
    """By status; and nothing that a caller does not see stands in any body or header."""
    first = BODIES["/api/v1/commands"] | {"point": "little/hushmeter/level"}
    await place.ask("operator", "POST", "/api/v1/commands", first)
    wrong, leaks = [], []
    for (method, path), (url, statuses) in ROUTES.items():
        for caller, status in zip(CALLERS, statuses, strict=True):
            body = BODIES.get(url, SAID) if method == "POST" else None
            answer = await place.ask(caller, method, url, body)
            if answer.status_code != status:
                wrong.append((caller, method, path, answer.status_code, status, answer.text[:200]))
            if leak := foreign(caller, told(answer, *_named(url), *_texts(body))):
                leaks.append((caller, method, path, leak))

    assert wrong == []
    assert leaks == []


@pytest.mark.parametrize("caller", FOREIGN)
async def test_what_is_hidden_is_answered_like_what_there_is_not(place, caller):
    """The same status and the same words, whichever route is asked, but for the name itself."""
    different = []
    asked = [(url, *pair) for url in TWINS for pair in NAMES[caller].items()] + MORE_TWINS[caller]
    for url, hidden, absent in asked:
        one, two = [await place.ask(caller, "GET", url.format(name)) for name in (hidden, absent)]
        said = [_said(answer, url, name) for answer, name in ((one, hidden), (two, absent))]
        if said[0] != said[1] or foreign(caller, told(one, hidden, *hidden.split("/"))):
            different.append((url.format(hidden), *said))

    assert different == [], "\n".join(map(str, different))


async def test_a_name_that_nothing_has_comes_with_the_nearest(place):
    """Whichever list or thing is asked for by it: nothing is empty because a name is misspelt."""
    found = {url: await place.ask("operator", "GET", url.format("little/prob")) for url in TWINS}

    assert {url: answer.status_code for url, answer in found.items()} == dict.fromkeys(TWINS, 404)
    assert [url for url, answer in found.items() if "did you mean little/probe?" not in answer.text] == []


def _texts(body):
    """Return the names in the body of a question."""
    return [one for one in (body or {}).values() if isinstance(one, str)]


def _named(url):
    """Return the names in a question, as wholes and in parts."""
    words = re.split(r"[?&=]", url.removeprefix("/api/v1/"))
    return [*words, *(part for word in words for part in word.split("/"))]


def _said(answer, url, name):
    """Return status and words without the name that was asked for, in whole or in part, and the time of asking.

    What was probably meant depends on the letters of the name: it may differ, and is looked at for foreign names.
    """
    text = answer.text
    for part in (url.format(name), name, *name.split("/")):
        text = text.replace(part, "NAME")
    return answer.status_code, re.sub(r"\d{4}-\d\d-\d\dT[^\"]*| \(did you mean [^)]*\)", "", text)


SWEPT = [
    *(f"/api/v1/{name}" for name in ("districts", "sites", "devices", "profiles", "quantities", "relations")),
    *(f"/api/v1/{name}" for name in ("points", "datasets", "figures", "exports", "intervals/edits", "hooks")),
    *("/catalog", "/api/v1/devices?format=geojson", "/api/v1/latest?under=little", "/sta/v1.1"),
    "/sta/v1.1/Things?$expand=Locations,Datastreams($expand=Sensor,ObservedProperty,Observations)",
    *(f"/sta/v1.1/{name}" for name in ("Locations", "HistoricalLocations", "Datastreams", "Sensors")),
    *(f"/sta/v1.1/{name}" for name in ("ObservedProperties", "Observations", "FeaturesOfInterest")),
]
"""Lists of the routes that have matrices of their own."""


@pytest.mark.parametrize("caller", FOREIGN)
async def test_no_list_has_a_foreign_name(place, caller):
    """In none of them, body or header."""
    leaks = []
    for url in SWEPT:
        answer = await place.ask(caller, "GET", url)
        if answer.status_code >= 500 or (leak := foreign(caller, told(answer, *_named(url)))):
            leaks.append((url, answer.status_code, leak))

    assert leaks == []


async def test_a_scope_is_not_widened_by_what_it_names(place):
    """Counts are of what exists for who asks."""
    counts = {
        caller: (await place.ask(caller, "GET", "/api/v1/session")).json()["points"] for caller in CALLERS
    }

    assert counts["scoped"] == 1
    assert counts["public"] == 1
    assert counts["scoped"] < counts["other"] < counts["reader"] / 2
    assert counts["reader"] == counts["operator"] == len(place.platform.catalogue.points)
    assert set(SCOPES) < set(counts)
