"""`python -m barrio.ready`: the health check of a container."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from barrio.ready import main, ready
from tests.servers import free_port


class PlatformStandIn(BaseHTTPRequestHandler):
    """Stands in for a platform: /readyz as told by the path."""

    def do_GET(self):
        status, words = (200, "ready") if self.path == "/readyz" else (503, "no reading was stored")
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"{words}\n".encode())

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def platform():
    """URL of a stand-in."""
    with HTTPServer(("127.0.0.1", 0), PlatformStandIn) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_platform_is_well_or_says_why_not(platform):
    """200 is well; 503 comes with words that docker keeps for whoever asks."""

    assert ready(f"{platform}/readyz") == (True, "ready")
    assert ready(f"{platform}/other") == (False, "no reading was stored")


def test_who_does_not_answer_is_not_well():
    """Neither nobody nor somebody who is no platform."""

    assert ready(f"http://127.0.0.1:{free_port()}/readyz")[0] is False
    assert ready("file:///etc/passwd") == (False, "'file:///etc/passwd' is not the URL of a platform")


def test_no_proxy_is_asked(platform, monkeypatch):
    """What the environment says of proxies is for others, not for this machine."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)

    assert ready(f"{platform}/readyz")[0]


def test_the_exit_code_is_the_answer(platform):
    """0 well, 1 not, 2 for whoever calls it wrongly; said in words."""
    done = subprocess.run(
        [sys.executable, "-m", "barrio.ready", f"{platform}/other"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "no reading was stored\n")
    assert (main([f"{platform}/readyz"]), main([])) == (0, 2)
