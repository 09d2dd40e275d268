"""A stand-in for InfluxDB on loopback: answers what it is told, and keeps what it was asked."""

import gzip
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Answer:
    """What the stand-in says; `slow_s` is how long it waits before."""

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    slow_s: float = 0.0


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


class StandIn:
    """Answers `/ping` as `version`, and everything else with `answer` (or by path, from `answers`).

    `here.request` is the request that is being answered in the thread that asks: others may be answered meanwhile.
    """

    def __init__(self, version: str = "2.9.1") -> None:
        self.ping = Answer(204, headers={"X-Influxdb-Version": version})
        self.answer = Answer()
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.here = threading.local()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                headers = dict(self.headers.items())
                request = Request(self.command, url.path, parse_qs(url.query), headers, body)
                stand_in.requests.append(request)
                stand_in.here.request = request
                answer = (
                    stand_in.ping if url.path == "/ping" else stand_in.answers.get(url.path, stand_in.answer)
                )
                time.sleep(answer.slow_s)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_POST = do_GET  # noqa: N815 -- the base class looks for this name

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that did not wait for a slow answer is no error."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]
