"""Every query of every dashboard answers: on a real InfluxDB that holds a simulated week, asked as Grafana asks."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.alerts import rule_groups
from dashboards.generate import Options
from dashboards.preview.ask import (
    Answer,
    AskedDashboard,
    Asker,
    ask,
    interval_of,
    panels_of,
    source_of,
    zone_of,
)
from dashboards.preview.interpolate import chosen, interpolate
from dashboards.preview.span import Span, moment, panel_span
from tests.dashboards.districts import demo
from tests.dashboards.loaded import boards
from tests.dashboards.queries import declared, is_let_through, names, reads, resolution_of
from twin.facts import MEASUREMENTS

MAY_BE_EMPTY: dict[tuple[str, str], str] = {}
"""Panels that find nothing in the week, by page and title, with the reason. It can only become shorter."""

RANGES = ("now-24h", "now-7d")
LONG = ("now-1h", "now-6h", "now-2d", "now-30d", "now-90d", "now-365d", "now-5y")
DAY_MS = 86_400_000
CHOSEN = {"device": {"device": "cistern-c1"}}
"""What is chosen on a page instead of what it opens with: the tank that has something to tell."""
BOARDS = {one.name: one for one in boards()}
SPANISH = {
    one.name: one
    for one in boards("es")
    if [t.get("query") for p in panels_of(one.json) for t in p.get("targets", ())]
    != [t.get("query") for p in panels_of(BOARDS[one.name].json) for t in p.get("targets", ())]
}
every_board = pytest.mark.parametrize("name", BOARDS)


@pytest.fixture(scope="module")
def asker(week):
    with Asker(week.sources) as found:
        yield found


@pytest.fixture(scope="module")
def asked(week, asker):
    """What a dashboard is answered, once for each range."""
    known: dict[tuple[str, str], AskedDashboard] = {}

    def answer(name: str, start: str) -> AskedDashboard:
        if (name, start) not in known:
            known[name, start] = ask(
                BOARDS[name].json, asker, week.now_ms, start, "now", CHOSEN.get(page_of(name))
            )
        return known[name, start]

    return answer


def page_of(name: str) -> str:
    return name.removeprefix("ciudad-maderas-")


def failed(answers: list[tuple[str, Answer]]) -> list[str]:
    return [f"{title}: {one.error}\n    {one.query}" for title, one in answers if one.error]


def everything(found: AskedDashboard) -> list[tuple[str, Answer]]:
    return [
        *((str(panel.panel.get("title")), answer) for panel in found.panels for answer in panel.answers),
        *found.annotations,
    ]


def targets() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    return [
        (name, panel, target)
        for name, board in BOARDS.items()
        for panel in panels_of(board.json)
        for target in panel.get("targets", ())
        if "query" in target
    ]


@every_board
@pytest.mark.parametrize("start", [*RANGES, *LONG])
def test_no_query_fails(name, start, asked):
    """Every query of panels and annotations is understood, over an hour as over five years."""
    assert not failed(everything(asked(name, start)))


def test_no_query_fails_in_spanish(week, asker):
    """Queries that differ by language are understood in the other one as well."""
    for board in SPANISH.values():
        assert not failed(everything(ask(board.json, asker, week.now_ms, "now-7d", "now")))


@every_board
@pytest.mark.parametrize("start", RANGES)
def test_every_panel_finds_something(name, start, asked):
    """A panel shows data of a day and of a week, but for those that stand in the list with their reason."""
    empty = [
        str(panel.panel["title"])
        for panel in asked(name, start).panels
        if panel.answers and all(one.is_empty for one in panel.answers)
    ]

    assert [title for title in empty if (page_of(name), title) not in MAY_BE_EMPTY] == []


def test_the_list_of_empty_panels_only_shrinks(asked):
    """A panel of the list that finds something over a day and over a week does not belong there any more."""
    stale = []
    for page, title in MAY_BE_EMPTY:
        name = next((one for one in BOARDS if page_of(one) == page), "")
        found = (
            [
                panel
                for start in RANGES
                for panel in asked(name, start).panels
                if panel.panel["title"] == title
            ]
            if name
            else []
        )
        if not any(all(one.is_empty for one in panel.answers) for panel in found):
            stale.append((page, title))

    assert stale == []


@every_board
def test_one_resolution_answers(name):
    """Whatever range is chosen, the same number of a panel's queries is let through: of each, its one resolution."""
    board = BOARDS[name].json
    zone, now = zone_of(board), 1_795_000_000_000
    wrong = []
    for panel in panels_of(board):
        queries = [one["query"] for one in panel.get("targets", ()) if "query" in one]
        counts = {}
        for start in (*RANGES, *LONG):
            span = panel_span(panel, Span(moment(start, now, zone), now), now, zone)
            interval = interval_of(panel, span, {})
            texts = [interpolate(one, span, interval, chosen(board)) for one in queries]
            counts[start] = sum(map(is_let_through, texts))
        if queries and (0 in counts.values() or len(set(counts.values())) > 1):
            wrong.append((panel["title"], counts))

    assert wrong == []


@every_board
def test_queries_read_what_the_twin_stores(name):
    """Measurements, tags, fields and states of a query are those that the twin declares, in the database it asks."""
    district = demo()
    known, wrong = declared(district), []
    for board, panel, target in targets():
        if board != name:
            continue
        where = resolution_of(source_of(panel, target, chosen(BOARDS[name].json)), district.id)
        allowed: set[str] = set()
        for measurement, _ in reads(target["query"]):
            columns = known.columns(measurement, where)
            if columns is None:
                wrong.append(f"{panel['title']}: there is no {measurement} in {where}")
            allowed |= columns or set()
        wrong += [
            f"{panel['title']}: {one} in {where}: {target['query']}"
            for one in sorted(names(target["query"]) - allowed)
        ]

    assert wrong == []


@every_board
def test_no_query_reads_without_a_bound_in_time(name):
    """Whatever a query reads, it says from when on, so that years of history cost nothing."""
    unbound = [
        f"{panel['title']}: {target['query']}"
        for board, panel, target in targets()
        if board == name
        for _, rest in reads(target["query"])
        if "$timeFilter" not in rest and "time >" not in rest
    ]

    assert unbound == []


def test_every_fact_is_shown_somewhere():
    """Each kind of fact that barrio tells is read by some panel or annotation."""
    texts = [target["query"] for _, _, target in targets()]
    texts += [
        str(one.get("target", {}).get("query", ""))
        for board in BOARDS.values()
        for one in board.json.get("annotations", {}).get("list", ())
    ]

    assert [name for name in MEASUREMENTS if not any(f'"{name}"' in text for text in texts)] == []


def test_alert_rules_ask_what_is_there(week, asker):
    """The queries of alert rules are understood, and find what a running platform tells."""
    answers = []
    for group in rule_groups([demo()], Options()):
        for rule in group.rules:
            for step in rule.json["data"]:
                if step["datasourceUid"] != "__expr__":
                    span = Span(week.now_ms - 1000 * step["relativeTimeRange"]["from"], week.now_ms)
                    text = interpolate(step["model"]["query"], span, step["model"]["intervalMs"])
                    answers.append((rule.title, asker.ask(step["datasourceUid"], text, step["model"], 1000)))

    assert answers
    assert not failed(answers)
    assert [title for title, one in answers if one.is_empty] == []
