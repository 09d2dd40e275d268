"""InfluxDB and Grafana in one plan: what one makes the other uses."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from barrio import cli
from dashboards.kit.names import source_uid
from tests.provisioning.grafana_stand_in import ADMIN, GrafanaStandIn
from tests.provisioning.influx_stand_in import ORG, InfluxStandIn
from twin.resolution import Resolution


@pytest.fixture
def both(tmp_path, district, monkeypatch):
    """Two stand-ins, and a function that runs a command for `salinas` against both."""
    with InfluxStandIn() as influx, GrafanaStandIn() as grafana:
        for name, value in {
            "STORE": influx.url,
            "STORE_ORG": ORG,
            "ADMIN_TOKEN": influx.operator,
            "TOKENS": str(tmp_path / "tokens"),
            "GRAFANA": grafana.url,
            "GRAFANA_TOKEN": ADMIN,
            "GRAFANA_STORE": "http://influxdb:8086",
        }.items():
            monkeypatch.setenv(f"BARRIO_{name}", value)

        def run(command: str, *arguments: str) -> dict[str, Any]:
            given = [command, str(district.folder), "--json", *arguments]
            result = CliRunner().invoke(cli.app, given)
            assert result.exit_code in (0, 1), result.output
            return dict(json.loads(result.stdout))

        yield influx, grafana, run


def steps(answer: dict[str, Any]) -> list[str]:
    return [f"{one['action']} {one['target']} {one['kind']} {one['name']}" for one in answer["steps"]]


def test_one_apply_does_both_and_a_second_nothing(both):
    """Data sources get the tokens that the same apply makes before them."""
    influx, _, run = both
    planned, applied = run("plan"), run("apply")

    assert applied["error"] is None
    assert len(applied["done"]) == sum(planned["counts"].values()) > 20
    targets = [one["target"] for one in planned["steps"]]
    assert targets == sorted(targets, reverse=True)
    assert run("apply")["done"] == run("drift")["steps"] == []
    assert len(influx.marked()) == 6


def test_a_token_that_is_made_anew_reaches_its_data_source_in_the_same_apply(both, tmp_path):
    """The plan says both, and what Grafana then has is the new token."""
    influx, grafana, run = both
    run("apply")
    old = (tmp_path / "tokens" / "salinas.1h.read").read_text().strip()
    (tmp_path / "tokens" / "salinas.1h.read").unlink()

    assert steps(run("plan")) == [
        "change influxdb token salinas.1h.read",
        "change grafana data source barrio salinas 1h",
    ]
    assert run("apply")["error"] is None
    new = (tmp_path / "tokens" / "salinas.1h.read").read_text().strip()
    uid = source_uid("salinas", Resolution.HOUR)
    assert grafana.sources[uid]["secure"]["basicAuthPassword"] == new != old
    assert influx.knows(new)
    assert run("plan")["steps"] == []


def test_only_one_of_them_is_asked_for(both):
    """`--only` leaves the other alone, unasked."""
    influx, grafana, run = both
    run("apply", "--only", "influxdb")

    assert not grafana.calls
    before = len(influx.calls)
    run("apply", "--only", "grafana")
    assert len(influx.calls) == before
    assert run("plan")["steps"] == []


def test_destroy_removes_from_both(both):
    """Grafana's things go before the tokens that they use; readings stay."""
    influx, _, run = both
    run("apply")
    gone = run("destroy", "--yes")

    assert gone["error"] is None
    targets = [one["target"] for one in gone["done"]]
    assert targets == sorted(targets)
    assert (influx.marked(), len(influx.named())) == ({}, 4)
