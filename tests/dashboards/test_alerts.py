"""Grafana's own alert rules: each fires for its reason and for no other, on a real InfluxDB."""

import time

import httpx
import pytest
import yaml

from dashboards.alerts import GROUP, KINDS, as_file, rule_groups
from dashboards.kit.made import Options
from dashboards.kit.names import folder_uid, page_uid, source_uid
from tests.dashboards.districts import small
from twin.facts import MEASUREMENTS
from twin.resolution import Resolution

DEVICES = "{id: lamp-1, profile: streetlight-coap, site: plaza, endpoint: 'coap://127.0.0.1:5683'}"
PROVISIONING = """\
grafana:
  receivers: [{id: operations, email: a@b.example}]
  alerts: {receiver: operations, silent_after: 5min, no_growth_for: 15min}
"""


@pytest.fixture
def district(tmp_path):
    return small(tmp_path, DEVICES, provisioning=PROVISIONING)


def rules(district, lang="en"):
    (group,) = rule_groups([district], Options(lang=lang))
    return {rule.json["labels"]["barrio"]: rule.json for rule in group.rules}


def state(url, database, rule):
    """Return what Grafana makes of a rule: its query, reduced to the last value, held against the limit."""
    query = rule["data"][0]
    span, now = query["relativeTimeRange"], time.time_ns()
    since = now - span["from"] * 1_000_000_000
    text = query["model"]["query"].replace("$timeFilter", f"time >= {since} AND time <= {now}")
    try:
        answer = httpx.post(
            f"{url}/query", params={"db": database}, data={"q": text}, trust_env=False, timeout=5
        ).json()["results"][0]
    except httpx.HTTPError:
        return rule["execErrState"]
    if "error" in answer:
        return rule["execErrState"]
    if "series" not in answer:
        return rule["noDataState"]
    value = answer["series"][0]["values"][-1][1]
    limit = rule["data"][2]["model"]["conditions"][0]["evaluator"]
    assert limit["type"] == "lt"
    return "Alerting" if value < limit["params"][0] else "Normal"


def tell(url, database, rows):
    """Write rows of `barrio_health`: how many s ago, and how many readings were stored by then."""
    httpx.post(f"{url}/query", data={"q": f'CREATE DATABASE "{database}"'}, trust_env=False)
    now = time.time_ns()
    lines = [
        f"barrio_health,district=tequila points=5i,stored={stored}i {now - ago * 1_000_000_000}"
        for ago, stored in rows
    ]
    answer = httpx.post(
        f"{url}/write", params={"db": database}, content="\n".join(lines).encode(), trust_env=False
    )
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("rows", "fires"),
    [
        ([(ago, 1000 - ago) for ago in range(0, 900, 30)], set()),
        ([(ago, 500) for ago in range(0, 900, 30)], {"stalled"}),
        ([(ago, 1000 - ago) for ago in range(400, 900, 30)], {"silent"}),
        # Started a minute ago, the count began anew: it grows.
        ([(ago, 1000 - ago) for ago in range(90, 900, 30)] + [(60, 0), (30, 4), (0, 9)], set()),
        ([(90_000, 5)], {"silent"}),
    ],
    ids=["all is well", "nothing is stored", "nothing is said", "restarted", "long gone"],
)
def test_a_rule_fires_for_its_own_reason(district, influxdb, rows, fires):
    """Rows of the platform's health as they are in each case, and which rules fire."""
    database = f"alerts_{time.time_ns()}"
    tell(influxdb.url, database, rows)

    found = {
        name for name, rule in rules(district).items() if state(influxdb.url, database, rule) == "Alerting"
    }
    assert found == fires


def test_a_store_that_is_away_is_one_alarm(district, influxdb):
    """Where the store refuses or does not answer, only the rule about the store fires; the others stay as they were."""
    for url, database in ((influxdb.url, "there_is_no_such"), ("http://127.0.0.1:9", "any")):
        found = {name: state(url, database, rule) for name, rule in rules(district).items()}

        assert found == {"silent": "KeepLast", "stalled": "KeepLast", "away": "Alerting"}


def test_rules_ask_what_facts_have(district):
    """Each rule asks a field that the measurement has, of its own district, with no variable but the time."""
    fields = MEASUREMENTS["barrio_health"].fields
    for kind, rule in zip(KINDS, rules(district).values(), strict=True):
        query = rule["data"][0]["model"]["query"]

        assert kind.field in fields
        assert "\"district\" = 'tequila'" in query
        assert query.replace("$timeFilter", "").count("$") == 0
        assert rule["data"][0]["datasourceUid"] == source_uid("tequila", Resolution.RAW)
        assert len(rule["uid"]) <= 40


def test_rules_are_known_by_labels_and_lead_to_a_panel(district):
    """Labels say whose a rule is; with the dashboards at hand it leads to the panel that shows what it asks about."""
    uid = page_uid("tequila", "quality")
    page = type("Page", (), {"uid": uid, "json": {"panels": []}})()
    page.json["panels"] = [
        {"id": 1, "type": "row", "panels": [{"id": 4, "targets": [{"query": 'FROM "barrio_health"'}]}]},
    ]
    (group,) = rule_groups([district], Options(), [page])
    for rule in group.rules:
        annotations = rule.json["annotations"]

        assert rule.json["labels"]["district"] == "tequila"
        assert (annotations["__dashboardUid__"], annotations["__panelId__"]) == (uid, "4")
    assert "__panelId__" not in rules(district)["silent"]["annotations"]


def test_both_languages_say_what_and_how_long(district):
    """Summaries name the district and the time in both languages, and no text is left in the other one."""
    english, spanish = rules(district), rules(district, "es")

    assert english["silent"]["annotations"]["summary"] == "Barrio has said nothing of Tequila for 5 min."
    assert (
        spanish["silent"]["annotations"]["summary"] == "Barrio no ha dicho nada de Tequila desde hace 5 min."
    )
    for name in english:
        for text in ("summary", "description"):
            assert english[name]["annotations"][text] != spanish[name]["annotations"][text]


def test_a_rule_without_a_receiver_leaves_it_to_grafana(tmp_path):
    """A district that names no receiver has rules that Grafana's own tree sends on."""
    (group,) = rule_groups([small(tmp_path, DEVICES)], Options())

    assert len(group.rules) == 3
    assert not any("notification_settings" in rule.json for rule in group.rules)


def test_rules_as_a_file(district):
    """The file that Grafana reads from its disk names folders by titles and durations as text."""
    (group,) = rule_groups([district], Options())
    file = yaml.safe_load(yaml.safe_dump(as_file([group])))

    assert file["apiVersion"] == 1
    (found,) = file["groups"]
    assert (found["name"], found["folder"], found["interval"]) == (GROUP, "Barrio/Tequila", "60s")
    assert [rule["uid"] for rule in found["rules"]] == [rule.uid for rule in group.rules]
    assert group.put()["folderUid"] == folder_uid("tequila")


def test_a_name_cannot_begin_a_template(tmp_path):
    """Braces in a district's name are no template of Grafana's, however many stand together."""
    district = small(tmp_path, DEVICES)
    object.__setattr__(district, "name", "A {{{{ $labels }}/B")
    (group,) = rule_groups([district], Options())

    assert "{{" not in group.rules[0].json["annotations"]["summary"]
    assert group.folder_path == r"Barrio/A {{{{ $labels }}\/B"


def test_a_long_name_leaves_room_for_what_a_rule_says(tmp_path):
    """Grafana takes titles of 190 bytes."""
    district = small(tmp_path, DEVICES)
    object.__setattr__(district, "name", "ñ" * 200)
    (group,) = rule_groups([district], Options(lang="es"))
    titles = [rule.title for rule in group.rules]

    assert max(len(title.encode()) for title in titles) <= 190
    assert len(set(titles)) == len(titles)
