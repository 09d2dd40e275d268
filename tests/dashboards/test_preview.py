"""Dashboards become pictures, from a real InfluxDB, the same in every run."""

import math
import re
import xml.etree.ElementTree as ET
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboards.preview.ask import AskedDashboard, Asker, Source, ask
from dashboards.preview.canvas import fitting, length, wrapped
from dashboards.preview.draw import NotInstalled, draw
from dashboards.preview.fields import styles
from dashboards.preview.frames import Column, Frame, frames_of
from dashboards.preview.transform import NotKnown, transformed
from dashboards.preview.units import written
from tests.dashboards.loaded import boards

# A week of the district is written, and asked for by every page, before the first test.
pytestmark = pytest.mark.timeout(300)
MADRID = ZoneInfo("Europe/Madrid")
LARGEST = 400_000
BOARDS = {one.name: one for one in boards()}
SERIES: list[dict[str, Any]] = [
    {
        "name": "active_power",
        "tags": {"device": "m-1", "site": "a"},
        "columns": ["time", "mean", "max"],
        "values": [[1000, 1.5, 2], [2000, None, 3]],
    },
    {
        "name": "active_power",
        "tags": {"device": "m-2", "site": "b"},
        "columns": ["time", "mean", "max"],
        "values": [[1000, 7.0, 8]],
    },
]


def texts(picture: bytes) -> list[str]:
    """Return the words of an SVG."""
    return [element.text or "" for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314


def column(frame: Frame, name: str) -> list[object]:
    return list(next(one.values for one in frame.columns if one.name == name))


@pytest.fixture(scope="module")
def asked(week):
    """What the pages of the demo district are answered over a day."""
    with Asker(week.sources) as asker:
        yield {name: ask(board.json, asker, week.now_ms) for name, board in BOARDS.items()}


def test_time_series_are_a_frame_each():
    """One frame a series and column, named by the alias with its tags, columns and measurement."""
    found = frames_of(
        SERIES, {"refId": "A", "alias": "$tag_device $col of $m [[tag_site]] $tag_none"}, 60_000
    )

    assert [frame.name for frame in found] == [
        "m-1 mean of active_power a $tag_none",
        "m-1 max of active_power a $tag_none",
        "m-2 mean of active_power b $tag_none",
        "m-2 max of active_power b $tag_none",
    ]
    assert [column(frame, "Value") for frame in found] == [[1.5, None], [2, 3], [7.0], [8]]
    assert frames_of(SERIES[1:], {"refId": "A"}, 1)[0].name == "active_power.mean { device: m-2, site: b }"


def test_a_table_has_a_column_a_tag():
    """All series in one frame, tags as columns between the time and the values."""
    [found] = frames_of(SERIES, {"refId": "A", "resultFormat": "table"}, 1)

    assert [one.name for one in found.columns] == ["Time", "device", "site", "mean", "max"]
    assert column(found, "device") == ["m-1", "m-1", "m-2"]
    assert column(found, "mean") == [1.5, None, 7.0]


def test_an_error_inside_an_answer_is_noticed(influxdb):
    """InfluxDB says 200 and hides what went wrong in the body; a source that nobody knows is an error too."""
    with Asker({"x": Source(influxdb.url, "no-such-database")}) as asker:
        wrong = asker.ask("x", "SELECT mean(value) FRM m", {}, 1)
        missing = asker.ask("x", "SELECT mean(value) FROM m WHERE time > 0", {}, 1)
        unknown = asker.ask("y", "SELECT 1", {}, 1)

    assert wrong.error.startswith("error parsing query")
    assert "no-such-database" in missing.error
    assert unknown.error == "there is no data source 'y'"


def test_a_server_that_is_away_is_words():
    """No answer at all is an error of the answer, not of the picture."""
    with Asker({"x": Source("http://127.0.0.1:9", "d")}) as asker:
        assert "does not answer" in asker.ask("x", "SELECT 1", {}, 1).error


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (1_234_567.0, "watt", None, "1.23 MW"),
        (950.0, "watt", None, "950 W"),
        (0.0, "kwatth", None, "0 kWh"),
        (21_400.0, "kwatth", None, "21.4 MWh"),
        (54.44, "percent", 1, "54.4%"),
        (54.0, "percent", None, "54%"),
        (21.25, "celsius", None, "21.2 °C"),
        (0.312, "suffix:mg/L", None, "0.312 mg/L"),
        (93.0, "s", None, "1.55 min"),
        (7200.0, "s", None, "2 hours"),
        (86_400.0, "s", None, "1 day"),
        (0.25, "s", None, "250 ms"),
        (1_500_000.0, "short", None, "1.50 Mil"),
        (math.nan, "watt", None, "NaN"),
        (1_780_000_000_000.0, "dateTimeAsIso", None, "2026-05-28 22:26:40"),
        (1_780_000_000_000.0, "time:DD.MM. HH:mm", None, "28.05. 22:26"),
    ],
)
def test_values_are_written_as_grafana_writes_them(value, unit, decimals, text):
    """Prefixes, decimals and times as people see them in Grafana."""
    assert written(value, unit, decimals, MADRID) == text


def frame(**columns: list[object]) -> Frame:
    kinds = {float: "number", int: "number", str: "string", type(None): "number"}
    made = [Column(name, kinds[type(values[0])], values) for name, values in columns.items()]  # type: ignore[arg-type]
    return Frame("f", "A", made)


def test_rows_are_filtered_sorted_and_organized():
    """What tables of alarms are made with: rows chosen by value, in an order, columns chosen and named."""
    table = frame(rule=["a", "b", "c"], standing=[1, 0, 1], since=[10, 20, 30])
    steps = [
        {
            "id": "filterByValue",
            "options": {
                "type": "include",
                "match": "all",
                "filters": [{"fieldName": "standing", "config": {"id": "equal", "options": {"value": "1"}}}],
            },
        },
        {"id": "sortBy", "options": {"sort": [{"field": "since", "desc": True}]}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"standing": True},
                "indexByName": {"since": 0, "rule": 1},
                "renameByName": {"since": "Since"},
            },
        },
        {"id": "limit", "options": {"limitField": 1}},
    ]
    [found] = transformed([table], steps)

    assert [(one.config.get("displayName", one.name), list(one.values)) for one in found.columns] == [
        ("Since", [30]),
        ("rule", ["c"]),
    ]


def test_frames_are_joined_by_a_column_and_merged():
    """Rows of one device come together, whichever query they are from; what one lacks stays empty."""
    one, other = frame(device=["a", "b"], power=[1.0, 2.0]), frame(device=["b", "c"], energy=[20.0, 30.0])
    [joined] = transformed([one, other], [{"id": "joinByField", "options": {"byField": "device"}}])
    [merged] = transformed([one, other], [{"id": "merge", "options": {}}])

    for found in (joined, merged):
        assert column(found, "device") == ["a", "b", "c"]
        assert column(found, "power") == [1.0, 2.0, None]
        assert column(found, "energy") == [None, 20.0, 30.0]


def test_rows_are_grouped_and_reduced():
    """Groups by a column, and one row a column."""
    table = frame(reason=["x", "y", "x"], seconds=[1.0, 2.0, 3.0])
    fields = {
        "reason": {"operation": "groupby"},
        "seconds": {"operation": "aggregate", "aggregations": ["sum"]},
    }
    [grouped] = transformed([table], [{"id": "groupBy", "options": {"fields": fields}}])
    [reduced] = transformed(
        [frame(seconds=[1.0, 2.0])], [{"id": "reduce", "options": {"reducers": ["max", "mean"]}}]
    )

    assert (column(grouped, "reason"), column(grouped, "seconds (sum)")) == (["x", "y"], [4.0, 2.0])
    assert (column(reduced, "Field"), column(reduced, "Max"), column(reduced, "Mean")) == (
        ["seconds"],
        [2.0],
        [1.5],
    )


def test_a_transformation_that_is_none_of_ours_is_named():
    """A picture that leaves a transformation out would show something else than Grafana."""
    with pytest.raises(NotKnown, match="calculateField"):
        transformed([], [{"id": "calculateField"}])


def test_fields_are_named_and_coloured_as_the_panel_says():
    """Overrides by name and expression, words for values, thresholds, labels in names."""
    panel = {
        "fieldConfig": {
            "defaults": {
                "unit": "percent",
                "color": {"mode": "thresholds"},
                "thresholds": {
                    "steps": [{"value": None, "color": "#0072B2"}, {"value": 80, "color": "#D55E00"}]
                },
                "noValue": "nothing",
            },
            "overrides": [
                {
                    "matcher": {"id": "byName", "options": "up"},
                    "properties": [
                        {
                            "id": "mappings",
                            "value": [{"type": "value", "options": {"1": {"text": "yes", "color": "green"}}}],
                        }
                    ],
                },
                {
                    "matcher": {"id": "byRegexp", "options": "/^le/"},
                    "properties": [
                        {"id": "displayName", "value": "Level of ${__field.labels.device}"},
                        {"id": "custom.width", "value": 90},
                    ],
                },
            ],
        }
    }
    level = Column("level", "number", [81.0], {"device": "tank"})
    [[of_level, of_up]] = styles(panel, [Frame("", "A", [level, Column("up", "number", [1])])], MADRID, 0.0)

    assert (of_level.name, of_level.text(81.0), of_level.colour(81.0), of_level.colour(3.0)) == (
        "Level of tank",
        "81%",
        "#D55E00",
        "#0072B2",
    )
    assert (of_level.text(None), of_level.custom["width"]) == ("nothing", 90)
    assert (of_up.text(1), of_up.colour(1)) == ("yes", "#73BF69")


def test_text_is_cut_and_wrapped_to_its_room():
    """A line ends with an ellipsis where there is no room for it, a paragraph is several lines."""
    assert fitting("Barrio", 10, room=500) == "Barrio"
    assert fitting("Hospital General Maderas", 10, room=80).endswith("…")
    assert length(fitting("Hospital General Maderas", 10, room=80), 10) <= 80
    assert wrapped("one two three four", 10, 60) == ["one two", "three", "four"]


@pytest.mark.parametrize("name", BOARDS)
def test_every_page_is_a_small_picture(name, asked):
    """Each page is drawn without a panel that cannot be, within a size that fits into a document."""
    picture = draw(asked[name], "png")

    assert picture.startswith(b"\x89PNG")
    assert len(picture) < LARGEST


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_is_in_the_picture(name, asked):
    """An SVG holds the title of every panel, and no word of a panel that could not be drawn."""
    words = texts(draw(asked[name], "svg"))
    starts = {word.rstrip("…") for word in words}

    titles = [str(panel.panel["title"]) for panel in asked[name].panels if panel.panel.get("title")]
    assert [
        title
        for title in titles
        if title not in words and not any(title.startswith(one) for one in starts if len(one) > 3)
    ] == []
    assert [word for word in words if "not drawn" in word] == []


def test_the_same_data_give_the_same_picture(asked):
    """Neither a date nor a random id is in a picture."""
    name = next(iter(BOARDS))

    assert draw(asked[name], "svg") == draw(asked[name], "svg")
    assert draw(asked[name], "png") == draw(asked[name], "png")


def test_an_empty_panel_says_why(asked):
    """Without data, each panel shows the words that it has for that."""
    name = next(iter(BOARDS))
    found: AskedDashboard = asked[name]
    empty = AskedDashboard(
        found.json,
        found.span,
        found.zone,
        found.variables,
        tuple(type(one)(one.panel, one.span, one.interval_ms, ()) for one in found.panels),
        (),
    )
    words = " ".join(texts(draw(empty, "svg")))
    reasons = [
        str(one.panel["fieldConfig"]["defaults"].get("noValue", ""))
        for one in found.panels
        if one.panel.get("fieldConfig")
    ]

    assert all(re.split(r"\s+", reason)[0] in words for reason in reasons if reason)


def test_a_missing_library_is_said(asked, monkeypatch):
    """Without matplotlib there is one line that names what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match=r"^pictures need matplotlib: `make dev`"):
        draw(next(iter(asked.values())))


def test_hours_of_the_week_become_a_matrix():
    """Times become days and hours of the zone, a row for each hour, a column for each day, a mean in each cell."""
    monday = 1_780_264_800_000  # 2026-06-01T00:00 in Madrid, a Monday
    hours = [monday, monday + 3_600_000, monday + 86_400_000, monday + 7 * 86_400_000]
    table = Frame("f", "A", [Column("Time", "time", hours), Column("amount", "number", [1.0, 2.0, 3.0, 5.0])])
    convert = {
        "targetField": "Time",
        "destinationType": "string",
        "dateFormat": "[day=]E[ hour=]HH",
        "timezone": "Europe/Madrid",
    }
    fields = {
        "day": {"operation": "groupby"},
        "hour": {"operation": "groupby"},
        "amount": {"operation": "aggregate", "aggregations": ["mean"]},
    }
    matrix = {"columnField": "day", "rowField": "hour", "valueField": "amount (mean)"}
    [found] = transformed(
        [table],
        [
            {"id": "convertFieldType", "options": {"conversions": [convert]}},
            {"id": "extractFields", "options": {"source": "Time", "format": "kvp"}},
            {"id": "groupBy", "options": {"fields": fields}},
            {"id": "groupingToMatrix", "options": matrix},
            {"id": "organize", "options": {"renameByName": {"hour\\day": "Hour", "1": "Mon", "2": "Tue"}}},
        ],
    )

    assert [(one.config["displayName"], list(one.values)) for one in found.columns] == [
        ("Hour", ["00", "01"]),
        ("Mon", [3.0, 2.0]),
        ("Tue", [3.0, None]),
    ]


def panel(number: int, kind: str, query: str = "", **more: Any) -> dict[str, Any]:
    """Return a panel of a dashboard written by hand, below the one before it."""
    made: dict[str, Any] = {
        "id": number,
        "type": kind,
        "title": f"{kind} {number}",
        "gridPos": {"x": 0, "y": 6 * number, "w": 12, "h": 6},
        "maxDataPoints": 100,
        "datasource": {"uid": "barrio-dbraw-ciudad-maderas"},
        "targets": [{"refId": "A", "query": query, "rawQuery": True, "alias": "$tag_device"}]
        if query
        else [],
        "fieldConfig": {"defaults": {"unit": "percent", "min": 0, "max": 100, "noValue": "nobody spoke"}},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}},
    }
    return made | more


def test_every_kind_of_panel_is_drawn(week):
    """Also those that the pages of the demo district have no use for, and those that cannot be drawn say so."""
    levels = 'SELECT mean("value") FROM "level_ratio" WHERE $timeFilter GROUP BY time($__interval), "device" fill(none)'
    nothing = 'SELECT "value" FROM "nothing" WHERE $timeFilter'
    heat = {"calculate": True, "color": {"scheme": "Blues"}}
    board = {
        "title": "By hand $where",
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "where", "type": "constant", "query": "here", "hide": 2}]},
        "panels": [
            panel(0, "gauge", levels),
            panel(1, "heatmap", levels, options=heat),
            panel(2, "heatmap", levels, options={}),
            panel(3, "barchart", levels),
            panel(4, "status-history", levels),
            panel(5, "text", options={"content": "# Head\n- one **bold** [link](http://x)"}),
            panel(6, "alertlist"),
            panel(7, "timeseries", nothing),
            panel(8, "timeseries", "SELECT value FRM level_ratio"),
            panel(9, "nodeGraph", levels),
            panel(10, "table", levels, transformations=[{"id": "histogram"}]),
            panel(
                11, "stat", targets=[{"refId": "A", "panelId": 0, "datasource": {"uid": "-- Dashboard --"}}]
            ),
            {
                "type": "row",
                "title": "Closed",
                "collapsed": True,
                "gridPos": {"x": 0, "y": 80, "w": 24, "h": 1},
                "panels": [panel(12, "stat", levels)],
            },
        ],
    }
    with Asker(week.sources) as asker:
        found = ask(board, asker, week.now_ms)
    words = texts(draw(found, "svg"))

    assert len(found.panels) == 13
    assert "By hand here" in words
    for expected in (
        "Head",
        "• one bold link",
        "nobody spoke",
        "panels of the type 'nodeGraph' are not drawn",
        "the transformation 'histogram' is not drawn",
        "▸ Closed   (1)",
    ):
        assert expected in words
    assert any("found FRM, expected FROM" in word for word in words)
    assert sum(word.startswith("cistern-") for word in words) >= 6 * 3
