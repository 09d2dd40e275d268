"""Servers that answer something else than what was asked: nothing of it is believed, and the reason is said."""

from __future__ import annotations

import asyncio

import pytest
from asyncua import ua
from structlog.testing import capture_logs

from connectors.conformance.recording import bind, device, running
from connectors.home import Home
from connectors.opcua import connector
from tests.connectors.opcua.answers import answers, cut_short, fault, refused, without_results
from tests.connectors.opcua.servers import URI, Bms
from tests.connectors.opcua.sinks import PatientSink, until
from twin.errors import TransientError
from twin.quality import Reason

Double = ua.VariantType.Double
QUICK = {
    "publishing": "50ms",
    "sampling": "10ms",
    "keep_alive": "1s",
    "timeout": "10s",
    "namespace": URI,
    "insecure": "a test",
}
MARK = 666.0


@pytest.fixture(scope="module")
def bms():
    with Bms({"Level": ua.Variant(0.0, Double), "Still": ua.Variant(5.0, Double)}) as server:
        yield server


@pytest.fixture(autouse=True)
def at_rest(bms):
    bms.write("Level", ua.Variant(0.0, Double))


def plant(endpoint, *names, **options):
    points = {name.lower(): {"node": f"s={name}"} for name in names or ("Level",)}
    return bind(device(connector, endpoint, points, name="plant", options={**QUICK, **options}))


def link_of(bound):
    (link,) = connector.links([bound], Home())
    return link


async def loss(bound):
    """The words with which a link ends."""
    with pytest.raises(TransientError) as caught:
        await link_of(bound).run(PatientSink())
    return caught.value.words


async def put(bms, value):
    await asyncio.to_thread(bms.write, "Level", ua.Variant(value, Double))


def unknown_encoding(_):
    """A response that begins with a node id of a kind that there is not."""
    return b"\x3f" + bytes(20)


def nowhere(response):
    """A session with a server whose endpoints have no address."""
    for one in response.Parameters.ServerEndpoints:
        one.EndpointUrl = None
    return response


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        (ua.CreateSessionResponse, nowhere, "the server sent what is not understood: AttributeError"),
        (ua.ReadResponse, without_results, "0 results for 1 operation"),
        (ua.CreateMonitoredItemsResponse, without_results, "0 results for 1 operation"),
        (ua.CreateMonitoredItemsResponse, cut_short, "the server sent a message that ends too early"),
        (ua.CreateSubscriptionResponse, cut_short, "the server sent a message that ends too early"),
        (
            ua.CreateSubscriptionResponse,
            unknown_encoding,
            "an answer that is not understood: 63 is not a valid",
        ),
        (
            ua.CreateMonitoredItemsResponse,
            refused("BadTooManyOperations"),
            "the server refused: BadTooManyOp",
        ),
    ],
)
async def test_an_answer_to_something_else_ends_the_session(bms, kind, change, words):
    """Too few results, half a message, no message at all, and a single operation that is too many have words."""
    with answers(bms, kind, change):
        said = await loss(plant(bms.endpoint))

    assert said.startswith(words)


async def test_a_server_that_does_not_tell_what_it_is_is_probed(bms):
    """Without a status that can be read, the number of namespaces is still said."""

    def hidden(response):
        if isinstance(response.Results[0].Value.Value, ua.ServerStatusDataType):
            response.Results = [ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadUserAccessDenied))]
        return response

    with answers(bms, ua.ReadResponse, hidden):
        words = await link_of(plant(bms.endpoint)).probe()

    assert words == "a server that does not tell its product, 3 namespaces"


async def test_a_fault_of_ours_is_not_blamed_on_the_server(bms):
    """What breaks on our side of the link leaves it as it is, so that it is noticed and nobody tries again."""

    class Broken(PatientSink):
        def offer(self, _):
            raise NotImplementedError

    with pytest.raises(ExceptionGroup) as caught:
        await link_of(plant(bms.endpoint)).run(Broken())

    assert caught.group_contains(NotImplementedError)


def holds(message, value):
    """Whether a notification message tells of `value`."""
    return any(
        item.Value.Value.Value == value
        for one in message.NotificationData or ()
        if isinstance(one, ua.DataChangeNotification)
        for item in one.MonitoredItems
    )


async def test_a_message_that_can_never_be_decoded_costs_only_itself(bms):
    """What is not understood, sent again either, is a gap that says so; the session and what follows are not lost."""

    def broken(response):
        message = getattr(response, "Parameters", response).NotificationMessage
        return cut_short(response) if holds(message, MARK) else response

    bound, sink = plant(bms.endpoint, "Level", "Still"), PatientSink()
    with (
        capture_logs() as logs,
        answers(bms, ua.PublishResponse, broken),
        answers(bms, ua.RepublishResponse, broken),
    ):
        async with running(link_of(bound), sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == 2)
            await put(bms, MARK)
            await until(lambda: any(one["event"] == "opcua.response_not_understood" for one in logs))
            await put(bms, 1.0)
            await sink.wait_for(lambda: sink.by_name(bound)["level"] == 1.0)

    assert [(one.reason, one.words) for one in sink.silences] == [
        (Reason.NO_ANSWER, "lost on the way: 1 message of the server")
    ]
    assert sink.ups == 1


async def test_a_message_that_the_server_kept_no_more_is_a_gap_that_says_so(bms):
    """A server that refuses to send again what did not arrive is asked for the values of now instead."""

    def jumped(response):
        response.Parameters.NotificationMessage.SequenceNumber += ahead
        return response

    ahead = 0
    bound, sink = plant(bms.endpoint, "Level", "Still"), PatientSink()
    with (
        answers(bms, ua.PublishResponse, jumped),
        answers(bms, ua.RepublishResponse, refused("BadMessageNotAvailable")),
    ):
        async with running(link_of(bound), sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == 2)
            ahead = 2
            await put(bms, 3.0)
            await sink.wait_for(lambda: sink.silences)
            await sink.wait_for(lambda: sink.by_name(bound) == {"level": 3.0, "still": 5.0})

    assert [one.words for one in sink.silences] == ["lost on the way: 2 messages of the server"]
    assert sink.ups == 1


async def test_a_keep_alive_that_is_not_numbered_loses_nothing(bms):
    """A server that counts its keep-alives from 0, or not at all, has not lost the messages before."""
    keep_alives = 0
    asked: list[ua.RepublishResponse] = []

    def numbered_anew(response):
        nonlocal keep_alives
        message = response.Parameters.NotificationMessage
        if not message.NotificationData:
            keep_alives += 1
            message.SequenceNumber = keep_alives % 2
        return response

    def again(response):
        asked.append(response)
        return response

    bound, sink = plant(bms.endpoint), PatientSink()
    with answers(bms, ua.PublishResponse, numbered_anew), answers(bms, ua.RepublishResponse, again):
        async with running(link_of(bound), sink):
            for value in (1.0, 2.0, 3.0):
                told = keep_alives
                await put(bms, value)
                await sink.wait_for(lambda value=value: sink.by_name(bound).get("level") == value)  # type: ignore[misc]
                await until(lambda told=told: keep_alives >= told + 2)  # type: ignore[misc]

    assert (sink.ups, sink.silences, asked) == (1, [], [])


async def test_a_publish_request_that_the_server_kept_too_long_is_sent_anew(bms):
    """A server may give publish requests back unanswered; that costs no value."""
    answered = 0

    def given_back(response):
        nonlocal answered
        answered += 1
        return fault("BadTimeout") if answered % 2 else response

    bound, sink = plant(bms.endpoint), PatientSink()
    with answers(bms, ua.PublishResponse, given_back):
        async with running(link_of(bound), sink):
            await sink.wait_for(lambda: sink.by_name(bound))
            for value in range(1, 9):
                told = answered
                await put(bms, float(value))
                await until(lambda told=told: answered > told)  # type: ignore[misc]
            await sink.wait_for(lambda: sink.by_name(bound)["level"] == 8.0)

    assert {reading.value for reading in sink.readings()} == {float(value) for value in range(9)}
    assert (sink.ups, sink.silences) == (1, [])


async def test_the_channel_is_renewed_before_it_ends(bms):
    """However short the server makes the life of a secure channel, the session goes on over renewed ones."""
    lives: list[int] = []

    def short(response):
        lives.append(response.Parameters.SecurityToken.TokenId)
        response.Parameters.SecurityToken.RevisedLifetime = 1_200
        return response

    bound, sink = plant(bms.endpoint), PatientSink()
    with answers(bms, ua.OpenSecureChannelResponse, short):
        async with running(link_of(bound), sink):
            await sink.wait_for(lambda: sink.by_name(bound))
            await until(lambda: len(lives) >= 3)
            await put(bms, 4.0)
            await sink.wait_for(lambda: sink.by_name(bound)["level"] == 4.0)

    assert sink.ups == 1
    assert len(set(lives)) == len(lives)
