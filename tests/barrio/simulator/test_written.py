"""What is written to simulated devices, over the links that a platform has to them."""

import asyncio

import pytest

from barrio.simulator.field import Field
from barrio.simulator.stand_in import stood_in
from connectors.abilities import Done, Setting, Writes
from connectors.coap.security import kind_of
from connectors.home import Home
from connectors.registry import Connectors
from tests.barrio.simulator.test_field import Gathering, bind
from twin.model.setting import raw_of

AFTERNOON_S = 1_790_000_000.0  # 2026-09-21, 09:33 in Querétaro: no lamp burns


async def heard(sink, number, wanted, within_s=8.0):
    """Return once the last value of a point is the one that is wanted; the value otherwise."""
    for _ in range(round(within_s / 0.1)):
        if sink.values.get(number) == pytest.approx(wanted, rel=0.02):
            break
        await asyncio.sleep(0.1)
    return sink.values.get(number)


async def test_a_protected_lamp_is_dimmed_where_it_is_simulated(maderas, base_port):
    """The district's lamps are OSCORE; their stand-ins take a write, show it, and take less power."""
    [there] = stood_in([maderas], base_port)
    devices, _, _ = bind(there)
    lamp = next(bound for bound in devices if bound.device.id == "lamp-11")
    cabinet = maderas.devices["cabinet-2"]
    dimming, power = (
        next(one for one in lamp.points if one.point.name == name) for name in ("dimming", "power")
    )
    sink = Gathering()
    async with Field(maderas, base_port=base_port, start_s=AFTERNOON_S) as field:
        field.desk.write(cabinet, cabinet.points["contactor"], raw_of(cabinet.points["contactor"], "closed"))
        [link] = Connectors()["coap"].links([lamp], Home())
        assert isinstance(link, Writes)
        task = asyncio.create_task(link.run(sink))
        full = await heard(sink, power.id, 103.5)
        [outcome] = await link.write([Setting(dimming, raw_of(dimming.point, 40.0))])
        dimmed = await heard(sink, power.id, 44.5)
        shown = await heard(sink, dimming.id, 40.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert kind_of(maderas.devices["lamp-11"]) == "OSCORE"
    assert link.security == "none: the simulator on this machine"
    assert (outcome.done, outcome.read_back) == (Done.WRITTEN, 40)
    assert (full, dimmed) == (pytest.approx(103.5), pytest.approx(44.5, rel=0.01))
    assert shown == 40
