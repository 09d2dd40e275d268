"""Modbus/TCP Security, against servers with certificates made here."""

import asyncio
import socket
import ssl
from dataclasses import replace
from typing import cast

import pytest
import uvloop
from pymodbus.server import ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from connectors.conformance.recording import RecordingSink, device, running, supervised
from connectors.modbus import connector
from connectors.modbus.config import options_of
from connectors.modbus.tls import credentials_of, folder_of
from tests.connectors.modbus.bank import LOOPBACK, Bank, over_tcp
from tests.connectors.modbus.certificates import Authority
from tests.connectors.modbus.links import ONE, link_at
from twin.errors import TransientError


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def ours(authority):
    """Options of a client whose certificate the authority has signed."""
    certificate, key = authority.issue("barrio-north")
    return {"ca": str(authority.path), "certificate": str(certificate), "key": str(key)}


def at(port):
    return f"modbus+tls://{LOOPBACK}:{port}/1"


async def why_not(port, **options):
    """Return why no connection can be made."""
    with pytest.raises(TransientError) as caught:
        await link_at(at(port), connect_timeout=2.0, timeout=1.0, **options)[0].probe()
    return caught.value.words


async def test_both_sides_have_certificates(authority, ours):
    """Values are read through TLS, on both loops, and health says how."""

    async def main():
        async with over_tcp(Bank(registers=[7]), authority.server()) as port:
            link, (bound,) = link_at(at(port), connect_timeout=3.0, timeout=2.0, **ours)
            before = link.security
            sink = RecordingSink()
            async with running(link, sink):
                await sink.wait_for(lambda: len(sink.frames) > 3)
            return before, link.security, sink.by_name(bound)

    expected = (
        "TLS with client certificate barrio-north",
        "TLSv1.3 with client certificate barrio-north",
        {"level": 7.0},
    )
    assert await main() == expected
    assert await asyncio.to_thread(uvloop.run, main()) == expected


async def test_pymodbus_serves_it(authority, ours):
    """Another implementation of Modbus over TLS is read."""
    registers = [SimData(0, values=[5, 6], datatype=DataType.REGISTERS)]
    server = ModbusTlsServer(SimDevice(1, registers), sslctx=authority.server(), address=(LOOPBACK, 0))
    await server.serve_forever(background=True)
    try:
        port = cast("asyncio.Server", server.transport).sockets[0].getsockname()[1]
        link, _ = link_at(at(port), connect_timeout=3.0, timeout=2.0, **ours)
        assert await link.probe() == "unit 1 answered holding 0 to 0"
    finally:
        await server.shutdown()


async def test_tls_1_2_is_enough_and_1_1_is_not(authority, ours):
    """A server of the standard's least version is spoken to, an older one is not."""
    context = authority.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with over_tcp(Bank(), context) as port:
        link, _ = link_at(at(port), connect_timeout=3.0, timeout=2.0, **ours)
        await link.probe()
        spoken = link.security

    assert spoken == "TLSv1.2 with client certificate barrio-north"
    assert link._dialler.way.credentials.open("x").context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_server_that_asks_for_no_certificate_is_left_alone(authority, ours):
    """Whoever reaches such a server could write to it: no request is sent."""
    bank = Bank()
    async with over_tcp(bank, authority.server(asks=False)) as port:
        words = await why_not(port, **ours)

    assert words == "the server asks for no client certificate, which Modbus/TCP Security requires"
    assert not bank.asked


async def test_a_server_of_another_authority(authority, ours, tmp_path):
    """A certificate that the configured CA did not sign is refused, before anything is asked."""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other-ca")
    bank = Bank()
    async with over_tcp(bank, other.server()) as port:
        words = await why_not(port, **ours)

    assert words == "the server's certificate is not from the CA that is trusted"
    assert not bank.asked


async def test_a_server_whose_certificate_has_expired(authority, ours):
    """Yesterday's certificate is refused."""
    async with over_tcp(Bank(), authority.server(days=-1)) as port:
        assert await why_not(port, **ours) == "the server's certificate has expired"


async def test_a_server_of_another_name(authority, ours):
    """A certificate must be for what was dialled, or for `server_name`."""
    async with over_tcp(Bank(), authority.server("plc-7", address="10.0.0.9")) as port:
        assert await why_not(port, **ours) == "the server's certificate is for another name"
        assert (
            await why_not(port, **ours, server_name="plc-8") == "the server's certificate is for another name"
        )
        named, _ = link_at(at(port), connect_timeout=3.0, timeout=2.0, **ours, server_name="plc-7")
        assert await named.probe()


def refuse(listening, context):
    """Take one connection and refuse it with an alert, which asyncio's own server does not send."""
    connection, _ = listening.accept()
    connection.settimeout(5)
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    secured = context.wrap_bio(heard, said, server_side=True)
    with connection:
        for _ in range(100):
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                connection.sendall(said.read())
                heard.write(connection.recv(10_000))
            except ssl.SSLError:
                connection.sendall(said.read())
                break
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(10_000):
            pass


async def test_a_server_that_refuses_our_certificate(authority, ours, tmp_path):
    """A client of another authority is told so."""
    (tmp_path / "other").mkdir()
    certificate, key = Authority(tmp_path / "other", "other-ca").issue("stranger")
    theirs = ours | {"certificate": str(certificate), "key": str(key)}
    with socket.create_server((LOOPBACK, 0)) as listening:
        refusing = asyncio.create_task(asyncio.to_thread(refuse, listening, authority.server()))
        words = await why_not(listening.getsockname()[1], **theirs)
        await refusing
    async with over_tcp(Bank(), authority.server()) as port:
        without_alert = await why_not(port, **theirs)

    assert words == "the server refused the client certificate: unknown ca"
    assert without_alert == "connection closed by the device, which may not trust the client certificate"


async def test_a_server_without_tls(ours):
    """Plain Modbus behind a TLS endpoint is no connection."""
    async with over_tcp(Bank()) as port:
        words = await why_not(port, **ours)

    assert words in {
        "no connection within 2 s",
        "the server ended the TLS handshake",
        "the server does not speak TLS",
    }


async def test_files_that_cannot_be_used(ours, tmp_path):
    """The file that is missing or damaged is named; it is looked for again at the next try."""
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    assert await why_not(9, **ours | {"ca": "/nowhere/ca.pem"}) == (
        "the CA cannot be used: /nowhere/ca.pem: no such file or directory"
    )
    assert "the client certificate or its key cannot be used: " in await why_not(
        9, **ours | {"certificate": str(broken)}
    )


async def test_it_comes_back(authority, ours):
    """A secured server that was gone is read again."""
    bank = Bank()
    context = authority.server()
    sink = RecordingSink()
    async with over_tcp(bank, context) as port:
        link, _ = link_at(at(port), connect_timeout=3.0, timeout=2.0, **ours)
        async with supervised(link, sink):
            await sink.wait_for(lambda: sink.frames)
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.downs)
        heard = len(sink.frames)
        async with over_tcp(bank, context, port):
            await sink.wait_for(lambda: len(sink.frames) > heard)


def faults(endpoint, **options):
    return dict(connector.check(device(connector, endpoint, ONE, options=options)))


def test_tls_without_a_client_certificate_is_a_fault():
    """The standard has no anonymous clients, so a missing certificate or key is said before anything connects."""
    found = faults("modbus+tls://plc/1", certificate="a.pem")

    assert found == {
        "options.key": "modbus+tls needs the client's key, a PEM file: Modbus/TCP Security has no anonymous clients"
    }
    assert not faults("modbus+tls://plc/1", certificate="a.pem", key="a.key")


def test_tls_options_where_there_is_no_tls_are_faults():
    """Nobody believes a connection secured that is not."""
    found = faults("modbus+tcp://plc/1", ca="ca.pem")

    assert found == {"options.ca": "serves only modbus+tls://, found modbus+tcp://"}


def test_files_are_looked_for_in_the_district(tmp_path):
    """Relative names count from the folder with district.yaml, wherever the device stands in it."""
    (tmp_path / "district.yaml").touch()
    options = {"certificate": "certs/a.pem", "key": "/etc/a.key"}
    one = replace(
        device(connector, "modbus+tls://plc/1", ONE, options=options), file=tmp_path / "tables" / "meters.csv"
    )

    credentials = credentials_of(options_of(one), folder_of(one))

    assert credentials is not None
    assert (str(credentials.certificate), str(credentials.key)) == (f"{tmp_path}/certs/a.pem", "/etc/a.key")
    assert credentials.ca is None
