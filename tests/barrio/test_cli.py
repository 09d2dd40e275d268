"""The command line: what it says when something is wrong, and two processes that work together."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
import typer
import typer.core
import typer.main

from barrio import cli
from barrio.cli_groups import GROUPS
from barrio.settings import Settings
from tests import ROOT
from tests.barrio.processes import WITHIN_S, barrio, started, wait_for
from tests.servers import free_port, free_port_range
from twin.folder import DataFolder

DISTRICT = """\
district: little
name: Little
timezone: America/Mexico_City
location: {lat: 20.5, lon: -100.3}
sites: [{id: house}]
"""
DEVICES = """\
devices:
  - {id: tank, profile: tank, site: house, endpoint: "modbus+tcp://10.0.0.1:502/1"}
  - {id: pump, profile: tank, site: house, endpoint: "modbus+tcp://10.0.0.2:502/1"}
"""
PROFILE = """\
profile: tank
protocol: modbus
kind: WaterTank
poll: 500ms
points:
  level: {quantity: tank_level, register: "holding:0", type: float32, unit: m}
  pump: {quantity: pump_state, register: "coil:0", states: {0: 'off', 1: 'on'}}
"""


def write_district(folder: Path, *, devices: str = DEVICES, profile: str = PROFILE) -> Path:
    """A district of two Modbus devices."""
    (folder / "profiles").mkdir(parents=True)
    (folder / "district.yaml").write_text(DISTRICT)
    (folder / "devices.yaml").write_text(devices)
    (folder / "profiles" / "tank.yaml").write_text(profile)
    return folder


class Stranger(BaseHTTPRequestHandler):
    """An HTTP server that is no store."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    do_HEAD = do_POST = do_GET  # noqa: N815 - the library calls them so

    def log_message(self, *_) -> None:
        """Say nothing."""


# What is typed, and the lines that answer it, as patterns; {port} and {stranger} are filled in.
WRONG = {
    "an unknown key": (
        "check unknown_key",
        [r"unknown_key/profiles/tank.yaml:6: points.level.scal: unknown key.*scale"],
    ),
    "several faults at once": (
        "check several",
        [
            r"several/devices.yaml:2: devices\[0\].site: there is no site 'hous'.*\(did you mean house\?\)",
            r"several/devices.yaml:3: devices\[1\].endpoint: scheme 'http' is not spoken by this protocol, expected",
        ],
    ),
    "an unknown profile": (
        "check profile",
        [r"profile/devices.yaml:2: devices\[0\].profile: .*\(did you mean tank\?\)"],
    ),
    "a duplicate id": (
        "check duplicate",
        [r"duplicate/devices.yaml:3: devices\[1\].id: device id 'tank' is taken"],
    ),
    "a register out of range": (
        "check register",
        [r"register/profiles/tank.yaml:6: points.level.register: .*65535"],
    ),
    "an unknown district": (
        "check cuidad",
        [r"cuidad:1: \(folder\): there is no such folder, .* with barrio"],
    ),
    "a wrong district is not run": ("run duplicate --data never", [r"duplicate/devices.yaml:3: "]),
    "a busy port": (
        "run good --listen 127.0.0.1:{port} --data never",
        [r"cannot listen on 127.0.0.1:{port}: address"],
    ),
    "an address that is none": (
        "run good --listen here --data never",
        [r"--listen: 'here' is not HOST:PORT, such as 127.0.0.1:8080$"],
    ),
    "a data folder that is a file": (
        "run good --listen 127.0.0.1:0 --data file",
        [r"data folder file: there is a file"],
    ),
    "a data folder that cannot be made": (
        "run good --listen 127.0.0.1:0 --data /proc/barrio",
        [r"data folder /proc/barrio cannot be used: "],
    ),
    "a data folder in use": (
        "run good --listen 127.0.0.1:0 --data taken",
        [r"data folder taken is in use by process \d+"],
    ),
    "a store that is no address": (
        "run good --listen 127.0.0.1:0 --data never1 --store mysql",
        [r"store 'mysql' is neither duckdb nor the URL of an InfluxDB"],
    ),
    "a store that is something else": (
        "run good --listen 127.0.0.1:0 --data never2 --store {stranger}",
        [r"{stranger}"],
    ),
    "a wrong setting": ("status", [r"BARRIO_STORE_TIMEOUT: .*found 'fast'"]),
    "a data folder that is not there": ("latest --data nowhere", [r"there is no data folder nowhere"]),
    "a length that is none": (
        "demo --for soon",
        [r"--for: a duration is a number with a unit, .*found 'soon'"],
    ),
    "a speed that is none": ("demo --speed nan", [r"--speed: is a number of .*, 0 or more, found nan"]),
    "an override file that is not there": (
        "run good --endpoints nowhere.yaml --data never",
        [r"nowhere.yaml:1: \(file\): cannot be read: no such file or directory$"],
    ),
    "a fault that is none": (
        "simulate good --fault nap:tank",
        [r"--fault: fault 'nap:tank': 'nap' is no kind of fault"],
    ),
    "an override file of others": (
        "run good --endpoints other.yaml --data never",
        [r"no device of little has this"],
    ),
    "places given twice": (
        "run good --simulated --endpoints other.yaml --data never",
        [r"--simulated and --endpoints both say where the devices are"],
    ),
    "two districts behind one endpoint": (
        "simulate good neighbour",
        [r"neighbour shares modbus\+tcp://10.0.0.1:502 with another district"],
    ),
    "a store with a password in its address": (
        "run good --data never --listen 127.0.0.1:0 --store http://me:secret@127.0.0.1:8086",
        [r"BARRIO_STORE_USER and BARRIO_STORE_TOKEN instead$"],
    ),
    "an endpoint out of reach": (
        "check far --connect",
        [],
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Every wrong command run to its end, a few at a time, by what is wrong with it."""
    here = tmp_path_factory.mktemp("wrong")
    write_district(here / "good")
    write_district(here / "unknown_key", profile=PROFILE.replace("unit: m", "scal: 2"))
    write_district(
        here / "several",
        devices=DEVICES.replace("house", "hous", 1).replace("modbus+tcp://10.0.0.2", "http://x"),
    )
    write_district(here / "profile", devices=DEVICES.replace("profile: tank", "profile: tnak", 1))
    write_district(here / "duplicate", devices=DEVICES.replace("id: pump", "id: tank"))
    write_district(here / "register", profile=PROFILE.replace("holding:0", "holding:70000"))
    write_district(
        here / "far",
        devices=DEVICES.replace("10.0.0.1:502", f"127.0.0.1:{free_port()}").split("  - {id: pump")[0],
    )
    write_district(here / "neighbour")
    (here / "neighbour" / "district.yaml").write_text(
        DISTRICT.replace("district: little", "district: neighbour")
    )
    (here / "file").write_text("")
    (here / "other.yaml").write_text(
        'endpoints: {"modbus+tcp://10.9.9.9:502": "modbus+tcp://127.0.0.1:502"}\n'
    )
    stranger = HTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    taken = DataFolder(here / "taken")
    taken.open()
    with socket.create_server(("127.0.0.1", 0)) as busy:
        fills = {"port": str(busy.getsockname()[1]), "stranger": f"http://127.0.0.1:{stranger.server_port}"}

        def ask(case):
            words = [word.format(**fills) for word in WRONG[case][0].split()]
            variables = {"BARRIO_STORE_TIMEOUT": "fast"} if words[0] == "status" else {}
            return barrio(*words, cwd=here, **variables), fills

        with ThreadPoolExecutor(3) as pool:
            found = dict(zip(WRONG, pool.map(ask, WRONG), strict=True))
    taken.close()
    stranger.shutdown()
    stranger.server_close()
    assert not list(here.glob("never/platform.json"))
    return found


# Each of its commands is run before the first of them.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_answered_in_one_line_each(answers, case):
    """Exit code 2, as many lines as there are faults, each saying what was meant; never a traceback."""
    done, fills = answers[case]
    expected = [
        line.replace("{port}", fills["port"]).replace("{stranger}", fills["stranger"])
        for line in WRONG[case][1]
    ]
    lines = done.stderr.splitlines()

    assert done.returncode == 2, done.stderr
    assert len(lines) == len(expected), done.stderr
    assert all(re.search(pattern, line) for pattern, line in zip(expected, lines, strict=True)), done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_connect_says_what_does_not_answer(answers):
    """`check --connect` has a line for each link, and exit code 2 when one is out of reach."""
    done, _ = answers["an endpoint out of reach"]
    lines = done.stdout.splitlines()

    assert lines[0] == "little: 1 devices, 2 points, 1 links; no faults"
    assert re.fullmatch(r"modbus\+tcp://127.0.0.1:\d+: no answer: .+", lines[1])


def test_the_version_is_quick(tmp_path):
    """`--version` loads none of the libraries that the platform needs."""
    version = barrio("--version", cwd=tmp_path)
    code = "import sys, barrio.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert re.fullmatch(r"barrio \d+\.\d+\.\d+\n", version.stdout)
    assert not {"numpy", "pydantic", "fastapi", "duckdb", "asyncua", "aiocoap", "pymodbus", "httpx"} & set(
        loaded
    )


def test_connectors_are_listed(tmp_path):
    """The four that come along, with their schemes and how they stand on the ladder."""
    found = json.loads(barrio("connectors", "--json", cwd=tmp_path).stdout)

    schemes = {one["name"]: one["schemes"] for one in found}
    assert sorted(schemes) == ["coap", "modbus", "mqtt", "opcua"]
    assert (schemes["coap"]["coap"], schemes["modbus"]["modbus+tcp"]) == (5683, 502)
    assert schemes["opcua"] == {"opc.tcp": 4840}
    assert all({"rung", "next", "missing"} <= one.keys() for one in found)


def test_run_and_simulate_as_two_processes(tmp_path):
    """A simulator prints where it stands in, a platform reads it, commands ask the platform, and both stop cleanly."""
    write_district(tmp_path / "little")
    (tmp_path / "data").mkdir(mode=0o755)
    base, port = free_port_range(2), free_port()
    url, data = f"http://127.0.0.1:{port}", ["--data", "data"]
    with started("simulate", "little", "--base-port", str(base), cwd=tmp_path) as simulator:
        assert simulator.stdout is not None
        text = "".join(simulator.stdout.readline() for _ in range(4))
        (tmp_path / "endpoints.yaml").write_text(text)
        words = ["run", "little", "--listen", f"127.0.0.1:{port}", *data, "--endpoints", "endpoints.yaml"]
        with started(*words, cwd=tmp_path) as platform:
            wait_for(f"{url}/readyz", platform)
            found = _heard(url, platform, tmp_path / "data")
            with ThreadPoolExecutor(3) as pool:
                asked = pool.map(
                    lambda command: barrio(*command, *data, cwd=tmp_path),
                    (
                        ["latest", "little/tank"],
                        ["status"],
                        ["why", "little/tank/level"],
                        ["history", "little/tank/nil"],
                    ),
                )
                latest, status, why, unknown = list(asked)
            kept = httpx.Client(base_url=url, trust_env=False)
            kept.get("/healthz")
            begun = time.monotonic()
            platform.send_signal(signal.SIGINT)
            said = platform.communicate(timeout=20)[1]
            took_s = time.monotonic() - begun
            kept.close()
        simulator.send_signal(signal.SIGTERM)
        simulator.communicate(timeout=20)

    assert f"modbus+tcp://10.0.0.2:502: modbus+tcp://127.0.0.1:{base + 1}" in text
    assert found["quality"]["level"] == "good"
    assert "little/tank/level" in latest.stdout
    assert "links     2 of 2 up" in status.stdout
    assert why.stdout.endswith("it has a value\n")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert "there is no point 'little/tank/nil'" in unknown.stderr
    assert (platform.returncode, simulator.returncode) == (0, 0), said
    assert "Traceback" not in said
    assert took_s < 6
    # A data folder that was there before may be open to all; what stands in it is not.
    assert [path for path in (tmp_path / "data").rglob("*") if path.stat().st_mode & 0o007] == []


def _heard(url, process, data):
    """The newest reading of the tank's level, when there is one."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        found = wait_for(f"{url}/api/v1/points/little/tank/level/latest", process, data=data).json()
        if found["value"] is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing was heard: {found}")


def test_a_link_that_cannot_be_reached_keeps_trying(tmp_path):
    """A platform with an unreachable device runs, says so once, and stops cleanly."""
    far = DEVICES.replace("10.0.0.1:502", f"127.0.0.1:{free_port()}").split("  - {id: pump")[0]
    write_district(tmp_path / "little", devices=far)
    port = free_port()
    with started(
        "run", "little", "--listen", f"127.0.0.1:{port}", "--data", "data", cwd=tmp_path
    ) as platform:
        asked, until = f"http://127.0.0.1:{port}/api/v1/status", time.monotonic() + WITHIN_S
        while not (status := wait_for(asked, platform, data=tmp_path / "data").json())["alarms"]:
            assert time.monotonic() < until
            time.sleep(0.1)
        # Long enough for it to be tried again.
        time.sleep(2)
        platform.send_signal(signal.SIGTERM)
        said = platform.communicate(timeout=20)[1]

    assert platform.returncode == 0
    assert [link["up"] for link in status["links"]] == [False]
    assert "refused" in status["alarms"][0]["words"]
    assert said.count("link.down") == 1


def test_help_lists_every_command_once():
    """Every command stands in one group of `barrio --help`."""
    group = typer.main.get_command(cli.app)
    assert isinstance(group, typer.core.TyperGroup)

    assert sorted(name for names in GROUPS.values() for name in names) == sorted(group.commands)


def test_every_option_is_in_the_reference():
    """docs/commands.md names every command, every option and every setting, with its default."""
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    missing = []
    group = typer.main.get_command(cli.app)
    assert isinstance(group, typer.core.TyperGroup)
    for name, command in group.commands.items():
        section = re.search(rf"^## barrio {name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        options = [option for one in command.params for option in one.opts if option.startswith("--")]
        missing += [f"{name} {o}" for o in options if section is None or f"`{o}" not in section[1]]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        if not re.search(
            rf"^\| `BARRIO_{name.upper()}` \| .*\| {re.escape(default)} *\|$", page, re.MULTILINE
        ):
            missing.append(name)

    assert missing == []
