"""InfluxDB 3 Core, against a scripted stand-in for the three calls that its page describes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioning.influx import Admin
from tests.provisioning.conftest import do, refusal, said

TOKEN = "apiv3_canary"
PATH = "/api/v3/configure/database"


@dataclass
class CoreStandIn:
    """Databases with their retention; whoever has no token gets nothing, not even the version."""

    databases: dict[str, str | None] = field(default_factory=lambda: {"_internal": None})
    url: str = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and body."""
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/ping":
            return 200, {"version": "3.11.2"}
        if method == "GET":
            return 200, [{"iox::database": name} for name in self.databases if query["format"] == "json"]
        if method == "DELETE":
            return (200, None) if self.databases.pop(query["db"], "-") != "-" else (404, None)
        return self._create(json.loads(body))

    def _create(self, wanted: dict[str, str]) -> tuple[int, Any]:
        if wanted["db"] in self.databases:
            return 409, None
        if sum(not name.startswith("_") for name in self.databases) >= 5:
            return 422, {"error": "adding a new database would exceed limit of 5 databases"}
        self.databases[wanted["db"]] = wanted.get("retention_period")
        return 200, None


@pytest.fixture
def core() -> Iterator[CoreStandIn]:
    """A stand-in for an InfluxDB 3 Core."""
    state = CoreStandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            scheme, _, value = self.headers.get("Authorization", "").partition(" ")
            known = value == TOKEN if scheme == "Bearer" else scheme == "Basic"
            status, answer = state.answer(self.command, self.path, body) if known else (401, None)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            if known:
                self.send_header("X-Influxdb-Version", "3.11.2")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_DELETE = do_GET  # noqa: N815 -- the base class looks for these names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def test_one_district_fits(new_target, core, district, tokens):
    """Its databases are made with their retention; barrio and Grafana get copies of the token, the utility none."""
    target = new_target(Admin(core.url, TOKEN), [district], tokens)
    steps = target.plan()
    do(steps)

    assert core.databases == {
        "_internal": None,
        "salinas": "7776000s",
        "salinas_15m": "172800s",
        "salinas_1h": "63072000s",
        "salinas_1d": None,
    }
    assert "5 databases" in steps[0].words
    assert "admin tokens only" in steps[0].words
    assert [tokens.read(f"salinas.{name}") for name in ("write", "raw.read", "1d.read")] == [TOKEN] * 3
    assert tokens.read("salinas.utility-cea.read") is None
    again = target.plan()
    assert said(again) == [f"keep server {core.url}", "keep token salinas.utility-cea.read"]
    assert TOKEN not in repr(steps)


def test_a_second_district_does_not_fit_and_that_is_said(new_target, core, make_district, tokens):
    """What there is no room for is left out and counts as drift; raw readings of the first that has room go first."""
    target = new_target(Admin(core.url, TOKEN), [make_district(), make_district("norte")], tokens)
    steps = [one for one in target.plan() if one.kind == "database"]

    assert [str(one) for one in steps if "norte" in one.name] == [
        "create database norte",
        "keep database norte_15m",
        "keep database norte_1h",
        "keep database norte_1d",
    ]
    assert all(one.differences for one in steps)
    do(target.plan())
    assert len(core.databases) == 6


def test_destroy_keeps_readings_unless_told(new_target, core, district, tokens):
    """Copies of the token go, databases when asked."""
    target = new_target(Admin(core.url, TOKEN), [district], tokens)
    do(target.plan())
    do(target.destroy(keep_data=True))

    assert (tokens.names(), len(core.databases)) == ([], 5)
    do(target.destroy(keep_data=False))
    assert list(core.databases) == ["_internal"]


def test_what_goes_wrong_is_one_line(new_target, core, district, tokens):
    """No token and a wrong one are said with the call."""
    assert refusal(new_target(Admin(core.url), [district], tokens)).startswith("GET /ping: ")
    assert refusal(new_target(Admin(core.url, "canary-wrong"), [district], tokens)) == (
        f"GET {PATH}: answered 401: Unauthorized; what is missing: an admin token"
    )


def test_a_token_that_no_header_carries_is_not_spelled_out(new_target, core, district, tokens):
    """A file with two lines in it is refused without its words."""
    line = refusal(new_target(Admin(core.url, "canary\nsecond line"), [district], tokens))

    assert line == "BARRIO_ADMIN_TOKEN: it holds a line break, or another character that no token has"
