"""The demonstration district with its real dashboards, and how long an apply of it takes that changes nothing."""

import time

import pytest

from dashboards.generate import Options, generate
from dashboards.kit.names import PREFIX
from provisioning.grafana.client import Login
from provisioning.grafana.marks import content_digest, mark, page_differences, plain
from provisioning.grafana.target import Access, Grafana
from provisioning.plan import apply
from provisioning.tokens import Tokens, read_name
from tests.dashboards.districts import demo
from tests.provisioning.grafana_stand_in import ADMIN, GrafanaStandIn
from twin.resolution import Resolution

LATENCY_S = 0.02
LIMIT_S = 3.0


@pytest.fixture(scope="module")
def maderas():
    return demo()


@pytest.fixture
def tokens(tmp_path, maderas):
    made = Tokens(tmp_path / "tokens")
    for resolution in Resolution:
        made.write(read_name(maderas.id, resolution), f"token-{resolution.value}")
    return made


def target(url, district, tokens):
    access = Access(url, Login(token=ADMIN), "http://influxdb:8086")
    return Grafana(access, [district], tokens, Options(), generate, lambda name: f"secret-{name}")


@pytest.mark.parametrize("version", ["11.6.0", "13.0.2"])
def test_the_demo_is_applied_once_and_then_left_alone(maderas, tokens, version):
    """Every dashboard of the demo is saved once; a second apply, with 20 ms a call, asks few questions and is quick."""
    with GrafanaStandIn(version) as grafana:
        first = target(grafana.url, maderas, tokens)
        outcome = apply(first.plan())
        first.close()
        grafana.latency_s = LATENCY_S
        grafana.forget()
        begun = time.monotonic()
        second = target(grafana.url, maderas, tokens)
        steps = second.plan()
        took = time.monotonic() - begun
        second.close()

        assert outcome.error is None
        assert steps == []
        assert grafana.writes == []
        assert len(grafana.calls) < 40
        assert took < LIMIT_S
        assert {page.version for page in grafana.pages.values()} == {1}


def test_what_grafana_adds_is_not_a_difference(maderas):
    """Numbers, versions, plugin versions, the built-in annotations and written-out defaults do not count; texts do."""
    for page in generate([maderas], Options()):
        saved = mark(page.json, 1)
        saved |= {
            "id": 5,
            "version": 3,
            "schemaVersion": 99,
            "fiscalYearStartMonth": 0,
            "weekStart": "",
            "liveNow": False,
        }
        saved["annotations"] = {"list": [{"builtIn": 1}, *page.json.get("annotations", {}).get("list", [])]}
        saved["panels"] = [{**panel, "pluginVersion": "13.0"} for panel in reversed(page.json["panels"])]

        assert page.uid.startswith(PREFIX)
        assert content_digest(saved) == content_digest(page.json)
        assert page_differences(saved, page.json) == ()
        changed = {**saved, "description": "mine"}
        assert [one.field for one in page_differences(changed, page.json)] == ["description"]
        assert plain(changed) != plain(page.json)
