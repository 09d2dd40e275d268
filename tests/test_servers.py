"""The servers that other tests rely on: they take data, keep it over a restart, and are gone when told."""

import json
import socket

import httpx
import pytest

from tests import ROOT
from tests.servers import LOOPBACK, PEERS, free_port_range, need

TIME_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


def points(url, database):
    answer = httpx.get(f"{url}/query", params={"db": database, "q": "SELECT value FROM level", "epoch": "ns"})
    return answer.json()["results"][0]["series"][0]["values"]


@pytest.fixture
def one_point(influxdb):
    """The name of a database that holds one point."""
    httpx.post(f"{influxdb.url}/query", params={"q": "CREATE DATABASE servers"}).raise_for_status()
    line = f"level,device=cistern value=0 {TIME_NS}"
    httpx.post(f"{influxdb.url}/write", params={"db": "servers"}, content=line).raise_for_status()
    yield "servers"
    httpx.post(f"{influxdb.url}/query", params={"q": "DROP DATABASE servers"}).raise_for_status()


def test_influxdb_gives_back_what_was_written(influxdb, one_point):
    """A point written by line protocol is read back with its nanosecond."""

    assert points(influxdb.url, one_point) == [[TIME_NS, 0]]


def test_influxdb_comes_back_with_its_data(influxdb, one_point):
    """A store that is away refuses connections; back again it has the same address and data."""
    with influxdb.away(), pytest.raises(httpx.ConnectError):
        httpx.get(f"{influxdb.url}/ping")

    assert points(influxdb.url, one_point) == [[TIME_NS, 0]]


def test_influxdb_survives_a_crash(influxdb, one_point):
    """What was acknowledged is there after the process was killed."""
    influxdb.crash()
    influxdb.start()

    assert points(influxdb.url, one_point) == [[TIME_NS, 0]]


def test_victoria_gives_back_what_was_written(victoria):
    """A point written by line protocol is exported with its millisecond."""
    line = f"level,device=cistern value=0 {TIME_NS}"
    httpx.post(f"{victoria.url}/api/v2/write", params={"precision": "ns"}, content=line).raise_for_status()
    victoria.flush()
    answer = httpx.get(
        f"{victoria.url}/api/v1/export", params={"match[]": "level_value", "start": TIME_NS // 10**9}
    )
    exported = json.loads(answer.text.splitlines()[0])

    assert (exported["values"], exported["timestamps"]) == ([0], [TIME_NS // 10**6])


def test_free_ports_can_be_bound():
    """Each port of a range that was called free can be listened on."""
    first = free_port_range(5)
    for port in range(first, first + 5):
        socket.create_server((LOOPBACK, port)).close()


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
@pytest.mark.parametrize("peer", PEERS)
def test_missing_peer_is_said(peer, ci, outcome, monkeypatch, tmp_path):
    """A peer that is not installed leaves the test out, and fails it where CI=true; both say which package it is in."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)

    with pytest.raises(outcome, match=f"apt-get install {PEERS[peer].packages}"):
        need(peer)


def test_every_peer_is_in_the_script_that_installs_them():
    """tools/servers.sh knows the packages of all peers."""
    script = (ROOT / "tools" / "servers.sh").read_text()

    assert [name for peer in PEERS.values() for name in peer.packages.split() if name not in script] == []
