"""What holds for every page of every district, whatever is on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import DataqueryConfig, register_dataquery_variant
from grafana_foundation_sdk.models.dashboard import Dashboard as Model

from dashboards import city
from dashboards.alerts import rule_groups
from dashboards.generate import Options, generate
from dashboards.kit.common import tidied
from dashboards.kit.influxql import Query
from dashboards.kit.inventory import Inventory
from dashboards.kit.names import PAGES, district_tag
from tests import ROOT
from tests.dashboards.districts import demo, small
from tests.dashboards.loaded import boards
from tests.dashboards.shown import FOLDER, text_of

EN = {one.name: one for one in boards()}
ES = {one.name: one for one in boards("es")}
every_page = pytest.mark.parametrize("name", EN)
NO_NUMBERS = ("row", "text", "alertlist")


def panels(board):
    return board.json["panels"]


def numbers(board):
    return [one for one in panels(board) if one["type"] not in NO_NUMBERS]


@pytest.fixture(scope="module")
def again():
    """Reads a dashboard into the SDK's types and writes it: keys that none of them has are lost."""
    register_default_plugins()
    for hint in ("influxdb", "datasource"):
        register_dataquery_variant(DataqueryConfig(identifier=hint, from_json_hook=Query.from_json))

    def through(found):
        return tidied(json.loads(json.dumps(Model.from_json(deepcopy(found)), cls=JSONEncoder)))

    return through


@every_page
def test_the_sdk_reads_a_page_as_it_is(name, again):
    """Grafana's own types have a place for every key of ours: none is misspelt."""

    assert again(EN[name].json) == EN[name].json


def damaged(found, *path):
    broken = deepcopy(found)
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = 1
    return broken


@pytest.mark.parametrize(
    "path",
    [
        ("timezoned",),
        ("panels", 1, "intervall"),
        ("panels", 1, "fieldConfig", "defaults", "unti"),
        ("panels", 1, "targets", 0, "qeury"),
        ("panels", 1, "options", "shwoHeader"),
        ("panels", 1, "gridPos", "wide"),
    ],
    ids=str,
)
def test_a_misspelt_key_is_found(path, again):
    """The way round through the SDK finds a wrong key wherever it is, in queries too."""
    broken = damaged(EN["ciudad-maderas-home"].json, *path)

    assert again(broken) != broken


DIGEST = """
import hashlib, json
from dashboards.generate import Options, generate
from tests.dashboards.districts import demo
made = [(one.uid, one.title, one.folder, one.name, one.json) for one in generate([demo()], Options("es", "http://b"))]
print(hashlib.sha256(json.dumps(made).encode()).hexdigest())
"""


def test_two_processes_make_the_same():
    """Ids, uids and the order of everything follow from the files alone: a second apply finds nothing to do."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(digests) == 1


@every_page
def test_a_page_is_ours_and_cannot_be_changed_in_the_browser(name):
    """Marks, no id and no version, not editable, in the clock of the district."""
    board = EN[name]

    assert "barrio" in board.json["tags"]
    assert board.district is None or district_tag(board.district) in board.json["tags"]
    assert not board.json["editable"]
    assert not {"id", "version"} & board.json.keys()
    assert board.json["timezone"] == "America/Mexico_City"
    assert (board.json["uid"], board.json["title"]) == (board.uid, board.title)
    assert len(board.uid) <= 40


@every_page
def test_no_grafana_takes_an_interval_for_a_part_of_a_regular_expression(name):
    """Up to Grafana 12.3 what stands between two slashes of a line is one, and `$__interval` in it is escaped."""
    asked = [one["query"] for panel in panels(EN[name]) for one in panel.get("targets", ())]

    assert [one for one in asked if re.search(r"/.*\$__interval.*/", one)] == []


def test_alerts_are_told_by_their_district_and_not_by_a_folder():
    """A folder that stands within another is found by title in no Grafana 11; every rule of ours has the label."""
    listed = next(one for one in panels(EN["ciudad-maderas-home"]) if one["type"] == "alertlist")
    groups = rule_groups([demo()], Options())

    assert "folder" not in listed["options"]
    assert listed["options"]["alertInstanceLabelFilter"] == "district=ciudad-maderas"
    assert {rule.json["labels"]["district"] for group in groups for rule in group.rules} == {"ciudad-maderas"}


@every_page
def test_a_page_is_written_as_the_oldest_grafana_writes_it(name):
    """A higher number than a Grafana's own is one that it cannot convert."""

    assert EN[name].json["schemaVersion"] == 39


@every_page
def test_ids_of_panels_are_different(name):
    """Links to a panel lead to one."""
    ids = [one["id"] for one in panels(EN[name])]

    assert len(set(ids)) == len(ids)
    assert all(0 < one < 2**31 for one in ids)


@every_page
@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_panel_says_what_it_shows(name, lang):
    """Title, description, unit, what is said when it is empty."""
    board = {"en": EN, "es": ES}[lang][name]
    missing = [
        (one["title"], key)
        for one in panels(board)
        if one["type"] != "row"
        for key, there in (
            ("title", one["title"]),
            ("description", one["description"]),
            ("noValue", one["type"] == "text" or one["fieldConfig"]["defaults"].get("noValue")),
            ("unit", one["type"] in NO_NUMBERS or one["fieldConfig"]["defaults"].get("unit")),
        )
        if not there
    ]

    assert missing == []


def links_of(panel):
    config = panel["fieldConfig"]
    found = list(config["defaults"].get("links", ()))
    for override in config["overrides"]:
        found += [link for one in override["properties"] if one["id"] == "links" for link in one["value"]]
    return [one["url"] for one in found]


@every_page
def test_every_number_leads_somewhere_with_the_time_kept(name):
    """To the device, to the page that lists the devices, or to the district."""
    uids = {one.uid for one in EN.values()} | {"barrio-home-${__data.fields.district}"}
    for panel in numbers(EN[name]):
        urls = links_of(panel)

        assert urls, panel["title"]
        for url in urls:
            target = re.fullmatch(r"/d/([^?]+)(\?.*)?", url)
            assert target, (panel["title"], url)
            assert target[1] in uids, (panel["title"], url)
            assert "${__url_time_range}" in url or target[1] == "barrio-city", (panel["title"], url)


@every_page
def test_lines_of_a_panel_are_told_apart(name):
    """Two lifts of one name are called after their buildings as well."""
    for panel in numbers(EN[name]):
        given = [
            one["value"]
            for override in panel["fieldConfig"]["overrides"]
            for one in override["properties"]
            if one["id"] == "displayName"
        ]

        assert sorted(set(given)) == sorted(given), panel["title"]


@pytest.mark.parametrize(
    ("point", "unit"), [("pressure (water_pressure)", "pressurekpa"), ("level", "percent")]
)
def test_every_value_of_a_device_has_its_unit(point, unit):
    """A name of a point that has several units in the district stands with its quantity."""
    for panel in (one for one in panels(EN["ciudad-maderas-device"]) if one["title"] in ("Values", "Course")):
        shown = {
            override["matcher"]["options"]: {one["id"]: one["value"] for one in override["properties"]}
            for override in panel["fieldConfig"]["overrides"]
        }

        assert shown[point]["unit"] == unit
        assert "pressure" not in shown
        assert {one["alias"] for one in panel["targets"]} == {"$tag_point", "$tag_point ($m)"}


def test_a_line_of_a_point_has_the_name_of_its_place():
    """Nobody calls a park by its id."""
    panel = next(one for one in panels(EN["ciudad-maderas-mobility"]) if one["title"] == "People present")
    shown = {
        override["matcher"]["options"]: one["value"]
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "displayName"
    }

    assert shown["parque occupancy"] == "Zona ecológica · occupancy"


def test_places_are_called_by_their_names():
    """What barrio computes for a place has a line in the completeness of sites."""
    panel = next(
        one for one in panels(EN["ciudad-maderas-quality"]) if one["title"] == "Completeness by site"
    )
    named = {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]}

    assert named == set(demo().sites)


@every_page
def test_both_languages_show_the_same(name):
    """The Spanish page has the same panels and queries in the same places; its texts are Spanish."""
    english, spanish = panels(EN[name]), panels(ES[name])
    places = [[(one["id"], one["type"], one["gridPos"]) for one in found] for found in (english, spanish)]

    assert places[0] == places[1]
    same = [
        one["title"]
        for one, other in zip(english, spanish, strict=True)
        if one.get("description") and one["description"] == other["description"]
    ]
    assert same == []
    assert EN[name].json["description"] != ES[name].json["description"]


def colours(found):
    """Yield every colour, palette and scheme of a panel."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in ("color", "fixedColor", "mode", "scheme", "fixed") and isinstance(value, str):
                yield value
            yield from colours(value)
    elif isinstance(found, list):
        for one in found:
            yield from colours(one)


@every_page
def test_no_colour_is_one_that_some_cannot_tell_apart(name):
    """No red against green: none of Grafana's own reds and greens, and no palette that sets one against the other."""
    used = set(colours([one for one in panels(EN[name]) if one["type"] != "row"]))

    assert used
    assert [
        one
        for one in used
        if re.search(r"red|green|palette-classic|GrYlRd|RdYlGr|Reds|Greens", one, re.IGNORECASE)
    ] == []


@every_page
def test_panels_do_not_lie_on_one_another(name):
    """The grid has 24 columns and every place one panel."""
    places = [one["gridPos"] for one in panels(EN[name])]

    assert all(one["x"] + one["w"] <= 24 for one in places)
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@every_page
def test_a_map_has_only_markers_that_grafana_has(name):
    """Any other is drawn as a red square with a cross: those of `geomap/style/markers.ts`."""
    known = {
        f"img/icons/marker/{one}.svg" for one in ("circle", "square", "triangle", "star", "cross", "x-mark")
    }
    maps = [one for one in panels(EN[name]) if one["type"] == "geomap"]

    for layer in (layer for one in maps for layer in one["options"]["layers"]):
        assert layer["config"]["style"]["symbol"]["fixed"] in known


@every_page
def test_variables_and_annotations_are_seen_and_come_from_the_model(name):
    """No variable asks the database, and nothing is hidden in a menu."""
    board = EN[name].json

    assert {one["type"] for one in board["templating"]["list"]} <= {"custom"}
    assert "inControlsMenu" not in json.dumps(board)
    assert "SHOW TAG" not in json.dumps(board)


@every_page
def test_a_row_is_not_empty(name):
    """Below the title of each row stands a panel."""
    kinds = [one["type"] for one in panels(EN[name])]

    assert ("row", "row") not in list(pairwise(kinds))
    assert kinds[-1] != "row"


@every_page
def test_the_snapshot_shows_what_changed(name):
    """What a person would notice of a page is under version control: `python -m tests.dashboards.shown` renews it."""
    snapshot = FOLDER / f"{name}.txt"

    assert text_of(EN[name]) == snapshot.read_text("utf-8"), "python -m tests.dashboards.shown writes it anew"


# --- other districts ------------------------------------------------------------------------------------------------


ONE = "{id: ap, profile: wifi-access-point-coap, site: plaza, endpoint: 'coap://10.0.0.1'}"


def test_a_district_with_almost_nothing_has_no_empty_panel(tmp_path):
    """One access point gives a home, its own page and the page of data quality, and panels for what it has."""
    district = small(tmp_path, ONE)
    made = generate([district], Options())
    quantities = {one.quantity.name for _, one in district.points()}

    assert {"tequila-home", "tequila-quality", "tequila-device"} <= {one.name for one in made}
    assert not {"tequila-energy", "tequila-lighting", "tequila-water"} & {one.name for one in made}
    for board in made:
        for panel in panels(board):
            for target in panel.get("targets", ()):
                measurements = re.findall(r'FROM "([^"]+)"', target["query"])
                read = [one for one in measurements if not one.startswith("barrio_")]
                assert set(read) <= quantities, (board.name, panel["title"])


def test_a_district_without_devices_has_no_pages(tmp_path):
    """Nothing to show is no page, and no fault."""
    district = replace(small(tmp_path, ONE), devices={})

    assert [one.name for one in generate([district], Options())] == ["city"]


HOSTILE = "<script>alert(1)</script> ${__user.login} [[site]] \\\"quoted\\\" 'x' a:b, c"


def test_hostile_names_stay_names(tmp_path):
    """What people call their things becomes neither a variable, nor a query, nor HTML."""
    district = small(
        tmp_path,
        f'{{id: ap-1, name: "{HOSTILE}", profile: wifi-access-point-coap, site: odd, endpoint: "coap://10.0.0.1"}}\n'
        f'{{id: ap-2, name: "{HOSTILE}", profile: wifi-access-point-coap, site: plaza, endpoint: "coap://10.0.0.2"}}',
        district=f'  - {{id: odd, name: "{HOSTILE}", kind: "{HOSTILE}"}}\n',
    )
    for board in generate([district], Options()):
        text = json.dumps(board.json, ensure_ascii=False)

        assert "${__user" not in text
        assert "[[site" not in text
        for panel in panels(board):
            assert panel["type"] != "text" or "<script" not in panel["options"]["content"]
            for target in panel.get("targets", ()):
                assert "script" not in target["query"]
        for variable in board.json["templating"]["list"]:
            for choice in variable["query"].split(","):
                assert re.fullmatch(r"[^:]*( : )?[a-z0-9_-]+", choice), choice


def test_many_districts_share_one_city_page():
    """Forty districts are one page of less than a megabyte, with a picture for each figure and no row for each."""
    district = demo()
    many = [replace(district, id=f"district-{number}", name=f"District {number}") for number in range(40)]
    board = city.page([Inventory(one) for one in many], Options())

    assert board is not None
    assert len(json.dumps(board.json)) < 1_000_000
    assert len(panels(board)) < 10
    assert {one["type"] for one in panels(board)} == {"row", "bargauge", "geomap"}


def test_districts_of_one_name_have_rows_of_their_own():
    """Two districts may be called the same; ids of panels follow from theirs."""
    twins = [Inventory(replace(demo(), id=one)) for one in ("one", "other")]
    board = city.page(twins, Options())
    assert board is not None
    ids = [one["id"] for one in panels(board)]

    assert len(set(ids)) == len(ids)


def test_pages_are_those_that_have_names():
    """Every page of the demo district is one of those that links lead to."""

    assert {one.name.removeprefix("ciudad-maderas-") for one in EN.values() if one.district} <= set(PAGES)
