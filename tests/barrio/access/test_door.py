"""The door of the real server, over sockets: tokens, sessions, rates, WebSockets, and what a browser may do."""

import asyncio
import base64
import time
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from barrio.access import door as doors
from barrio.access.door import Door
from barrio.access.sessions import COOKIE
from barrio.api.app import create_app
from barrio.api.server import Server, address, bind
from barrio.settings import Listen
from tests.barrio.access.town import OPERATOR, town
from tests.barrio.scripted import answered, until
from twin.access.tokens import TokenBook

HIDDEN = "/api/v1/points/little/hushmeter/temperature/latest"
STATUS = "/api/v1/status"
ALARM = "/api/v1/alarms/1/acknowledge"
SAID = {"who": "ana"}


@pytest.fixture
async def place(tmp_path, monkeypatch):
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setenv("BARRIO_SECRET_AGUAS", "shared")
    async with town(tmp_path) as found:
        yield found


@asynccontextmanager
async def served(place, hosts=()):
    """Serve the town on loopback as the process does; yields a client without a token."""
    listening = bind(Listen("127.0.0.1", 0))
    app = create_app(place.platform)
    server = Server(Door(app, place.platform, app.state.sights), listening, hosts)
    work = asyncio.create_task(server.run_until_stopped())
    async with httpx.AsyncClient(base_url=address(listening), trust_env=False, timeout=20) as http:
        try:
            yield http
        finally:
            server.stop()
            await work
            listening.close()


@contextmanager
def beside(place):
    """The book of tokens, as another process has it."""
    book = TokenBook(place.platform.folder.tokens)
    book.open()
    try:
        yield book
    finally:
        book.close()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def basic(user, password):
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


async def test_a_token_is_shown_as_bearer_or_as_password(place):
    """Whatever the user is called; another case of the scheme is the same scheme."""
    token = place.tokens["reader"]
    async with served(place) as http:
        shown = [
            bearer(token),
            {"Authorization": f"bearer {token}"},
            basic("anybody", token),
            basic("", token),
        ]
        found = [(await http.get(STATUS, headers=one)).status_code for one in shown]

    assert found == [200] * 4


@pytest.mark.parametrize(
    "shown",
    [
        bearer("barrio_000000000000_x"),
        bearer("barrio_"),
        bearer("x"),
        basic("None", "x"),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Digest username=x"},
        {"Authorization": "\xff\xfe"},
    ],
)
async def test_what_opens_nothing_is_said(place, shown):
    """401 with how to show a token, whatever is asked for, also what everybody may see."""
    async with served(place) as http:
        headers = {name: value.encode("latin-1") for name, value in shown.items()}
        answers = [await http.get(path, headers=headers) for path in (STATUS, "/healthz", "/nowhere")]

    assert {one.status_code for one in answers} == {401}
    assert all("realm=" in one.headers["WWW-Authenticate"] for one in answers)
    assert all(one.json()["title"] == "Unauthorized" for one in answers)


async def test_a_client_without_a_user_is_the_public(place):
    """`None:None` is what a client shows that was given none."""
    async with served(place) as http:
        found = (await http.get("/api/v1/session", headers=basic("None", "None"))).json()

    assert (found["name"], found["tier"], found["points"]) == ("public", "open", 1)


async def test_the_operators_token_of_before_the_start_opens_nothing(place):
    """It is made anew at every start."""
    async with served(place) as http:
        before = await http.get(STATUS, headers=bearer(OPERATOR))
        place.platform.token = "another"
        after = await http.get(STATUS, headers=bearer(OPERATOR))

    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_rate_is_said_and_kept(place, monkeypatch):
    """Everybody is told what is left; the public of one address waits together, a token waits alone."""
    monkeypatch.setattr(doors, "PUBLIC_PER_MINUTE", 3)
    async with served(place) as http:
        public = [await http.get("/healthz") for _ in range(4)]
        wrong = await http.get("/healthz", headers=bearer("wrong"))
        partner = await http.get("/healthz", headers=bearer(place.tokens["scoped"]))
        operator = await http.get("/healthz", headers=bearer(OPERATOR))

    assert [one.status_code for one in public] == [200, 200, 200, 429]
    assert [one.headers["X-RateLimit-Remaining"] for one in public] == ["2", "1", "0", "0"]
    assert int(public[3].headers["Retry-After"]) in range(1, 21)
    assert wrong.status_code == 429
    assert (partner.status_code, partner.headers["X-RateLimit-Limit"]) == (200, "100000")
    assert operator.status_code == 200
    assert "RateLimit" not in operator.headers


async def name_of(http):
    return (await http.get("/api/v1/session")).json()["name"]


async def begun(http, token=OPERATOR, **more):
    return await http.post("/api/v1/session", json={"token": token}, **more)


async def test_a_session_stands_for_its_token(place):
    """The cookie is for the server's eyes only, and opens what the token opens until it is ended."""
    async with served(place) as http:
        answer = await begun(http)
        inside = await http.get(STATUS)
        ended = await http.delete("/api/v1/session", headers={"Sec-Fetch-Site": "same-origin"})
        http.cookies.set(COOKIE, answer.cookies[COOKIE])
        after = await http.get(STATUS)

    said = answer.headers["set-cookie"].lower()
    assert all(word in said for word in ("httponly", "samesite=strict", "path=/", "max-age=43200"))
    assert (inside.status_code, ended.status_code, after.status_code) == (200, 200, 404)
    assert OPERATOR not in answer.text


async def test_a_session_ends_with_its_token(place):
    """A token that is revoked takes its sessions along."""
    async with served(place) as http:
        await begun(http, place.tokens["scoped"])
        before = await name_of(http)
        with beside(place) as book:
            book.revoke("scoped", "ana", 2)
        after = await answered(lambda: name_of(http), lambda name: name != before)

    assert (before, after) == ("scoped", "public")


async def test_a_login_code_works_once(place):
    """Whoever shows a token gets one; it opens what the token opens."""
    async with served(place) as http:
        code = (await http.post("/api/v1/session/codes", headers=bearer(place.tokens["reader"]))).json()[
            "code"
        ]
        first = await http.post("/api/v1/session", json={"code": code})
        http.cookies.clear()
        second = await http.post("/api/v1/session", json={"code": code})
        none = await http.post("/api/v1/session/codes")

    assert (first.status_code, first.json()["name"]) == (200, "reader")
    assert (second.status_code, none.status_code) == (401, 403)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "OWN"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_a_strangers_page_changes_nothing(place, headers, status):
    """A browser sends the cookie along; what changes something has to come from our own pages."""
    async with served(place) as http:
        await begun(http)
        own = str(http.base_url).rstrip("/")
        given = {name: value.replace("OWN", own) for name, value in headers.items()}
        answer = await http.post(ALARM, json=SAID, headers=given)
        read = await http.get(STATUS, headers=given)

    assert (answer.status_code, read.status_code) == (status, 200)


async def test_a_strangers_page_begins_no_session(place):
    """Nobody is signed in as somebody else."""
    async with served(place) as http:
        answer = await begun(http, headers={"Origin": "http://evil.example"})

    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def opened(http, headers):
    """Return the status with which a WebSocket is answered, 101 where it is accepted."""
    url = f"{str(http.base_url).replace('http', 'ws')}/api/v1/ws"
    try:
        async with connect(url, additional_headers=headers, open_timeout=10, proxy=None):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


async def test_websockets_pass_the_door(place, caplog):
    """They are refused before they are accepted: for a wrong token, a stranger's page, a name that is not ours."""
    async with served(place) as http:
        answer = await begun(http)
        cookie = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}
        own = str(http.base_url).rstrip("/")
        found = [
            await opened(http, bearer(OPERATOR)),
            await opened(http, bearer("wrong")),
            await opened(http, {**cookie, "Origin": own}),
            await opened(http, {**cookie, "Origin": "http://evil.example"}),
            await opened(http, cookie),
        ]
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        named = {**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Host": "evil.example"}
        found.append((await http.get("/api/v1/ws", headers={**bearer(OPERATOR), **named})).status_code)

    assert found == [101, 401, 101, 403, 403, 421]
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


async def test_a_surface_answers_to_the_names_that_it_was_given(place):
    """And to addresses and localhost; to no other name, with a port or without."""
    async with served(place, ["Barrio.example"]) as http:
        names = (
            "barrio.example",
            "barrio.example:8080",
            "localhost",
            "evil.example",
            "barrio.example.evil.example",
        )
        found = [(await http.get("/healthz", headers={"Host": name})).status_code for name in names]

    assert found == [200, 200, 200, 421, 421]


async def test_a_session_ends_with_the_secret_of_its_role(place, monkeypatch):
    """A role's token that was changed opens nothing any more, nor does what was begun with it."""
    monkeypatch.setenv("BARRIO_SECRET_ROLE_PARTNER", "the first one")
    place.platform.keys.load()
    async with served(place) as http:
        answer = await begun(http, "the first one")
        before = (await http.get("/api/v1/session")).json()["name"]
        monkeypatch.setenv("BARRIO_SECRET_ROLE_PARTNER", "the second one")
        place.platform.keys.load()
        after = (await http.get("/api/v1/session")).json()["name"]

    assert (answer.status_code, before, after) == (200, "partner", "public")


async def test_a_partner_writes_what_both_files_and_token_allow(place):
    """The token has the verb and sees the point, and commands.yaml names its role; else it is refused."""
    from twin.access.scope import Scope, Verb

    scope = Scope(districts=frozenset({"little"}), verbs=frozenset({Verb.READ, Verb.COMMAND}))
    with beside(place) as book:
        token = book.create("caretaker", scope, "ana", now_ns=1, expires=0)[0]
    keys = place.platform.keys
    await until(lambda: keys.find(token, time.time_ns()))
    body = {"point": "little/probe/level", "value": 40, "who": "ben", "lease": "1h"}
    async with served(place) as http:
        asked = [
            await http.post("/api/v1/commands", json={**body, **more}, headers=bearer(token))
            for more in ({}, {"point": "little/hushmeter/level"}, {"point": "hushtown/probe/level"})
        ]
        seen = (await http.get("/api/v1/commands", headers=bearer(token))).json()["commands"]

    assert [one.status_code for one in asked] == [200, 403, 404]
    assert [(one["point"], one["roles"]) for one in seen] == [
        ("little/hushmeter/level", ["partner"]),
        ("little/probe/level", ["partner"]),
    ]


async def test_what_people_do_is_in_the_audit_log(place):
    """Tokens that were made, and alarms that somebody acknowledged, with who asked for it."""
    async with served(place) as http:
        await http.post(ALARM, json=SAID, headers=bearer(OPERATOR))
        entries = (
            await http.get("/api/v1/audit", params={"from": "1970-01-02"}, headers=bearer(OPERATOR))
        ).json()
        verdict = (await http.get("/api/v1/audit/verify", headers=bearer(OPERATOR))).json()

    steps = {(one["step"], one.get("who")) for one in entries["entries"]}
    assert ("alarm_acknowledged", "operator") in steps
    assert verdict["sound"]
