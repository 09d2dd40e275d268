"""Real servers for tests: found, started and stopped here, on loopback and free ports, with data in a test's folder.

A peer that is not installed leaves its tests out, with words that say how to get it. Where `CI=true` that is a failure.
"""

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx
import pytest

LOOPBACK = "127.0.0.1"
START_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0
MOST_GIVEN_AWAY = 6_000


@dataclass(frozen=True)
class Peer:
    """A program that tests need: any of the commands, all of the files, and the Debian packages that bring them."""

    commands: tuple[str, ...]
    packages: str
    files: tuple[str, ...] = ()

    def find(self) -> Path | None:
        """Return the program's path, None when it or one of its files is missing."""
        found = next(filter(None, map(shutil.which, self.commands)), None)
        return Path(found) if found and all(Path(file).exists() for file in self.files) else None


NODE_OPCUA = Path(__file__).parent / "peers" / "node-opcua"
STA_CLIENTS = Path(__file__).parent / "peers" / "sta-clients"
OPENAPI_CLIENT = Path(__file__).parent / "peers" / "openapi-client"
POWERQUERY = Path(__file__).parent / "peers" / "powerquery"

# The same table as in tools/servers.sh.
PEERS: Mapping[str, Peer] = {
    "influxd": Peer(("influxd",), "influxdb"),
    "victoria-metrics": Peer(("victoria-metrics",), "victoria-metrics"),
    "coap-client": Peer(("coap-client-openssl", "coap-client-notls", "coap-client"), "libcoap3-bin"),
    "coap-server": Peer(("coap-server-openssl", "coap-server-notls", "coap-server"), "libcoap3-bin"),
    "mosquitto": Peer(("mosquitto",), "mosquitto"),
    "libmodbus": Peer(("cc", "gcc"), "libmodbus-dev gcc libc6-dev", ("/usr/include/modbus/modbus.h",)),
    "chromium": Peer(("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "curl": Peer(("curl",), "curl"),
    "rscript": Peer(
        ("Rscript",), "r-base-core r-cran-jsonlite", ("/usr/lib/R/site-library/jsonlite/DESCRIPTION",)
    ),
    # Its parser comes by npm, by its lock: tools/servers.sh does that.
    "powerquery": Peer(
        ("node",), "nodejs npm", (str(POWERQUERY / "node_modules/@microsoft/powerquery-parser/package.json"),)
    ),
    # Four clients from PyPI, by their lock: tools/servers.sh makes the environment.
    "sta-clients": Peer(
        ("python3",),
        "python3-venv",
        (str(STA_CLIENTS / ".venv/.barrio-installed"),),
    ),
    "openapi-client": Peer(
        ("python3",),
        "python3-venv",
        (str(OPENAPI_CLIENT / ".venv/.barrio-installed"),),
    ),
    # Its package comes by npm, by its lock: tools/servers.sh does that as well.
    "node-opcua": Peer(("node",), "nodejs npm", (str(NODE_OPCUA / "node_modules/node-opcua/package.json"),)),
}


def need(peer: str) -> Path:
    """Return the path of a peer's program (for libmodbus: the compiler); without it the test is left out or fails."""
    found = PEERS[peer].find()
    if found is None:
        words = f"{peer} is not installed (on Debian, as root: apt-get install {PEERS[peer].packages})"
        if os.environ.get("CI") == "true":
            pytest.fail(words, pytrace=False)
        pytest.skip(words)
    return found


_given_away: set[int] = set()


def free_port() -> int:
    """Return a port that nothing listens on, neither TCP nor UDP."""
    return free_port_range(1)


def free_port_range(count: int) -> int:
    """Return the first of `count` consecutive ports that nothing listens on, neither TCP nor UDP.

    They lie below the range that the kernel takes from for outgoing connections, so that none takes them meanwhile,
    and this process is given none of them again before many others: who has it may not have bound it yet.
    """
    for _ in range(1_000):
        # Not from `random` itself, which tests may have seeded.
        first = random.SystemRandom().randrange(20_000, 32_000 - count)
        ports = range(first, first + count)
        if not _given_away.intersection(ports) and all(map(_is_free, ports)):
            _given_away.update(ports)
            return first
        if len(_given_away) > MOST_GIVEN_AWAY:
            _given_away.clear()
    raise RuntimeError(f"no {count} consecutive ports are free")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                return False
    return True


class Server:
    """A server process; `url` stays the same over `stop` and `start`, and so do its data."""

    program: str
    health: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, program: Path) -> list[str]:
        """Return the command line, after writing what files it needs."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The process id, None while stopped."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and return when it answers."""
        if self._process is not None:
            return
        command = self.command(need(self.program))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait(time.monotonic() + START_WITHIN_S)
        except BaseException:
            self.stop()
            raise

    def _wait(self, until: float) -> None:
        """Return when the server answers; raise with the end of its log when it ended or took too long."""
        while time.monotonic() < until:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}{self.health}", timeout=2, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        log = self._log.read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"{self.program} does not answer at {self.url}; its log ends:\n{log}")

    def stop(self) -> None:
        """Stop the server, by force if it does not end by itself; its data stay."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def crash(self) -> None:
        """Take the server down without a word, as a power cut does to the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Keep the server down for the length of a `with` block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class InfluxDB(Server):
    """InfluxDB 1.x without authentication. Give each test a database of its own name."""

    program = "influxd"
    health = "/ping"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._rpc = free_port()

    def command(self, program: Path) -> list[str]:
        """Write the configuration: everything off that tests do not ask for."""
        config = self.folder / "influxdb.conf"
        config.write_text(f"""
reporting-disabled = true
bind-address = "{LOOPBACK}:{self._rpc}"
[meta]
  dir = "{self.folder}/meta"
  logging-enabled = false
[data]
  dir = "{self.folder}/data"
  wal-dir = "{self.folder}/wal"
  index-version = "inmem"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "{LOOPBACK}:{self.port}"
  auth-enabled = false
  log-enabled = false
[logging]
  level = "error"
  suppress-logo = true
""")
        return [str(program), "run", "-config", str(config)]


class VictoriaMetrics(Server):
    """VictoriaMetrics: another server that takes line protocol at /api/v2/write. It counts time in milliseconds."""

    program = "victoria-metrics"
    health = "/health"

    def command(self, program: Path) -> list[str]:
        """Keep everything for ever, and answer with what has just been written."""
        return [
            str(program),
            f"-httpListenAddr={LOOPBACK}:{self.port}",
            f"-storageDataPath={self.folder}/data",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-memory.allowedBytes=256MB",
            "-loggerLevel=ERROR",
        ]

    def flush(self) -> None:
        """Make all that was written visible to reads, which otherwise takes about a second."""
        httpx.get(f"{self.url}/internal/force_flush", timeout=10, trust_env=False).raise_for_status()
