"""A node-opcua server in a process of its own, with security on; it ends when its standard input does."""

from __future__ import annotations

import json
import selectors
import subprocess
import time
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.servers import NODE_OPCUA, free_port, need

if TYPE_CHECKING:
    from pathlib import Path

URI = "urn:barrio:node:plant"
START_WITHIN_S = 60.0


class NodeServer:
    """`endpoint` to dial, `certificate` of the server; who may come in is said by `trust` and `trust_user`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.endpoint = f"opc.tcp://127.0.0.1:{self.port}/plant"

    def __enter__(self) -> Self:
        command = [str(need("node-opcua")), "server.mjs", str(self.port), str(self._folder)]
        with (self._folder / "node.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=NODE_OPCUA, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        try:
            self.certificate = x509.load_pem_x509_certificate(self._ready().encode())
        except BaseException:
            self.__exit__()
            raise
        return self

    def _ready(self) -> str:
        """Return the server's certificate as soon as it listens."""
        assert self._process.stdout is not None
        ends = time.monotonic() + START_WITHIN_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, ends - time.monotonic())):
                line = self._process.stdout.readline()
                if line.startswith(b'{"ready"'):
                    return str(json.loads(line)["certificate"])
                if not line:
                    break
        log = (self._folder / "node.log").read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"node-opcua did not start:\n{log}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def trust(self, one: x509.Certificate) -> None:
        """Let an application in."""
        self._put("pki", one)

    def trust_user(self, one: x509.Certificate) -> None:
        """Let a user in who logs in with this certificate."""
        self._put("users", one)

    def _put(self, store: str, one: x509.Certificate) -> None:
        folder = self._folder / store / "trusted" / "certs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{one.serial_number:x}.pem").write_bytes(one.public_bytes(Encoding.PEM))
