"""`barrio plan`, `apply`, `drift`, `destroy`: what a person sees, and what a script is told."""

import json
import re

import pytest
from typer.testing import CliRunner

from barrio import cli
from tests.provisioning.influx_stand_in import ORG, Right
from twin.errors import BarrioError

pytestmark = pytest.mark.usefixtures("district")


@pytest.fixture
def barrio(influx2, tmp_path, monkeypatch):
    """A function that runs a command for the district `salinas` against the stand-in; returns exit code and output."""
    for name, value in {
        "STORE": influx2.url,
        "STORE_ORG": ORG,
        "ADMIN_TOKEN": influx2.operator,
        "TOKENS": str(tmp_path / "tokens"),
    }.items():
        monkeypatch.setenv(f"BARRIO_{name}", value)

    def run(command: str, *arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
        given = [command, str(tmp_path / "districts" / "salinas"), *arguments]
        result = CliRunner().invoke(cli.app, given, input=stdin)
        if isinstance(result.exception, BarrioError):
            return cli.WRONG_INPUT, result.stdout, str(result.exception)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


def test_plan_apply_drift_destroy(barrio, influx2):
    """The whole life: nothing is changed by looking, done once, found when changed by hand, removed when asked."""
    code, shown, _ = barrio("plan")

    assert code == 0
    assert "+ bucket salinas_15m              retention: 2d" in shown
    assert shown.splitlines()[-1].startswith("10 to create; plan ")
    assert influx2.named() == {}
    assert barrio("plan", "--exit-code")[0] == 2
    assert barrio("drift")[0] == 1
    code, said, _ = barrio("apply")
    assert (code, said.splitlines()[-1]) == (0, "10 done")
    assert barrio("apply")[:2] == (0, "nothing to do\n")
    assert barrio("plan", "--exit-code")[:2] == (0, "nothing to do\n")
    assert barrio("drift")[:2] == (0, "everything is as the districts say\n")
    influx2.bucket("salinas").retention_s = 0
    code, shown, _ = barrio("drift")
    assert code == 1
    assert "changed by hand" in shown
    assert "retention: for ever → 90d" in shown
    barrio("apply")
    code, said, _ = barrio("destroy", "--yes")
    assert (code, said.splitlines()[-1], len(influx2.named())) == (0, "6 done", 4)
    assert barrio("destroy", "--yes", "--delete-data")[0] == 0
    assert influx2.named() == {}


def test_programs_get_json(barrio):
    """Each command says one JSON object, with the names of calls and rights in their own fields."""
    plan = json.loads(barrio("plan", "--json")[1])

    assert plan["counts"] == {"create": 10, "change": 0, "delete": 0, "keep": 0, "by_hand": 0}
    assert plan["steps"][0]["differences"] == [{"field": "retention", "before": "", "after": "90d"}]
    applied = json.loads(barrio("apply", "--json", "--expect", plan["plan"])[1])
    assert (len(applied["done"]), applied["failed"], applied["error"], applied["left"]) == (
        10,
        None,
        None,
        [],
    )
    assert json.loads(barrio("drift", "--json")[1])["steps"] == []
    assert len(json.loads(barrio("destroy", "--json", "--yes")[1])["done"]) == 6


def test_apply_does_the_plan_that_was_read_or_nothing(barrio, influx2):
    """A plan that is another by now is not done, whatever changed in between."""
    name = re.search(r"plan (\w+)$", barrio("plan")[1])
    assert name is not None
    influx2.add_bucket("salinas")
    code, _, error = barrio("apply", "--expect", name[1])

    assert code == 2
    assert error.startswith("--expect: what is to be done is another by now, ")
    assert list(influx2.named()) == ["salinas"]


def test_an_apply_that_stops_says_what_is_done_and_left(barrio, influx2, monkeypatch):
    """Exit code 1, the call and the right in one line, and what the next apply does."""
    weak = influx2.token(
        *(Right("read", one) for one in ("orgs", "authorizations", "users", "buckets")),
        Right("write", "buckets"),
    )
    monkeypatch.setenv("BARRIO_ADMIN_TOKEN", weak)
    code, said, error = barrio("apply")

    assert code == 1
    assert said.splitlines() == [f"  + influxdb bucket salinas{end}" for end in ("", "_15m", "_1h", "_1d")]
    lines = error.splitlines()
    assert lines[0] == "4 done; stopped at: create token salinas.write"
    assert lines[1].startswith("  POST /api/v2/authorizations (barrio district=salinas role=write digest=")
    assert lines[1].endswith(f"what is missing: write:orgs/{influx2.org}/authorizations")
    assert lines[2] == "5 left, which the next apply does:"
    assert weak not in said + error


def test_a_server_that_cannot_be_asked_is_one_line(barrio, influx2, monkeypatch):
    """Exit code 1 (drift: 2, as 1 says that something differs), one line, no secret."""
    monkeypatch.setenv("BARRIO_ADMIN_TOKEN", "canary-wrong")
    for command, expected in (("plan", 1), ("apply", 1), ("drift", 2), ("destroy", 1)):
        code, said, error = barrio(command)

        assert (code, said, len(error.splitlines())) == (expected, "", 1), command
        assert error.startswith("barrio: GET /api/v2/orgs: answered 401: unauthorized access: ")
        assert "canary" not in error
    monkeypatch.setenv("BARRIO_STORE", "http://127.0.0.1:1")
    assert "cannot be reached" in barrio("plan")[2]


def test_what_is_not_set_is_said(barrio, monkeypatch):
    """No server, no folder for tokens, a target or a file of a secret that is none: wrong input, in one line."""
    assert barrio("plan", "--only", "influx") == (
        2,
        "",
        "--only: 'influx' is none of influxdb, grafana (did you mean influxdb?)",
    )
    assert barrio("plan", "--only", "grafana")[2] == (
        "there is nothing to provision: BARRIO_GRAFANA names no URL, such as http://HOST:3000"
    )
    monkeypatch.delenv("BARRIO_ADMIN_TOKEN")
    monkeypatch.setenv("BARRIO_ADMIN_TOKEN_FILE", "/nowhere/token")
    assert barrio("plan")[2] == (
        "BARRIO_ADMIN_TOKEN_FILE: the file cannot be read: No such file or directory"
    )
    monkeypatch.delenv("BARRIO_TOKENS")
    assert barrio("plan")[2].startswith("BARRIO_TOKENS: ")
    assert barrio("plan", "--exit-code")[0] == 1
    monkeypatch.setenv("BARRIO_STORE", "duckdb")
    assert barrio("apply")[0] == 2


def test_a_token_may_stand_in_a_file(barrio, influx2, tmp_path, monkeypatch):
    """The administrator's token is read from a file, line end and all."""
    (tmp_path / "admin").write_text(f"{influx2.operator}\n")
    monkeypatch.delenv("BARRIO_ADMIN_TOKEN")
    monkeypatch.setenv("BARRIO_ADMIN_TOKEN_FILE", str(tmp_path / "admin"))

    assert barrio("apply")[0] == 0


def test_destroy_asks_first(barrio, influx2):
    """Where nobody can be asked nothing is removed without --yes; the list is shown."""
    barrio("apply")
    code, _, error = barrio("destroy", "--delete-data")

    assert code == 2
    assert error == "--yes: nobody can be asked here: say it to go on"
    assert len(influx2.named()) == 4


def test_adopting_is_asked_for(barrio, influx2):
    """A bucket without a mark is drift that apply leaves alone, until --adopt takes it over."""
    influx2.add_bucket("salinas", "made by barrio run")
    barrio("apply")

    assert barrio("drift")[0] == 1
    assert "--adopt takes it over" in barrio("plan")[1]
    assert barrio("apply", "--adopt")[0] == 0
    assert barrio("drift")[0] == 0


def test_hostile_words_do_not_steer_a_terminal(barrio, influx2):
    """What somebody wrote into a description is shown with marks in place of escape sequences."""
    influx2.add_bucket("salinas", "\x1b]52;c;evil\x07")
    _, shown, _ = barrio("plan")

    assert "\x1b" not in shown
    assert "evil" in shown
