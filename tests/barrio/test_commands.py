"""Commands over HTTP and from the command line, to a link that writes as a test says."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.commands import steer
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.abilities import Done, Outcome
from connectors.registry import Connectors
from tests.barrio.scripted import PATIENCE_S, ScriptedConnector, staged
from twin.audit import Audit
from twin.clock import SystemClock
from twin.errors import TransientError

TOKEN = "let-me"
PROFILE = """\
profile: thing
protocol: scripted
kind: Thing
points:
  temperature: {quantity: air_temperature, slot: 0}
  dimming: {quantity: dimming_level, slot: 1, scale: 0.5, writable: yes}
  pump: {quantity: pump_state, slot: 2, states: {0: "off", 1: "on"}, writable: yes}
"""
RULES = """\
roles: [lighting]
commands:
  - id: dim
    for: {kind: Thing}
    point: dimming
    roles: [operator, lighting]
    minimum: 20 %
  - id: pump
    on: probe
    point: pump
    confirm: {within: 60s}
    interlocks: [{must: temperature > 4 Cel, because: it would freeze}]
schedules:
  - id: night
    on: meter
    point: dimming
    at: [{from: "00:00", until: "24:00", value: 60 %}]
"""
DIM = "little/probe/dimming"
PUMP = "little/probe/pump"


def writes(link):
    """Let a link write; returns the raw values that it was given, by point."""
    given = []
    link.answers = {}

    async def write(settings):
        found = []
        for setting in settings:
            answer = link.answers.get(setting.point.point.name)
            if isinstance(answer, BaseException):
                raise answer
            given.append((setting.point.point.name, setting.raw))
            found.append(answer(setting) if answer else Outcome(setting, Done.WRITTEN, setting.raw))
        return found

    link.write = write
    return given


class Commanded:
    """A stage whose links write; `given` are the raw values that each was given."""

    def __init__(self, stage):
        self.platform, self.links, self.http, self.settled = (
            stage.platform,
            stage.links,
            stage.http,
            stage.settled,
        )
        self.given = {name: writes(link) for name, link in stage.links.items()}


@asynccontextmanager
async def commanded(folder, rules=RULES):
    """A stage whose devices take commands."""
    (folder / "little").mkdir()
    (folder / "little" / "commands.yaml").write_text(rules)
    async with staged(folder, profile=PROFILE) as stage:
        stage.platform.token = TOKEN
        yield Commanded(stage)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)


async def post(stage, path="", token=TOKEN, **body):
    """Post to a route below /api/v1/commands."""
    headers = {"Authorization": f"Bearer {token}"}
    return await stage.http.post(f"/api/v1/commands{path}", json=body, headers=headers)


async def get(stage, path, **query):
    answer = await stage.http.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_command_reaches_the_device(tmp_path):
    """In the raw numbers of the wire; the answer says what was read back."""
    async with commanded(tmp_path) as stage:
        await stage.links["probe"].give("dimming", 180)
        await stage.settled()
        answer = await post(stage, point=DIM, value="40 %", who="ana", why="film", lease="15m")
        body = answer.json()

        assert answer.status_code == 200
        assert stage.given["probe"] == [("dimming", 80.0)]
        assert {key: body[key] for key in ("state", "value", "unit", "before", "read_back", "lease_s", "why")} == {
            "state": "confirmed", "value": 40.0, "unit": "%", "before": 90.0, "read_back": 40.0, "lease_s": 900.0,
            "why": "film",
        }  # fmt: skip
        assert (await get(stage, f"commands/{body['id']}"))["state"] == "confirmed"
        desired = {one["point"]: one for one in (await get(stage, "desired"))["desired"]}
        assert (desired[DIM]["value"], desired[DIM]["reported"], desired[DIM]["differs"]) == (
            40.0,
            40.0,
            False,
        )


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"point": "little/probe/temperature"}, 403, "read_only"),
        ({"point": "little/probe/dimmer"}, 404, "unknown_point"),
        ({"point": "little/meter/pump"}, 403, "not_listed"),
        ({"value": 10}, 422, "limits"),
        ({"value": "warm"}, 422, "value"),
        ({"priority": 2}, 422, "priority"),
        ({"expect": 50}, 409, "expectation"),
        ({"point": PUMP, "value": "on"}, 409, "interlock"),
    ],
)
async def test_refusals_are_problems_with_a_reason(tmp_path, body, status, reason):
    """A slug for programs, words for people, the command beside."""
    async with commanded(tmp_path) as stage:
        answer = await post(stage, **{"point": DIM, "value": 40, "who": "ana", **body})
        found = answer.json()

        assert (answer.status_code, found["reason"]) == (status, reason)
        assert answer.headers["content-type"] == "application/problem+json"
        assert found["command"]["words"] == found["detail"]
        assert stage.given["probe"] == []


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"value": 40}, "who"),
        ({"who": "ana"}, "value"),
        ({"value": 40, "who": "ana", "lease": "soon"}, "lease"),
        ({"value": 40, "who": "ana", "colour": "red"}, "colour"),
        ({"value": 40, "who": "ana", "points": [DIM]}, "points"),
        ({"value": 40, "who": "ana", "point": []}, "point"),
    ],
)
async def test_bodies_that_are_none(tmp_path, body, parameter):
    """They are the mistake of who asks, and named."""
    async with commanded(tmp_path) as stage:
        answer = await post(stage, **{"point": DIM, **body})

        assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_nobody_commands_without_a_token(tmp_path, token):
    """Not even what a district allows."""
    async with commanded(tmp_path) as stage:
        answers = [
            await post(stage, token=token, point=DIM, value=40, who="ana"),
            await post(stage, "/release", token=token, point=DIM, who="ana"),
            await post(stage, "/1/confirm", token=token, code="1", who="ana"),
            await post(stage, "/1/cancel", token=token, who="ana"),
        ]

        assert {answer.status_code for answer in answers} == {401}
        assert stage.given["probe"] == []


async def test_a_role_has_a_token_of_its_own(tmp_path, monkeypatch):
    """With it somebody writes what the role may, and nothing else; it stands on record."""
    monkeypatch.setenv("BARRIO_SECRET_ROLE_LIGHTING", "lights-only")
    async with commanded(tmp_path) as stage:
        dimmed = await post(stage, token="lights-only", point=DIM, value=40, who="ana")
        pumped = await post(stage, token="lights-only", point=PUMP, value="on", who="ana")
        entries = (await get(stage, "audit"))["entries"]

        assert dimmed.json()["roles"] == ["lighting"]
        assert (pumped.status_code, pumped.json()["reason"]) == (403, "role")
        assert {tuple(one.get("roles", ())) for one in entries if one["step"] == "refused"} == {("lighting",)}


async def test_two_steps(tmp_path):
    """The code is in the answer to who asked, and nowhere else."""
    async with commanded(tmp_path) as stage:
        await stage.links["probe"].give("temperature", 20)
        await stage.settled()
        prepared = (await post(stage, point=PUMP, value="on", who="ana")).json()
        shown = await get(stage, f"commands/{prepared['id']}")
        wrong = await post(stage, f"/{prepared['id']}/confirm", code="nothing", who="ben")
        right = await post(stage, f"/{prepared['id']}/confirm", code=prepared["code"], who="ben")
        again = await post(stage, f"/{prepared['id']}/confirm", code=prepared["code"], who="ben")

        assert (prepared["state"], shown["state"], "code" in shown) == ("prepared", "prepared", False)
        assert (wrong.status_code, wrong.json()["reason"]) == (403, "wrong_code")
        assert (right.json()["state"], right.json()["confirmed_by"]) == ("confirmed", "ben")
        assert (again.status_code, again.json()["reason"]) == (409, "not_prepared")
        assert stage.given["probe"] == [("pump", 1)]


async def test_a_command_is_taken_back(tmp_path):
    """As long as nobody has confirmed it."""
    async with commanded(tmp_path) as stage:
        await stage.links["probe"].give("temperature", 20)
        await stage.settled()
        prepared = (await post(stage, point=PUMP, value="on", who="ana")).json()
        answer = await post(stage, f"/{prepared['id']}/cancel", who="ana")

        assert answer.json()["state"] == "cancelled"
        assert (await get(stage, "commands", state="cancelled"))["commands"][0]["id"] == prepared["id"]


async def test_a_point_is_released(tmp_path):
    """The answer says what brings its value back; a second release has nothing to give."""
    async with commanded(tmp_path) as stage:
        await stage.links["probe"].give("dimming", 180)
        await stage.settled()
        await post(stage, point=DIM, value=40, who="ana")
        released = await post(stage, "/release", point=DIM, who="ben", why="done")
        again = await post(stage, "/release", point=DIM, who="ben")

        assert released.status_code == 200
        assert stage.given["probe"] == [("dimming", 80.0), ("dimming", 180.0)]
        assert (again.status_code, again.json()["reason"]) == (409, "nothing_held")


async def test_many_points_at_once(tmp_path):
    """By pattern or by list: an answer each, and how many were refused."""
    async with commanded(tmp_path) as stage:
        stage.links["meter"].answers["dimming"] = lambda setting: Outcome(
            setting, Done.REFUSED, None, "too hot"
        )
        body = (await post(stage, point="little/*/dimming", value=40, who="ana")).json()
        listed = (await post(stage, point=[DIM, "little/probe/temperature"], value=50, who="ana")).json()
        nothing = await post(stage, point="little/*/brightness", value=40, who="ana")

        states = {one["point"]: (one["state"], one["words"]) for one in body["commands"]}
        assert states == {DIM: ("confirmed", ""), "little/meter/dimming": ("rejected", "too hot")}
        assert (listed["asked"], listed["refused"]) == (2, 1)
        assert [one["reason"] for one in listed["commands"]] == ["", "read_only"]
        assert nothing.status_code == 404


async def test_what_the_device_or_the_link_says(tmp_path):
    """A refusal of the device is a conflict in its words, a link that is away a 503."""
    async with commanded(tmp_path) as stage:
        link = stage.links["probe"]
        link.answers["dimming"] = lambda setting: Outcome(setting, Done.REFUSED, None, "exception 2")
        refused = await post(stage, point=DIM, value=40, who="ana")
        link.answers["dimming"] = TransientError("probe", "reset by peer")
        away = await post(stage, point=DIM, value=40, who="ana")
        del link.write
        unable = await post(stage, point=DIM, value=40, who="ana")

        assert (refused.status_code, refused.json()["detail"]) == (409, "the device refused it: exception 2")
        assert (away.status_code, away.json()["reason"]) == (503, "link_down")
        assert "reset by peer" in away.json()["detail"]
        assert (unable.status_code, "takes no commands" in unable.json()["detail"]) == (503, True)


async def test_a_link_that_never_comes_back(tmp_path, monkeypatch):
    """What it did with the write is not known."""
    monkeypatch.setattr("barrio.living.hands.LONGEST_S", 0.05)
    async with commanded(tmp_path) as stage:

        async def hang(settings):
            await asyncio.Event().wait()

        stage.links["probe"].write = hang
        body = (await post(stage, point=DIM, value=40, who="ana")).json()

        assert (body["state"], "did not come back" in body["words"]) == ("unknown", True)


async def test_programmes_are_shown_and_applied(tmp_path):
    """What they want now, and of which points."""
    async with commanded(tmp_path) as stage:
        async with asyncio.timeout(PATIENCE_S):
            while not stage.given["meter"]:  # noqa: ASYNC110 - the platform ticks by itself
                await asyncio.sleep(0.05)
        [schedule] = (await get(stage, "schedules"))["schedules"]

        assert stage.given["meter"] == [("dimming", 120.0)]
        assert (schedule["schedule"], schedule["points"]) == ("night", ["little/meter/dimming"])
        assert (schedule["now"]["value"], schedule["unit"], schedule["next"]) == (60.0, "%", [])


async def test_the_audit_log_is_verified(tmp_path):
    """While it is written, and one changed byte is found."""
    async with commanded(tmp_path) as stage:
        await post(stage, point=DIM, value=40, who="ana")
        sound = await get(stage, "audit/verify")
        log = stage.platform.folder.audit
        log.write_bytes(log.read_bytes().replace(b'"ana"', b'"eva"', 1))
        broken = await get(stage, "audit/verify")

        assert (sound["sound"], sound["lines"]) == (True, sound["lines"])
        assert (broken["sound"], "it was changed" in broken["words"]) == (False, True)


async def test_no_rules_no_commands(stage):
    """A district without commands.yaml has nothing that may be written, and says so."""
    stage.platform.token = TOKEN
    answer = await post(stage, point="little/probe/temperature", value=1, who="ana")

    assert (answer.status_code, "commands.yaml" in answer.json()["detail"]) == (404, True)


async def test_at_rest_questions_are_answered(tmp_path):
    """What was desired and asked for is read from the files; nothing can be told to a device, and nothing changes."""
    async with commanded(tmp_path) as stage:
        body = (await post(stage, point=DIM, value=40, who="ana", lease="1h")).json()
    log = (tmp_path / "data" / "audit.log").read_bytes()
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    districts = load_all([str(tmp_path / "little")], Path(), connectors, tmp_path)
    settings = Settings(data=tmp_path / "data")
    async with Platform(districts, settings, connectors, SystemClock(), at_rest=True) as platform:
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            desired = (await http.get("/api/v1/desired", params={"under": "little/probe"})).json()["desired"]
            found = (await http.get(f"/api/v1/commands/{body['id']}")).json()
            told = await http.post("/api/v1/commands", json={"point": DIM, "value": 1, "who": "ana"})

    assert [one["value"] for one in desired] == [40.0]
    assert found["state"] == "confirmed"
    assert (told.status_code, told.json()["reason"]) == (503, "stopping")
    assert (tmp_path / "data" / "audit.log").read_bytes() == log


async def test_so_many_patterns_at_once(tmp_path):
    """Each is compared with all that may be written, while everybody else waits."""
    async with commanded(tmp_path) as stage:
        few = await post(stage, point=["*/*/dimming"] * 10, value=40, who="ana")
        many = await post(stage, point=["*/*/dimming"] * 11, value=40, who="ana")

    assert few.json()["asked"] == 2
    assert (many.status_code, many.json()["parameter"]) == (400, "point")


@pytest.mark.parametrize("level", [10**30, -(10**30), 2**63, True, "x", 8.5])
async def test_a_priority_that_no_book_holds_is_refused(tmp_path, level):
    """It is not taken as far as the journal, whose failure would end the platform; nothing else is harmed."""
    async with commanded(tmp_path) as stage:
        answer = await post(stage, point=DIM, value=40, who="ana", priority=level)
        released = await post(stage, "/release", point=DIM, priority=level, who="ana")
        after = await post(stage, point=DIM, value=40, who="ana")

    assert (answer.status_code, answer.json()["parameter"]) == (400, "priority")
    assert (released.status_code, released.json()["parameter"]) == (400, "priority")
    assert after.status_code == 200


@pytest.mark.parametrize("key", ["value", "lease", "expect"])
@pytest.mark.parametrize("truth", [True, False])
async def test_truth_is_no_number(tmp_path, key, truth):
    """True is not 1 %, and false is not a lease that never ends."""
    async with commanded(tmp_path) as stage:
        answer = await post(stage, **{"point": DIM, "value": 40, "who": "ana", key: truth})

    assert (answer.status_code, answer.json()["parameter"]) == (400, key)
    assert "a number or a text is meant" in answer.json()["detail"]


def test_the_log_is_verified_without_a_platform(tmp_path):
    """The command reads the file itself, and says where it is wrong."""
    data = tmp_path / "data"
    data.mkdir()
    log = Audit(data / "audit.log")
    log.open()
    log.append(
        [{"at": "2026-03-10T12:00:00.000000Z", "step": "accepted", "who": "ana", "path": DIM, "value": 40.0}]
    )
    log.close()
    settings = Settings(data=data)
    words, sound = steer.verify(settings)
    shown = steer.audit(settings, "2026-03-10", "2026-03-11", 10, machine=False)
    log.path.write_bytes(log.path.read_bytes().replace(b"ana", b"eva"))
    broken, unsound = steer.verify(settings)

    assert (sound, words.startswith("sound: 1 lines, head ")) == (True, True)
    assert "accepted" in shown
    assert (unsound, broken.splitlines()[0].startswith("NOT SOUND: line 1 does not fit")) == (False, True)
