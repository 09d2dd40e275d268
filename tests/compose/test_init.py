"""`barrio init`: waits for servers that come up beside it, as long as it was told, then provisions them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from typer.testing import CliRunner

from barrio import cli
from barrio.commands import init as command
from barrio.commands.init import Server, Time, servers, wait
from barrio.settings import load_settings
from provisioning.plan import ProvisioningError
from tests import ROOT
from tests.compose.reading import running
from tests.provisioning.grafana_stand_in import PASSWORD as GRAFANA_PASSWORD
from tests.provisioning.grafana_stand_in import USER as GRAFANA_USER
from tests.provisioning.grafana_stand_in import GrafanaStandIn
from tests.provisioning.guarded import ADMIN, PASSWORD, GuardedInfluxDB
from tests.provisioning.influx_stand_in import ORG, InfluxStandIn
from tests.servers import free_port
from twin.errors import BarrioError


class ComingUpStandIn(HTTPServer):
    """Stands in for a server that is coming up: answers with each status once, then with the last for ever."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.statuses = list(statuses)
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next(self) -> int:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


class Answering(BaseHTTPRequestHandler):
    server: ComingUpStandIn

    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(self.server.next())
        self.end_headers()

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def coming_up():
    """A server with its statuses, served until the test is over."""
    begun = []

    def begin(*statuses):
        server = ComingUpStandIn(*statuses)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        begun.append((server, thread))
        return server

    yield begin
    for server, thread in begun:
        server.shutdown()
        thread.join()
        server.server_close()


class Moved:
    """A clock that moves by what is slept, and a little by each look."""

    def __init__(self) -> None:
        self.at = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    @property
    def time(self) -> Time:
        return Time(lambda: self.at, self.sleep)


def test_whoever_answers_is_not_waited_for(coming_up):
    """Nothing is said and nobody sleeps when both are there; 401 is an answer as well."""
    said: list[str] = []
    clock = Moved()
    influx, grafana = coming_up(401), coming_up(200)
    both = [Server("InfluxDB", influx.url, "/ping"), Server("Grafana", grafana.url, "/api/health")]
    wait(both, 60, said.append, clock.time)

    assert (said, clock.slept) == ([], [])
    assert (influx.paths, grafana.paths) == (["/ping"], ["/api/health"])


def test_a_server_that_is_not_ready_yet_is_waited_for(coming_up):
    """A failure of its own is no answer; what is the matter is said once, and when it is over."""
    said: list[str] = []
    clock = Moved()
    grafana = coming_up(503, 503, 503, 200)
    wait([Server("Grafana", grafana.url, "/api/health")], 60, said.append, clock.time)

    assert said == [
        f"waiting for Grafana at {grafana.url}: it answers 503 (0 of 60 s)",
        f"Grafana at {grafana.url} answers after 3 s",
    ]


def test_nobody_is_waited_for_for_ever():
    """When the time is over the error names the call, the server and what it last did."""
    said: list[str] = []
    clock = Moved()
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(
        ProvisioningError, match=rf"^GET /ping: InfluxDB at {re.escape(url)} did not answer within 40 s: "
    ) as raised:
        wait([Server("InfluxDB", url, "/ping")], 40, said.append, clock.time)

    assert "refused" in str(raised.value)
    assert clock.at == 40
    assert len(said) == 3


def test_the_wait_is_shared(coming_up):
    """Two servers together take no longer than was allowed."""
    clock = Moved()
    slow = coming_up(503, 503, 503, 503, 200)
    never = Server("Grafana", f"http://127.0.0.1:{free_port()}", "/api/health")
    with pytest.raises(ProvisioningError, match="Grafana"):
        wait([Server("InfluxDB", slow.url, "/ping"), never], 6, lambda _: None, clock.time)

    assert clock.at == 6


def test_a_password_in_an_address_is_not_shown():
    """Such an address is refused when it is used; until then it is not on the screen either."""
    said: list[str] = []
    clock = Moved()
    url = f"http://admin:canary@127.0.0.1:{free_port()}"
    with pytest.raises(ProvisioningError) as raised:
        wait([Server("InfluxDB", url, "/ping")], 2, said.append, clock.time)

    assert "canary" not in f"{said}{raised.value}"


def test_who_is_named_is_waited_for():
    """An embedded store is nobody to wait for; Grafana only where there is one."""
    influx = {"store": "http://influxdb:8086/"}

    assert servers(load_settings()) == []
    assert servers(load_settings(**influx)) == [Server("InfluxDB", "http://influxdb:8086", "/ping")]
    assert [one.name for one in servers(load_settings(**influx, grafana="http://grafana:3000"))] == [
        "InfluxDB",
        "Grafana",
    ]


def call(*words):
    """Return what the command line does; an error that `main` would put into words is in `exception`."""
    return CliRunner().invoke(cli.app, ["init", *words])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no-such-district",), "no-such-district"),
        (("ciudad-maderas", "--wait", "soon"), "--wait"),
        (("ciudad-maderas", "--lang", "fr"), "--lang"),
    ],
)
def test_what_is_wrong_here_is_said_before_anybody_is_waited_for(words, said, monkeypatch, tmp_path):
    """A fault in files or options takes no two minutes to be told."""
    monkeypatch.setenv("BARRIO_TOKENS", str(tmp_path))
    monkeypatch.setenv("BARRIO_STORE", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("BARRIO_GRAFANA", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(command, "wait", lambda *_: pytest.fail("somebody was waited for"))
    done = call(*words)

    assert isinstance(done.exception, BarrioError)
    assert said in str(done.exception)


def test_a_server_that_stays_away_ends_it_with_one_line(monkeypatch, tmp_path):
    """Exit code 1, so that compose starts no platform; no traceback."""
    monkeypatch.setenv("BARRIO_TOKENS", str(tmp_path))
    monkeypatch.setenv("BARRIO_STORE", f"http://127.0.0.1:{free_port()}")
    done = call("ciudad-maderas", "--wait", "100ms")

    assert done.exit_code == 1
    assert done.stderr.startswith("barrio: GET /ping: InfluxDB at ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def guarded(tmp_path):
    """A real InfluxDB 1.x that asks who somebody is, with its admin."""
    folder = tmp_path / "influx"
    folder.mkdir()
    server = GuardedInfluxDB(folder)
    server.start()
    server.make_admin()
    yield server
    server.stop()


def run(environment):
    """Return what `barrio init` says, as a process of its own."""
    command = [sys.executable, "-m", "barrio", "init", "ciudad-maderas"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)

    assert done.returncode == 0, done.stderr
    return done.stdout


def files(folder):
    return {one.name: one.read_text() for one in folder.iterdir() if not one.name.startswith(".")}


def test_a_real_influxdb_is_prepared_once(guarded, tmp_path):
    """Databases and tokens come into being; a second run changes nothing, and no secret is said."""
    secret = tmp_path / "admin-token"
    secret.write_text(f"{PASSWORD}\n")
    tokens = tmp_path / "tokens"
    environment = {
        "PATH": os.environ["PATH"],
        "BARRIO_STORE": guarded.url,
        "BARRIO_ADMIN_USER": ADMIN,
        "BARRIO_ADMIN_TOKEN_FILE": str(secret),
        "BARRIO_TOKENS": str(tokens),
    }
    first, made = run(environment), files(tokens)
    second, kept = run(environment), files(tokens)

    assert "ciudad-maderas.write" in made
    assert {"ciudad-maderas.utility-cea.read", "ciudad-maderas.utility-cfe.read"} <= made.keys()
    assert "ciudad-maderas_15m" in guarded.query("SHOW DATABASES").text
    assert kept == made
    assert "+ influxdb database ciudad-maderas_15m" in first
    assert "+" not in second
    assert not any(secret in first + second for secret in (PASSWORD, *made.values()))


def test_both_are_prepared_as_in_compose(tmp_path):
    """With the settings that compose gives: all is made once, nothing twice, and a token that is gone is made anew."""
    with InfluxStandIn() as influx, GrafanaStandIn() as grafana:
        admin, password, tokens = tmp_path / "admin", tmp_path / "password", tmp_path / "tokens"
        admin.write_text(influx.operator)
        password.write_text(GRAFANA_PASSWORD)
        given = running("demo")["demo-init"]["environment"] | {
            "PATH": os.environ["PATH"],
            "BARRIO_STORE": influx.url,
            "BARRIO_STORE_ORG": ORG,
            "BARRIO_TOKENS": str(tokens),
            "BARRIO_ADMIN_TOKEN_FILE": str(admin),
            "BARRIO_GRAFANA": grafana.url,
            "BARRIO_GRAFANA_USER": GRAFANA_USER,
            "BARRIO_GRAFANA_PASSWORD_FILE": str(password),
        }
        first, made = run(given), files(tokens)
        second, kept = run(given), files(tokens)
        (tokens / "ciudad-maderas.15m.read").unlink()
        third, anew = run(given), files(tokens)
        fourth = run(given)

    assert "influxdb bucket ciudad-maderas" in first
    assert "grafana dashboard" in first
    assert not re.search(r"^  [+~-]", second, re.MULTILINE)
    assert kept == made
    assert "grafana data source" in third
    assert {name for name in made if anew[name] != made[name]} == {"ciudad-maderas.15m.read"}
    assert not re.search(r"^  [+~-]", fourth, re.MULTILINE)
    secrets = (influx.operator, GRAFANA_PASSWORD, *made.values(), *anew.values())
    assert not any(secret in first + second + third for secret in secrets)
