"""Webhooks over real sockets: signed, tried again, in order, for whom they belong to, and nowhere else."""

import asyncio
import hashlib
import hmac
import stat
import threading

import pytest

from barrio.live.egress import Egress
from tests.barrio.live.receiver import receiving
from tests.barrio.live.serving import served
from tests.barrio.scripted import answered, until

HOOKS = "/api/v1/hooks"
PATH = "little/probe/temperature"


@pytest.fixture
async def hooked(tmp_path, monkeypatch):
    """The small district, whose operator lets webhooks lead to this machine; tries come fast."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setattr("barrio.live.hooks.BATCH_S", 0.05)
    monkeypatch.setattr("twin.backoff.Patience.wait_ns", lambda *_: 10_000_000)
    monkeypatch.setenv("BARRIO_HOOK_NETWORKS", "127.0.0.0/8")
    async with served(tmp_path) as found:
        yield found


async def made(http, receiver, **body):
    answer = await http.post(
        HOOKS, json={"url": receiver.url, "point": [PATH], "events": ["reading"], **body}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def deliveries(http, hook):
    return (await http.get(f"{HOOKS}/{hook['id']}/deliveries")).json()["deliveries"]


async def test_what_happens_is_posted_and_signed(hooked):
    """Each reading once, in order; the receiver can tell that it is from us."""
    async with receiving() as receiver, hooked.client(hooked.token()) as http:
        hook = await made(http, receiver)
        await hooked.give("temperature", 20.0, 20.5, 21.0)
        await until(lambda: receiver.values() == [20.0, 20.5, 21.0])
        headers, body = receiver.got[0]
        stamp, given = (part.partition("=")[2] for part in headers["barrio-signature"].split(","))
        right = hmac.new(hook["secret"].encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        shown = (await http.get(f"{HOOKS}/{hook['id']}")).json()
        # A delivery is written down when its answer was read, which is after it came.
        tries = await answered(lambda: deliveries(http, hook), lambda one: len(one) == len(receiver.got))

    assert given == right
    assert "secret" not in shown
    assert shown["state"] == "on"
    assert {one["verdict"] for one in tries} == {"delivered"}
    assert stat.S_IMODE(hooked.platform.folder.hooks.stat().st_mode) == 0o600


async def test_what_is_not_taken_is_tried_again_before_what_comes_later(hooked):
    """503, a redirection, 429: the same delivery comes again, with the same id and body; nothing overtakes it."""
    async with receiving() as receiver, hooked.client(hooked.token()) as http:
        receiver.answers = [503, 302, 429]
        await made(http, receiver)
        await hooked.give("temperature", 20.0)
        await until(lambda: len(receiver.got) >= 4)
        await hooked.give("temperature", 21.0)
        await until(lambda: receiver.values()[-1:] == [21.0])

    assert len({body for _, body in receiver.got[:4]}) == 1
    assert receiver.values() == [20.0, 21.0]


async def test_a_receiver_that_refuses_loses_that_delivery_only(hooked):
    """400 is final for one delivery; 410 switches the hook off, with an event, and its token can switch it on."""
    async with receiving() as receiver, hooked.client(hooked.token()) as http:
        receiver.answers = [400]
        hook = await made(http, receiver)
        url = f"{HOOKS}/{hook['id']}"
        await hooked.give("temperature", 20.0)
        await until(lambda: len(receiver.got) == 1)
        receiver.answers = [410]
        await hooked.give("temperature", 21.0)
        await until(lambda: len(receiver.got) == 2)
        await until(lambda: next(iter(hooked.platform.hooks._found._hooks.values())).state == "off")
        off = (await http.get(url)).json()
        on = (await http.post(f"{url}/on")).json()
        await hooked.give("temperature", 22.0)
        await until(lambda: receiver.values()[-1:] == [22.0])

    assert off["words"].startswith("nothing was taken: 410")
    assert on["state"] == "on"


async def test_a_hook_goes_on_after_a_restart(tmp_path, monkeypatch):
    """What happened while nobody ran is told as lost, with its history; then it goes on."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setattr("barrio.live.hooks.BATCH_S", 0.05)
    monkeypatch.setenv("BARRIO_HOOK_NETWORKS", "127.0.0.0/8")
    async with receiving() as receiver:
        async with served(tmp_path) as first:
            token = first.token()
            async with first.client(token) as http:
                hook = await made(http, receiver)
            await first.give("temperature", 20.0)
            await until(lambda: receiver.values() == [20.0])
        async with served(tmp_path) as second:
            await until(lambda: "lost" in receiver.names())
            await second.give("temperature", 21.0)
            await until(lambda: receiver.values()[-1:] == [21.0])
            async with second.client(token) as http:
                kept = (await http.get(HOOKS)).json()

    assert [one["id"] for one in kept["hooks"]] == [hook["id"]]


async def test_a_hook_belongs_to_its_token(hooked):
    """For others it does not exist, whatever they do; the public has none; with its token it ends."""
    async with receiving() as receiver:
        async with hooked.client(hooked.token("owner")) as http:
            hook = await made(http, receiver)
        url = f"{HOOKS}/{hook['id']}"
        async with hooked.client(hooked.token("other")) as http:
            answers = [
                await http.get(url),
                await http.delete(url),
                await http.post(f"{url}/test"),
                await http.post(f"{url}/on"),
                await http.get(f"{url}/deliveries"),
            ]
            none = (await http.get(HOOKS)).json()
        hooked.revoke("owner")
        await until(lambda: next(iter(hooked.platform.hooks._found._hooks.values())).state == "off")
        await hooked.give("temperature", 20.0)

    assert {one.status_code for one in answers} == {404}
    assert none == {"total": 0, "hooks": []}
    assert receiver.got == []


async def test_a_test_says_what_came_of_it(hooked):
    """Signed as all deliveries, whatever the receiver answers; deleted, the hook is gone."""
    async with receiving() as receiver, hooked.client(hooked.token()) as http:
        hook = await made(http, receiver)
        url = f"{HOOKS}/{hook['id']}"
        good = (await http.post(f"{url}/test")).json()
        receiver.answers = [500]
        bad = (await http.post(f"{url}/test")).json()
        gone = await http.delete(url)
        after = await http.get(url)

    assert (good["verdict"], bad["verdict"], bad["status"]) == ("delivered", "later", 500)
    assert receiver.bodies[0]["event"] == "live.test"
    assert (gone.status_code, after.status_code) == (204, 404)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://10.0.0.1/", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://[::127.0.0.1]/", "not public"),
        ("https://[::ffff:0:127.0.0.1]/", "not public"),
        ("https://[fec0::1]/", "not public"),
        ("https://[::1]:8086/", "not public"),
        ("https://[::ffff:10.0.0.1]/", "not public"),
        ("https://2130706433/", "not public"),
        ("https://[64:ff9b::a00:1]/", "not public"),
        ("https://0.0.0.0/", "not public"),
        ("https://[64:ff9b:1::7f00:1]/", "not public"),
        ("https://[5f00::1]/", "not public"),
        ("https://[3fff::1]/", "not public"),
        ("https://[2002:7f00:1::1]/", "not public"),
        ("https://[2001::1]/", "not public"),
        ("https://[2001:db8::1]/", "not public"),
        ("https://[ff0e::1]/", "not public"),
        ("https://192.0.0.8/", "not public"),
        ("https://192.88.99.1/", "not public"),
        ("https://user:word@93.184.216.34/", "password"),
        ("http://93.184.216.34/", "use https"),
        ("ftp://93.184.216.34/", "a webhook is a URL"),
        ("https://nowhere.invalid/", "no address"),
    ],
)
async def test_a_hook_leads_to_nothing_inside(live, url, words):
    """Nor to what could be read on its way; the words say why and show no address that a name has."""
    async with live.client(live.token()) as http:
        answer = await http.post(HOOKS, json={"url": url})

    assert answer.status_code == 400
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "[2001:500:88:200::8]"]
)
async def test_what_is_public_is_where_a_hook_may_lead(address):
    """In both versions of the protocol."""
    await Egress([]).check(f"https://{address}/")


async def test_a_server_of_names_that_does_not_answer_is_not_waited_for(monkeypatch):
    """It is said within a bound, and holds up none of the threads that others use."""
    monkeypatch.setattr("barrio.live.egress.RESOLVE_S", 0.05)
    waits, egress = threading.Event(), Egress([])
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: waits.wait())
    try:
        found = await asyncio.gather(
            *(egress.check(f"https://slow-{number}.example/") for number in range(40)), return_exceptions=True
        )
        other = await asyncio.to_thread(lambda: "done")
    finally:
        waits.set()
        egress.close()

    assert {str(one) for one in found} == {"its name was not answered within 0.05 s"}
    assert other == "done"


async def test_hooks_are_in_the_audit_log(hooked):
    """A lasting way out is on record: who made it, where it leads without what may be secret, who took it away."""
    async with receiving() as receiver, hooked.client(hooked.token("works")) as http:
        hook = await made(http, receiver, url=f"{receiver.url}?key=hush")
        await http.post(f"{HOOKS}/{hook['id']}/on")
        await http.delete(f"{HOOKS}/{hook['id']}")
    async with hooked.client() as http:
        entries = (await http.get("/api/v1/audit")).json()["entries"]
    found = [one for one in entries if one.get("hook") == hook["id"]]

    assert [one["step"] for one in found] == ["hook_removed", "hook_switched_on", "hook_made"]
    assert {one["who"] for one in found} == {"works"}
    assert found[2]["to"] in receiver.url
    assert found[2]["wanted"] == hook["wanted"]
    assert "hush" not in str(entries)


async def test_a_name_that_changes_is_judged_again(hooked, monkeypatch):
    """What was public when the hook was made and leads inside now is not asked."""
    async with receiving() as receiver, hooked.client(hooked.token()) as http:
        hook = await made(http, receiver)
        hooked.platform.hooks._found.egress._networks = ()
        tested = (await http.post(f"{HOOKS}/{hook['id']}/test")).json()

    assert tested["verdict"] == "later"
    assert receiver.got == []


async def test_limits_of_hooks(hooked, monkeypatch):
    """So many of a token; unknown keys, hidden points and unknown events are refused."""
    monkeypatch.setattr("barrio.live.hooks.MOST_OF_A_TOKEN", 1)
    async with (
        receiving() as receiver,
        hooked.client(hooked.token(sites=frozenset({"little/house"}))) as http,
    ):
        await made(http, receiver)
        statuses = [
            (await http.post(HOOKS, json={"url": receiver.url, **more})).status_code
            for more in ({}, {"colour": "red"}, {"point": ["little/meter/energy"]}, {"events": ["dance"]})
        ]

    assert statuses == [429, 400, 404, 400]


async def test_hooks_that_are_made_at_once_share_the_room_that_there_is(hooked, monkeypatch):
    """The last room is given once, however many ask while names are looked up and books are written."""
    monkeypatch.setattr("barrio.live.hooks.MOST_OF_A_TOKEN", 2)
    async with receiving() as receiver, hooked.client(hooked.token()) as http:
        asked = [http.post(HOOKS, json={"url": receiver.url, "point": [PATH]}) for _ in range(8)]
        statuses = sorted([one.status_code for one in await asyncio.gather(*asked)])
        kept = (await http.get(HOOKS)).json()["total"]

    assert statuses == [201] * 2 + [429] * 6
    assert kept == 2
