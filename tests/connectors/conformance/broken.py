"""A connector that works, broken in one place at a time: what the suite must see.

Each function breaks the template's connector; `BROKEN` says which check is about that.
"""

import asyncio
import logging
import math
import socket

from twin.errors import TransientError
from twin.model.spec import Spec


def swallow_the_word(patch, module, codec):
    """Takes every answer for its own."""
    patch.setattr(
        module, "answer", lambda line, word: codec.answer(word.encode() + line[line.index(b" ") :], word)
    )


def zero_is_nothing(patch, module, codec):
    def decode(bound, said):
        found = codec.decode(bound, said)
        return found._replace(value=math.nan) if found.value == 0 else found

    patch.setattr(module, "decode", decode)


def last_value_stays(patch, module, codec):
    """Says the last value where there is none."""
    last: dict[int, tuple[object, ...]] = {}

    def decode(bound, said):
        found = codec.decode(bound, said)
        if not math.isnan(found.value):
            last[bound.id] = found
        return last.get(bound.id, found)

    patch.setattr(module, "decode", decode)


def no_words(patch, module, codec):
    patch.setattr(module, "decode", lambda bound, said: codec.decode(bound, said)._replace(detail=""))


def waits_for_ever(patch, module, codec):
    async def ask(self, word, timeout_s):
        self._writer.write(codec.question(word))
        return await self._reader.readline() or await asyncio.Event().wait()

    patch.setattr(module.Conversation, "ask", ask)


def has_no_patience(patch, module, codec):
    ask = module.Conversation.ask
    patch.setattr(module.Conversation, "ask", lambda self, word, _: ask(self, word, 0.05))


def raises_what_it_meets(patch, module, codec):
    async def dial(endpoint, timeout_s):
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        return module.Conversation(endpoint.peer, reader, writer)

    patch.setattr(module, "dial", dial)


def returns_when_lost(patch, module, codec):
    run = module.WordlineLink.run

    async def quiet(self, sink):
        try:
            await run(self, sink)
        except TransientError:
            return

    patch.setattr(module.WordlineLink, "run", quiet)


def is_up_at_once(patch, module, codec):
    run = module.WordlineLink.run

    async def early(self, sink):
        sink.up()
        await run(self, sink)

    patch.setattr(module.WordlineLink, "run", early)


def never_closes(patch, module, codec):
    kept = []
    patch.setattr(module.Conversation, "close", lambda self: kept.append(self))  # noqa: PLW0108 - bound to the one that is closed


def leaves_a_task(patch, module, codec):
    kept = []
    patch.setattr(
        module.Conversation,
        "close",
        lambda self: kept.append(asyncio.create_task(asyncio.sleep(30), name="stray")),
    )


def ends_slowly(patch, module, codec):
    run = module.WordlineLink.run

    async def slow(self, sink):
        try:
            await run(self, sink)
        finally:
            await asyncio.sleep(6)

    patch.setattr(module.WordlineLink, "run", slow)


def gathers(patch, module, codec):
    """Goes on polling while the buffer is full, and keeps every frame for later."""
    run = module.WordlineLink.run

    class Hoard:
        def __init__(self, sink):
            self.up, self.now_ns = sink.up, sink.now_ns
            self._sink = sink
            self._kept = []

        async def submit(self, frame):
            self._kept.append(frame)
            while self._kept and self._sink.offer(self._kept[0]):
                del self._kept[0]

    patch.setattr(module.WordlineLink, "run", lambda self, sink: run(self, Hoard(sink)))


def grows(patch, module, codec):
    kept: list[list[list[None]]] = []
    init = module.Conversation.__init__

    def keep(self, *args):
        init(self, *args)
        kept.append([[] for _ in range(500)])

    patch.setattr(module.Conversation, "__init__", keep)


def logs_each_try(patch, module, codec):
    run = module.WordlineLink.run

    async def loud(self, sink):
        try:
            await run(self, sink)
        except TransientError as away:
            logging.getLogger("wordline").warning("lost %s", away)
            raise

    patch.setattr(module.WordlineLink, "run", loud)


def dials_again_and_again(patch, module, codec):
    run = module.WordlineLink.run

    async def stubborn(self, sink):
        while True:
            try:
                await run(self, sink)
            except TransientError:
                await asyncio.sleep(0.005)

    patch.setattr(module.WordlineLink, "run", stubborn)


def looks_up_early(patch, module, codec):
    check = module.WordlineConnector.check

    def curious(self, device):
        socket.getaddrinfo(device.endpoint.host, device.endpoint.port)
        return check(self, device)

    patch.setattr(module.WordlineConnector, "check", curious)


def one_link_for_all(patch, module, codec):
    patch.setattr(
        module.WordlineConnector, "links", lambda self, devices, home: [module.WordlineLink(devices)]
    )


def takes_any_address(patch, module, codec):
    class Anything(Spec, extra="allow"):
        word: str = "any"

    patch.setattr(module.WordlineConnector, "point_model", Anything)


BROKEN = [
    (swallow_the_word, "wrong_reply_gives_no_value", {}),
    (zero_is_nothing, "zero_is_a_value", {}),
    (last_value_stays, "absence_is_absence", {}),
    (no_words, "absence_is_absence", {}),
    (is_up_at_once, "up_means_answered", {}),
    (has_no_patience, "late_is_normal", {}),
    (raises_what_it_meets, "never_returns", {}),
    (returns_when_lost, "never_returns", {}),
    (waits_for_ever, "probe_is_bounded", {}),
    (waits_for_ever, "comes_back_after", {"trouble": "half_open"}),
    (raises_what_it_meets, "comes_back_after", {"trouble": "refuse"}),
    (never_closes, "closes_in_time", {"state": "reading"}),
    (leaves_a_task, "closes_in_time", {"state": "reading"}),
    (ends_slowly, "closes_in_time", {"state": "reading"}),
    (gathers, "waits_while_the_buffer_is_full", {}),
    (grows, "leaks_nothing", {}),
    (logs_each_try, "says_it_once", {}),
    (dials_again_and_again, "makes_no_retry_storm", {}),
    (looks_up_early, "validates_without_network", {}),
    (one_link_for_all, "shares_links_by_peer", {}),
    (takes_any_address, "names_mistakes", {}),
    (takes_any_address, "says_what_it_is", {}),
]
