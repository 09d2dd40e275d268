"""Settings that do not go well: what is known to be refused, what nobody knows, and what is never sent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from asyncua import ua

from connectors.abilities import Done, Outcome, Setting
from connectors.conformance.recording import bind, device, running
from connectors.home import Home
from connectors.opcua import connector
from tests.connectors.opcua.answers import answers, refused, without_results
from tests.connectors.opcua.plants import Plant
from tests.connectors.opcua.servers import URI, wire
from tests.connectors.opcua.sinks import PatientSink
from twin.errors import TransientError

Type = ua.VariantType
VARIABLES = {
    "Double": ua.Variant(1.5, Type.Double),
    "Empty": ua.Variant(None, Type.String),
    "Zones": ua.Variant([1.0, 2.0, 3.0], Type.Double),
}
QUICK = {
    "publishing": "50ms",
    "sampling": "10ms",
    "keep_alive": "1s",
    "timeout": "10s",
    "namespace": URI,
    "insecure": "a test",
}
ELSEWHERE = "nsu=urn:elsewhere;s=x"
SETPOINT = {"it": {"node": "s=Double", "writable": True}}
MEASURED = {"node": "s=Double"}
START = {"it": {"method": "s=Start", "object": "s=Boiler", "writable": True}}


@pytest.fixture(scope="module")
def plant():
    with Plant(VARIABLES) as server:
        for name in VARIABLES:
            server.do(server.server.get_node(ua.NodeId(name, server.index)).set_writable())
        yield server


@asynccontextmanager
async def live(endpoint, points, **options):
    """The link while it runs, once all that can be read was heard of."""
    points = {"measured": MEASURED, **points}
    bound = bind(device(connector, endpoint, points, name="boiler", options={**QUICK, **options}))
    (link,) = connector.links([bound], Home())
    sink, readable = PatientSink(), sum(one.point.readable for one in bound.points)
    async with running(link, sink):
        await sink.wait_for(lambda: len(sink.latest(bound)) == readable)
        yield bound, link


def settings(bound, raw=2.0):
    return [Setting(one, raw) for one in bound.points if one.point.writable]


async def outcome(plant, points, raw=2.0):
    """What becomes of one setting."""
    async with live(plant.endpoint, points) as (bound, link):
        (found,) = await link.write(settings(bound, raw))
    return found


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"node": ELSEWHERE}, "the server has no namespace urn:elsewhere"),
        ({"method": "s=Start", "object": ELSEWHERE}, "the server has no namespace urn:elsewhere"),
        ({"method": ELSEWHERE, "object": "s=Boiler"}, "the server has no namespace urn:elsewhere"),
        ({"node": "s=Double", "field": "Rate"}, "a field of a structure cannot be written by itself"),
        ({"node": "s=Double", "index": 0}, "the node is no array"),
    ],
)
async def test_what_has_no_place_on_the_server_is_not_sent(plant, point, words):
    """An address that leads nowhere, or to something else, is refused here."""
    with answers(plant, ua.WriteResponse, _never), answers(plant, ua.CallResponse, _never):
        found = await outcome(plant, {"it": {**point, "writable": True}})

    assert (found.done, found.words) == (Done.REFUSED, words)


def _never(response):
    raise AssertionError(f"something was sent: {response}")


async def test_a_node_without_a_value_is_written_by_its_data_type(plant):
    """Where there is no value yet, the type that the server declares says how to write one."""
    states = {"AUTO": "automatic"}
    found = await outcome(plant, {"it": {"node": "s=Empty", "states": states, "writable": True}}, "AUTO")

    assert (found.done, found.read_back) == (Done.WRITTEN, "AUTO")


@pytest.mark.parametrize(("points", "kind"), [(SETPOINT, ua.WriteResponse), (START, ua.CallResponse)])
@pytest.mark.parametrize(
    ("code", "done", "words"),
    [
        ("BadUserAccessDenied", Done.REFUSED, "BadUserAccessDenied: "),
        (
            "BadTimeout",
            Done.UNKNOWN,
            "BadTimeout: The operation timed out.: it may have been carried out or not",
        ),
    ],
)
async def test_a_service_that_is_refused_as_a_whole(plant, points, kind, code, done, words):
    """A refusal is one for each setting; a server that gave up itself may have carried it out."""
    with answers(plant, kind, refused(code)):
        found = await outcome(plant, points)

    assert found.done is done
    assert found.words.startswith(words)


@pytest.mark.parametrize(("points", "kind"), [(SETPOINT, ua.WriteResponse), (START, ua.CallResponse)])
async def test_an_answer_without_a_result_leaves_it_open(plant, points, kind):
    """Who answers, and not to what was asked, may have carried it out."""
    with answers(plant, kind, without_results):
        found = await outcome(plant, points)

    assert (found.done, found.read_back) == (Done.UNKNOWN, None)
    assert found.words == "0 results for 1 operation: it may have been carried out or not"


async def test_a_method_that_is_not_answered_is_unknown(plant):
    """When the answer does not come, nobody knows whether the method ran, and it is not called again."""
    plant.calls.clear()
    async with wire(plant.port) as line:
        endpoint = f"opc.tcp://127.0.0.1:{line.port}"
        async with live(endpoint, START, timeout="1s", keep_alive="20s") as (bound, link):
            await link.write(settings(bound))
            line.freeze()
            (found,) = await link.write(settings(bound))
            line.thaw()

    assert found.done is Done.UNKNOWN
    assert found.words == "no answer within 1 s: it may have been carried out or not"
    assert len(plant.calls) <= 2


async def test_a_setting_that_comes_too_early_may_be_tried_again(plant):
    """While the link still asks what the server has, nothing is refused for good: later the same setting is done."""
    bound = bind(device(connector, plant.endpoint, START, options=QUICK))
    (link,) = connector.links([bound], Home())
    early: list[TransientError] = []
    done: list[Outcome] = []

    class Eager(PatientSink):
        def up(self):
            super().up()
            self.task = asyncio.create_task(self.tried())

        async def tried(self):
            while not done:
                try:
                    done.extend(await link.write(settings(bound)))
                except TransientError as error:
                    early.append(error)
                    await asyncio.sleep(0)

    sink = Eager()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.ups)
        await sink.task

    assert early
    assert [(one.done, one.words) for one in done] == [(Done.WRITTEN, "")]


async def test_a_setting_whose_type_cannot_be_asked_for_is_not_sent(plant):
    """When the server is silent before anything was sent, the setting may be tried again."""
    async with wire(plant.port) as line:
        endpoint = f"opc.tcp://127.0.0.1:{line.port}"
        async with live(endpoint, SETPOINT, timeout="1s", keep_alive="20s") as (bound, link):
            line.freeze()
            with pytest.raises(TransientError, match="no answer within 1 s"):
                await link.write(settings(bound))
            line.thaw()


async def test_what_cannot_be_read_back_was_written_all_the_same(plant):
    """A write that succeeded stays one when reading back is refused; what the server has now is not known."""
    async with live(plant.endpoint, SETPOINT) as (bound, link):
        await link.write(settings(bound))
        with answers(plant, ua.ReadResponse, refused("BadServerHalted")):
            (found,) = await link.write(settings(bound, 3.0))

    assert (found.done, found.read_back, found.words) == (Done.WRITTEN, None, "")


async def test_an_element_that_is_gone_after_the_write_is_not_read_back(plant):
    """Where the array is shorter when it is read back, there is nothing to show."""
    shown = 3

    def element(response):
        for one in response.Results:
            if one.Value is not None and one.Value.Value == [1.0, 2.0, 3.0]:
                one.Value = ua.Variant(one.Value.Value[:shown], Type.Double)
        return response

    def written(response):
        nonlocal shown
        shown = 1
        return response

    points = {"zone": {"node": "s=Zones", "index": 1, "writable": True}}
    service = plant.server.iserver.attribute_service
    read = service.read

    def ranged(params):
        return [
            ua.DataValue(ua.Variant([data.Value.Value[int(asked.IndexRange)]], Type.Double))
            if asked.IndexRange
            else data
            for asked, data in zip(params.NodesToRead, read(params), strict=True)
        ]

    async def taken(params, **_):
        return [ua.StatusCode() for _ in params.NodesToWrite]

    with (
        answers(plant, ua.ReadResponse, element),
        answers(plant, ua.WriteResponse, written),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(service, "read", ranged)
        patch.setattr(service, "write", taken)
        found = await outcome(plant, points)

    assert (found.done, found.read_back) == (Done.WRITTEN, None)
