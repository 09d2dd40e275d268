"""Certificates: those that this machine trusts are trusted, and no others."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from barrio.commands.init import Server, wait
from provisioning.grafana.client import Client, Login
from provisioning.influx import Admin, ask_version
from provisioning.influx1_calls import Calls
from provisioning.plan import ProvisioningError
from tests.provisioning.certificates import self_signed
from tests.servers import LOOPBACK


class Peer(BaseHTTPRequestHandler):
    """Says to everything that it is an InfluxDB 1.x, in JSON that Grafana could have sent as well."""

    def do_GET(self) -> None:
        body = b'{"database": "ok", "results": [{}]}'
        self.send_response(200)
        self.send_header("X-Influxdb-Version", "1.6.7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def town(tmp_path) -> Iterator[tuple[str, Path]]:
    """A server with a certificate of the town's own: its address, and the certificate."""
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer((LOOPBACK, 0), Peer) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"https://{LOOPBACK}:{server.server_address[1]}", certificate
        server.shutdown()
        thread.join()


def ask_all(url: str) -> list[str]:
    """Ask as each of those who ask do; returns what they say that failed."""
    grafana, influx = Client(url, Login(), 5), Calls(Admin(url, timeout_s=5))
    failed = []
    for ask in (
        lambda: grafana.get("/api/health"),
        lambda: influx.do("SHOW DATABASES"),
        lambda: ask_version(Admin(url, timeout_s=5)),
        lambda: wait([Server("Grafana", url, "/api/health")], 0, lambda _: None),
    ):
        try:
            ask()
        except ProvisioningError as error:
            failed.append(str(error))
    grafana.close()
    influx.close()
    return failed


def test_a_certificate_of_the_towns_own_is_trusted_where_the_machine_trusts_it(town, monkeypatch):
    """Named in SSL_CERT_FILE, as one in the machine's own store, it serves; else each says what is wrong with it."""
    url, certificate = town
    failed = ask_all(url)

    assert len(failed) == 4
    assert all("certificate verify failed" in line and "\n" not in line for line in failed)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert ask_all(url) == []


def test_a_path_before_grafanas_is_kept():
    """A Grafana below a path, as behind a proxy, is asked below it."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={})

    client = Client("http://host/grafana/", Login())
    client._http._transport = httpx.MockTransport(answer)
    client._http._mounts = {}
    client.get("/api/health")
    client.close()

    assert asked == ["http://host/grafana/api/health"]
