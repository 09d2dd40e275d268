"""An OPC UA server with security on: from the first refusal to a link that is encrypted, and who is not."""

import asyncio
import re
from contextlib import asynccontextmanager

from asyncua import ua

from tests.barrio.processes import barrio
from tests.connectors.modbus.bank import Bank, over_tcp
from tests.connectors.opcua.pki import SecureBms, identity
from tests.connectors.opcua.servers import URI
from tests.journeys.running import running, write_district

DEVICES = """\
devices:
  - {{id: ahu, profile: ahu, site: house, endpoint: "{ahu}"}}
  - {{id: meter, profile: meter, site: house, endpoint: "modbus+tcp://127.0.0.1:{meter}/1"}}
  - {{id: other, profile: meter, site: house, endpoint: "modbus+tcp://127.0.0.2:{meter}/1",
     overrides: {{options: {{insecure: "a cable on the bench"}}}}}}
"""
AHU = f"""\
profile: ahu
protocol: opcua
kind: AirHandlingUnit
options: {{namespace: "{URI}", publishing: 100ms}}
points:
  supply: {{quantity: air_temperature, node: "s=Supply"}}
"""
METER = """\
profile: meter
protocol: modbus
kind: EnergyMeter
points:
  inside: {quantity: air_temperature, register: "holding:0"}
"""


@asynccontextmanager
async def secured():
    """A server that wants signatures and encryption."""
    server = SecureBms({"Supply": ua.Variant(21.5, ua.VariantType.Double)}, identity())
    await asyncio.to_thread(server.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.__exit__)


async def test_a_server_is_trusted_by_the_command_that_its_refusal_names(tmp_path):
    """What status says of an unknown server leads to an encrypted link; links without security stand there by name."""
    async with secured() as server, over_tcp(Bank()) as meter:
        write_district(tmp_path, DEVICES.format(ahu=server.endpoint, meter=meter), ahu=AHU, meter=METER)
        made = await asyncio.to_thread(lambda: barrio("certs", "opcua", "--data", "data", cwd=tmp_path))
        async with running(tmp_path) as one:

            async def ahu():
                links = (await one.get("/api/v1/status"))["links"]
                return next(link for link in links if link["protocol"] == "opcua")

            async def asks_for_theirs():
                return "barrio certs opcua --trust" in (await ahu())["words"]

            async def encrypted():
                return (await ahu())["up"]

            await one.until(asks_for_theirs)
            command = re.search(r"`barrio (certs opcua --trust \w+)`", (await ahu())["words"])
            assert command is not None
            trusted = await one.say(*command[1].split())
            await one.until(encrypted)
            status = await one.say("status")
            security = (await ahu())["security"]

    insecure = [line for line in status.stdout.splitlines() if line.startswith("open ")]
    assert (made.returncode, trusted.returncode) == (0, 0)
    assert security == "SignAndEncrypt Aes256_Sha256_RsaPss, anonymous"
    assert len(insecure) == 2
    assert any("not encrypted: a cable on the bench" in line for line in insecure)
    assert not any("opc.tcp" in line for line in insecure)
