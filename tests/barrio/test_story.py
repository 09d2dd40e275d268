"""What the demo does by itself, and how it is written down and shown."""

import asyncio
import io
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from barrio.assembly import load_all, profiles_folder
from barrio.demo.chronicle import Chronicle, grouped, named
from barrio.demo.panel import is_alive, panel
from barrio.demo.story import FAULTS, Operator, faults_of
from barrio.simulator.faults import parse_faults
from connectors.registry import Connectors
from twin.alarms.alarm import Key
from twin.alarms.change import Standing
from twin.alarms.states import State
from twin.commands.command import Command, Refusal, Why
from twin.commands.command import State as Stage
from twin.commands.standing import Standing as Desired
from twin.services.request import Request, Step
from twin.services.request import State as Supplied

NS = 1_000_000_000


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.s = 0.0

    def monotonic_s(self):
        return self.s

    def now_ns(self):
        return round(self.s * NS)


def alarm(number=1, state=State.ACTIVE, count=0, words="cabinet-1 is not heard", priority="high"):
    """An alarm that stands."""
    return Standing(
        number=number,
        key=Key("d", "cabinet-silent", "cabinet-1"),
        state=state,
        active=state is not State.RETURNED,
        since=0,
        at=0,
        priority=priority,
        what="d/cabinet-1",
        words=words,
        count=count,
    )


def held(lamp, value=40.0, until=0, differs=None):
    """A lamp of which something is desired."""
    return Desired(f"d/{lamp}/dimming", "%", value, 8, 1, "op", 0, until, value, 0, differs, 0, "", 100.0, ())


class Town:
    """A platform whose living parts are what the test says."""

    def __init__(self):
        self.clock = Clock()
        self.alarms: list[Standing] = []
        self.requests: list[Request] = []
        self.desired: list[Desired] = []
        self.live = SimpleNamespace(value=[40.0, 40.0])
        points = {
            f"d/lamp-{number}/dimming": SimpleNamespace(id=number - 1, point=SimpleNamespace(states={}))
            for number in (1, 2)
        }
        self.catalogue = SimpleNamespace(points=points, states={})
        watch = SimpleNamespace(last=None, request=None, tank=SimpleNamespace(name="Cisterna"))
        self.watch = watch
        self.living = SimpleNamespace(
            alarms=SimpleNamespace(standing=lambda: self.alarms),
            services=SimpleNamespace(supply=SimpleNamespace(tanks={"d/c/water": watch})),
            commander=SimpleNamespace(desired=lambda: self.desired),
        )

    def at(self, second, chronicle):
        self.clock.s = second
        chronicle.look()


@pytest.fixture
def stage():
    """A platform that is quiet."""
    return Town()


@pytest.fixture
def chronicle(stage):
    """Its chronicle."""
    return Chronicle(stage)


def said(chronicle):
    return [(entry.at_s, entry.words) for entry in chronicle.entries]


def test_an_alarm_is_written_down_when_it_changes_and_with_what_it_stands_for(stage, chronicle):
    """Raised, then once more when the number below it is steady, acknowledged, returned; repeated looks add nothing."""
    stage.alarms = [alarm()]
    stage.at(5, chronicle)
    stage.at(6, chronicle)
    for second, count in ((10, 3), (11, 10), (13, 10), (16, 10), (17, 10)):
        stage.alarms = [alarm(count=count)]
        stage.at(second, chronicle)
    stage.alarms = [alarm(state=State.ACKNOWLEDGED, count=10)]
    stage.at(20, chronicle)
    stage.alarms = []
    stage.at(25, chronicle)

    assert said(chronicle) == [
        (5, "active: cabinet-1 is not heard"),
        (16, "active: cabinet-1 is not heard (10 below)"),
        (20, "acknowledged: cabinet-1 is not heard (10 below)"),
        (25, "cabinet-1 is not heard: normal again"),
    ]
    assert [entry.more.get("count") for entry in chronicle.entries] == [0, 10, 10, None]


def test_what_is_explained_is_not_told_by_itself(stage, chronicle):
    """A suppressed alarm is no entry; one that finds its cause later says so."""
    stage.alarms = [alarm(1, State.SUPPRESSED), alarm(2, words="lamp-01 is not heard")]
    stage.at(1, chronicle)
    stage.alarms = [alarm(1, State.SUPPRESSED), alarm(2, State.SUPPRESSED, words="lamp-01 is not heard")]
    stage.at(2, chronicle)

    assert said(chronicle) == [
        (1, "active: lamp-01 is not heard"),
        (2, "lamp-01 is not heard: explained by its cause"),
    ]


def test_each_step_of_a_request_is_written_down_once(stage, chronicle):
    """Also those that were made between two looks, and the last ones when it has ended."""
    first = Request(7, "d/c/water", "s", "water", 0, 0, "level", 20.0, 90.0, 30.0, None)
    steps = [
        Step(0, Supplied.REQUESTED, "barrio", "low"),
        Step(1, Supplied.ACKNOWLEDGED, "s", "P-1"),
        Step(2, Supplied.CLOSED, "barrio", "delivered"),
    ]
    stage.watch.request = replace(first, steps=tuple(steps[:2]))
    stage.at(1, chronicle)
    stage.at(2, chronicle)
    stage.watch.request, stage.watch.last = None, replace(first, steps=tuple(steps))
    stage.at(3, chronicle)

    assert said(chronicle) == [
        (1, "request 7 requested: low"),
        (1, "request 7 acknowledged: P-1"),
        (3, "request 7 closed: delivered"),
    ]
    assert {entry.what for entry in chronicle.entries} == {"d/c"}


def test_commands_for_many_points_are_one_line(stage, chronicle):
    """Points that are held alike are told together, when they are taken and when they are given back."""
    stage.desired = [held("lamp-1"), held("lamp-2")]
    stage.at(1, chronicle)
    stage.desired = []
    stage.at(9, chronicle)
    stage.live.value = [100.0, 40.0]
    stage.at(10, chronicle)
    stage.live.value = [100.0, 99.8]
    stage.at(11, chronicle)

    assert said(chronicle) == [
        (1, "dimming is held at 40 % by op"),
        (9, "dimming is given back, it was held at 40 % by op"),
        (11, "dimming is as it was before"),
    ]
    assert chronicle.entries[0].as_json() == {
        "at_s": 1,
        "kind": "command",
        "what": "lamp-1 … lamp-2",
        "words": "dimming is held at 40 % by op",
        "point": "dimming",
        "points": ["d/lamp-1/dimming", "d/lamp-2/dimming"],
    }


def test_a_chronicle_is_bounded(stage, chronicle):
    """A flood fills it, and no more."""
    for number in range(600):
        chronicle.add("alarm", "x", str(number))

    assert len(chronicle.entries) == 500


def test_points_are_grouped_by_what_is_wanted_of_them():
    """Name, value and holder make a group; one point alone has its own name."""
    groups = dict(grouped([held("lamp-1"), held("lamp-2", 60.0), held("lamp-3")]))

    assert {key: len(group) for key, group in groups.items()} == {
        ("dimming", "40 % by op"): 2,
        ("dimming", "60 % by op"): 1,
    }
    assert named(["d/lamp-2/dimming"]) == "lamp-2"


def drawn(stage, width=110):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(panel(stage.living, stage.clock.now_ns()))
    return console.export_text()


def test_the_panel_shows_what_stands(stage):
    """Alarms with what hangs below them, the request with its reference, commands with the rest of their lease."""
    request = Request(7, "d/c/water", "s", "water", 0, 0, "level", 20.0, 90.0, 30.0, None, reference="P-1")
    stage.watch.request = request
    stage.alarms = [alarm(2, priority="low", words="a lamp [x]"), alarm(1, count=10)]
    stage.desired = [held("lamp-1", until=12 * NS), held("lamp-2", until=12 * NS, differs=True)]
    text = drawn(stage)

    assert "high     active       10 below: cabinet-1 is not heard" in text
    assert text.index("cabinet-1") < text.index("a lamp [x]")
    assert "requested P-1 request 7: 30 m3 of water for Cisterna" in text
    assert "lamp-1 … lamp-2 dimming 40 % by op, 12 s left (1 differ)" in text


def test_a_flood_of_alarms_leaves_the_panel_as_high_as_it_was(stage):
    """The gravest are shown, the rest are counted; nothing is wider than the screen."""
    stage.alarms = [alarm(number, words="long " * 60) for number in range(1, 300)]
    lines = drawn(stage, 100).splitlines()

    assert lines[0].startswith("alarms 299 ")
    assert len(lines) <= 8
    assert max(map(len, lines)) <= 100


def test_a_quiet_district_says_so(stage):
    """Nothing stands, nothing is shown but that; without rules there is no panel."""
    nobody: Any = SimpleNamespace(alarms=None, services=None, commander=None)

    assert drawn(stage).count("none") == 3
    assert is_alive(stage.living)
    assert not is_alive(nobody)


@pytest.fixture(scope="module")
def maderas(tmp_path_factory):
    """The demo district."""
    here = tmp_path_factory.mktemp("maderas")
    return load_all(["ciudad-maderas"], here, Connectors(), profiles_folder())[0]


def test_the_story_is_about_the_demo_district(maderas):
    """Its faults are those of the district; a district without what they are about has no story."""
    assert faults_of(maderas) == FAULTS
    assert len(parse_faults(FAULTS, maderas)) == 2
    assert faults_of(replace(maderas, devices={})) == ()
    assert faults_of(replace(maderas, commands=None)) == ()


class Commanding:
    """A commander that takes everything."""

    def __init__(self):
        self.asked = []
        self.confirmed = []

    async def ask(self, asked):
        self.asked.append(asked)
        code = "123456" if asked.path.endswith("contactor") else ""
        stage = Stage.PREPARED if code else Stage.CONFIRMED
        return Command(len(self.asked), asked.path, asked.value, asked.who, [], "", 8, stage, 0, 0, code=code)

    async def confirm(self, number, code, who, roles):
        self.confirmed.append((number, code))
        asked = self.asked[number - 1]
        return Command(number, asked.path, asked.value, who, sorted(roles), "", 8, Stage.CONFIRMED, 0, 0)


async def test_the_operator_confirms_and_dims_with_a_lease(stage, chronicle, maderas):
    """The contactor in two steps, then the ten lamps of its street, each for a time."""
    commander = stage.living.commander = Commanding()
    operator = Operator(stage, maderas, chronicle)
    words = [await operator.light(), await operator.dim()]

    assert commander.confirmed == [(1, "123456")]
    assert [one.path for one in commander.asked[1:]] == [
        f"ciudad-maderas/lamp-{number}/dimming" for number in range(11, 21)
    ]
    assert {(one.value, one.lease_s) for one in commander.asked[1:]} == {(40.0, 25.0)}
    assert words == [
        "cabinet-2/contactor closed, confirmed with a code, for 60 s: confirmed",
        "10 lamps of oriente-sur to 40 % for 25 s: confirmed",
    ]


async def test_a_refusal_is_part_of_the_story(stage, chronicle, maderas):
    """A commander that refuses ends nothing: its words are written down."""

    async def refuses(*_):
        raise Refusal(Why.TOO_LATE, "command 1 was to be confirmed within 60 s: ask again")

    stage.living.commander = Commanding()
    stage.living.commander.confirm = refuses
    stage.living.alarms = None
    stage.clock.s = 55.0
    task = asyncio.create_task(Operator(stage, maderas, chronicle).run())
    await asyncio.sleep(0.05)

    assert not task.done()
    assert chronicle.entries[-1].words == "command 1 was to be confirmed within 60 s: ask again"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_operator_without_a_job_says_so(stage, chronicle, maderas):
    """Where nothing takes commands or raises alarms the story goes on."""
    stage.living = SimpleNamespace(alarms=None, services=None, commander=None)
    operator = Operator(stage, maderas, chronicle)

    assert await operator.acknowledge() == "there are no alarms to acknowledge"
    assert "there is nobody who takes commands" in await operator.light()
    assert "there is nobody who takes commands" in await operator.dim()


async def test_the_operator_acts_in_time_and_then_waits(stage, chronicle, maderas):
    """Nothing before its time, everything once after it; the task ends by cancellation."""
    stage.living.commander = commander = Commanding()
    stage.living.alarms = None
    early = asyncio.create_task(Operator(stage, maderas, chronicle).run())
    await asyncio.sleep(0.05)
    before = len(commander.asked)
    early.cancel()
    stage.clock.s = 1_000.0
    late = asyncio.create_task(Operator(stage, maderas, chronicle).run())
    await asyncio.sleep(0.05)

    assert (before, len(commander.asked)) == (0, 11)
    assert [entry.kind for entry in chronicle.entries] == ["operator"] * 3
    assert not late.done()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late


def test_the_page_has_what_its_commands_answered():
    """Every block of docs/story.md was written by tools/story.py, below the command that it names."""
    page = (Path(__file__).parents[2] / "docs" / "story.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- story: \w+(?:, \d+ lines)?: ([^\n]+) -->\n```text\n(.*?)```", page, re.DOTALL)
    shown = [(command.split(" --at")[0], text.splitlines()[0]) for command, text in blocks]

    assert len(blocks) == page.count("<!-- story: ") > 8
    assert all(first.startswith(f"$ {command}") for command, first in shown if command != "story")
    assert all(len(text.splitlines()) > 1 for _, text in blocks)
