"""What comes by itself: unit, limits, words, names, colours, links, and what is said of a panel."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dashboards.kit.colours import BAD, GOOD
from dashboards.kit.draw import Drawing
from dashboards.kit.inventory import Inventory
from dashboards.kit.made import Options
from dashboards.kit.panels import Layer, dial, figure, places, states, trend
from dashboards.kit.series import Told, of
from dashboards.kit.texts import Text
from tests.dashboards.districts import small

DEVICES = """
{id: tank-1, name: 'Norte <b>', profile: water-tank-modbus, site: plaza, endpoint: 'modbus+tcp://10.0.0.1:502/1'}
{id: tank-2, profile: water-tank-modbus, site: kiosk, endpoint: 'modbus+tcp://10.0.0.2:502/1'}
"""
ALARMS = """
alarms:
  - {id: low, for: {kind: WaterTank}, point: level, below: 20 %, above: 95 %, hysteresis: 2 %, text: Low}
  - {id: leak, for: {kind: WaterTank}, point: leak, is: alarm, text: Leak}
"""
ABOUT = Text("What it is.", "Qué es.")
TITLE = Text("Level", "Nivel")


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    return small(tmp_path_factory.mktemp("tanks"), DEVICES, alarms=ALARMS, district="retention: {raw: 90d}\n")


def drawn(district, panel, lang="en"):
    found = Drawing(Inventory(district), Options(lang), "quality").panel(panel)
    assert found is not None
    return found.json


def defaults(panel):
    return panel["fieldConfig"]["defaults"]


def test_unit_limits_and_source_come_from_the_model(district):
    """The unit of the quantity, the bands of the alarm rule, and a sentence on where it comes from."""
    panel = drawn(district, dial(TITLE, of("level_ratio", by="device", over="now"), about=ABOUT))
    bands = [(one["value"], one["color"]) for one in defaults(panel)["thresholds"]["steps"]]

    assert defaults(panel)["unit"] == "percent"
    assert bands == [(None, BAD), (20.0, GOOD), (95.0, BAD)]
    assert (
        panel["description"]
        == "What it is. Source: Level of 2 devices or places (WaterTank). Read from readings."
    )


def test_lines_are_called_what_people_call_their_devices(district):
    """By the name of the device where it has one, shown as it is; and each has a colour."""
    panel = drawn(district, trend(TITLE, of("level_ratio", by="device"), about=ABOUT))
    names = {
        one["matcher"]["options"]: {p["id"]: p["value"] for p in one["properties"]}
        for one in panel["fieldConfig"]["overrides"]
    }

    assert names["tank-1"]["displayName"] == "Norte <b>"
    assert "displayName" not in names["tank-2"]
    assert names["tank-1"]["color"] != names["tank-2"]["color"]


@pytest.mark.parametrize(
    ("by", "within", "url"),
    [
        ("device", None, "/d/barrio-device-tequila?${__url_time_range}&var-device=${__field.labels.device}"),
        ((), "kiosk", "/d/barrio-device-tequila?${__url_time_range}&var-device=tank-2"),
        ((), None, "/d/barrio-quality-tequila?${__url_time_range}"),
    ],
    ids=["each device", "one device", "several devices"],
)
def test_a_number_leads_to_what_is_behind_it(district, by, within, url):
    """To the device of a line, to the only device, or to the list of devices."""
    panel = drawn(district, trend(TITLE, of("level_ratio", by=by, within=within), about=ABOUT))

    assert [one["url"] for one in defaults(panel)["links"]] == [url]


def test_states_are_shown_in_words_of_the_language(district):
    """Each state with its words and colour; what a rule watches is marked."""
    panel = drawn(district, states(TITLE, of("leak_alarm_state", by="device"), about=ABOUT), "es")
    shown = defaults(panel)["mappings"][0]["options"]

    assert shown["normal"]["text"] == "normal"
    assert (shown["alarm"]["text"], shown["alarm"]["color"]) == ("⚠ alarma", BAD)


def test_a_panel_on_several_databases_is_mixed_and_has_its_own_shortest_interval(district):
    """Grafana would else take that of one of its data sources."""
    panel = drawn(district, trend(TITLE, of("level_ratio", fold="sum"), about=ABOUT))

    assert panel["datasource"]["uid"] == "-- Mixed --"
    assert {one["datasource"]["uid"] for one in panel["targets"]} == {
        f"barrio-db{one}-tequila" for one in ("raw", "15m", "1h", "1d")
    }
    assert (panel["interval"], panel["maxDataPoints"]) == ("1m", 300)


def test_the_shortest_interval_is_one_that_grafana_writes_exactly(tmp_path):
    """A heartbeat of 90 s makes steps of two minutes: Grafana would cut 90 s to one, and sums would fall short."""
    slow = DEVICES.replace(":502/1'", ":502/1', overrides: {heartbeat: 90s}")
    panel = drawn(small(tmp_path, slow), trend(TITLE, of("level_ratio", fold="sum"), about=ABOUT))

    assert panel["interval"] == "2m"


def test_a_number_as_of_now_looks_back_a_little_whatever_the_range(district):
    """A quarter of an hour, and not a word about it in the corner."""
    panel = drawn(district, figure(TITLE, of("level_ratio", fold="mean", over="now"), about=ABOUT))

    assert (panel["timeFrom"], panel["hideTimeOverride"]) == ("15m", True)


def test_beyond_the_readings_that_are_kept_a_panel_says_so(district):
    """Who looks at one day of long ago is told why it is empty, and what to do."""
    panel = trend(TITLE, of("level_ratio"), about=ABOUT)

    assert "kept for 90 days" in defaults(drawn(district, panel))["noValue"]
    assert "kept for" not in defaults(drawn(replace(district, retention_raw_s=None), panel))["noValue"]


@pytest.mark.parametrize(
    ("wanted", "kind", "url"),
    [
        (None, "xyz", "data:image"),
        ("none", "xyz", "data:image"),
        ("osm", "osm-standard", None),
        ("https://tiles.example.com/{z}/{x}/{y}.png", "xyz", "https://tiles.example.com/{z}/{x}/{y}.png"),
    ],
)
def test_a_map_asks_the_internet_only_where_the_district_wants_it(district, wanted, kind, url):
    """Without a word in provisioning.yaml no tile is fetched."""
    provisioning = None if wanted is None else SimpleNamespace(grafana=SimpleNamespace(basemap=wanted))
    layer = Layer(title=TITLE, read=Told(query="SELECT 1"), colour="up")
    panel = places(TITLE, [layer], about=ABOUT, lat=20.5, lon=-100.2, zoom=14)
    found = drawn(replace(district, provisioning=provisioning), panel)["options"]

    assert found["basemap"]["type"] == kind
    assert found["basemap"]["config"].get("url", "").startswith(url or "")
    assert (found["view"]["lat"], found["view"]["lon"]) == (20.5, -100.2)
    assert found["layers"][0]["filterData"] == {"id": "byRefId", "options": "A"}
    assert found["layers"][0]["location"] == {"mode": "coords", "latitude": "lat", "longitude": "lon"}


def test_what_a_district_has_not_is_not_drawn(district):
    """No panel with nothing in it."""

    assert (
        Drawing(Inventory(district), Options(), "quality").panel(trend(TITLE, of("gas_flow"), about=ABOUT))
        is None
    )
