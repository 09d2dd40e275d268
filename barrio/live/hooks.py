"""Webhooks of tokens: each is a listener of the hub that posts what it is given, and remembers how far it came.

- A hook's place is on disk: after a restart it goes on from there, or is told with `lost` what is gone.
- One delivery at a time, in order: the next one goes when this one was taken, or refused for good. Until then the hook
  is a slow listener like any other, and costs no more memory than that.
- What happens within `BATCH_S` is one delivery. It has the same id, the same body and a new signature at every try.
- Tries come further and further apart (`twin.backoff`). A hook of which nothing was taken for `GIVE_UP_DAYS` days, or
  whose receiver answers 410, is switched off, with an event; its token can switch it on again.
- It sees what its token sees, and ends with it.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from barrio.access.who import Sights, Who
from barrio.errors import AskError, UnknownName
from barrio.live.egress import Egress, networks_of
from barrio.live.hook_book import OFF, ON, Delivery, Hook, HookBook
from barrio.live.hub import TooMany
from barrio.live.selection import Wanted, selected
from barrio.live.words import JSON, place_of
from barrio.notify.lane import WHOLE_S
from barrio.notify.outcome import Outcome, unreachable
from barrio.notify.webhook import Webhook
from twin.access.scope import EVERYTHING
from twin.backoff import DAY_S, Patience
from twin.clock import NS
from twin.model.roles import OPERATOR
from twin.notify_spec import ChannelSpec, split_url
from twin.outbox_rows import Entry

if TYPE_CHECKING:
    from barrio.live.subscriber import Subscriber
    from barrio.platform import Platform

MOST_HOOKS = 200
MOST_OF_A_TOKEN = 10
BATCH_S = 1.0
GIVE_UP_DAYS = 3.0
EVENT, TEST = "live.events", "live.test"

log = structlog.get_logger("barrio")


class Hooks:
    """The hooks of a platform that runs; used from the event loop's thread, the book from the ledger's."""

    def __init__(self, platform: Platform, book: HookBook) -> None:
        self.book = book
        self.egress = Egress(networks_of(platform.settings.hook_networks))
        self.patience = Patience(random.Random())
        self._platform = platform
        self._sights = Sights(platform.catalogue)
        self._hooks = {one.id: one for one in book.all()}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._making = asyncio.Lock()

    # --- what tokens do -------------------------------------------------------------------------------------

    def of(self, who: Who) -> list[Hook]:
        """Return the hooks of a token; those of all to the operator of the data folder."""
        every = who.operates and not who.token
        return [one for one in self._hooks.values() if every or (who.token and one.token == who.token)]

    def find(self, hook_id: str, who: Who) -> Hook:
        """Return a hook that belongs to this caller; UnknownName for all others."""
        found = self._hooks.get(hook_id)
        if found is None or found not in self.of(who):
            raise UnknownName(f"there is no hook {hook_id!r}")
        return found

    async def make(self, who: Who, url: str, wanted: Wanted) -> Hook:
        """Keep a new hook and begin with it; TooMany, `NotAllowed` or what a selection is refused with."""
        selected(wanted, who)
        self._require_room(who)
        await self.egress.check(url)
        # One after another: all that ask at once would find the same room.
        async with self._making:
            self._require_room(who)
            return await self._made(who, url, wanted)

    def _require_room(self, who: Who) -> None:
        if len(self._hooks) >= MOST_HOOKS:
            raise TooMany(f"{MOST_HOOKS} hooks are kept, which is the most of this platform")
        if sum(one.token == who.token for one in self._hooks.values()) >= MOST_OF_A_TOKEN and who.token:
            raise TooMany(f"{MOST_OF_A_TOKEN} hooks of this token are kept, which is the most")

    async def _made(self, who: Who, url: str, wanted: Wanted) -> Hook:
        hook = Hook(
            secrets.token_hex(8), who.token, who.name, url, wanted.said, secrets.token_urlsafe(32),
            self._platform.clock.now_ns(),
        )  # fmt: skip
        # The path of a URL may be its secret.
        leads = {"hook": hook.id, "to": split_url(url).netloc, "wanted": wanted.said}
        await self._platform.audited("hook_made", who, leads)
        await self._platform.in_thread("ledger", self.book.put, hook)
        self._hooks[hook.id] = hook
        self._begin(hook)
        return hook

    async def remove(self, hook: Hook) -> None:
        """Forget a hook."""
        await self._platform.in_thread("ledger", self.book.remove, hook.id)
        self._hooks.pop(hook.id, None)
        if (task := self._tasks.pop(hook.id, None)) is not None:
            task.cancel()

    def switch_on(self, hook: Hook) -> Hook:
        """Let a hook that was switched off try again."""
        if hook.state == OFF:
            hook = self._keep(replace(hook, state=ON, words="", failing_since=0))
            self._begin(hook)
        return hook

    async def test(self, hook: Hook) -> Outcome:
        """Post a test to the receiver and return what came of it."""
        way = self._way(hook)
        try:
            return await self._posted(way, self._entry(hook, TEST, [], str(uuid.uuid4())))
        finally:
            await way.close()

    # --- deliveries -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin with the hooks that there are."""
        for hook in self._hooks.values():
            self._begin(hook)

    async def close(self) -> None:
        """End; what was not taken is delivered after the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.egress.close()

    def _begin(self, hook: Hook) -> None:
        if hook.state == ON:
            self._tasks[hook.id] = asyncio.create_task(self._run(hook), name=f"hook {hook.id}")

    async def _run(self, hook: Hook) -> None:
        who = self._who(hook)
        if who is None:
            self._switch_off(hook, "its token was revoked or has expired")
            return
        try:
            selection = selected(Wanted.of(hook.wanted), who)
            subscriber = self._platform.hub.join(selection, JSON, who, place_of(hook.place))
        except (AskError, UnknownName, TooMany) as error:
            self._switch_off(hook, str(error))
            return
        way = self._way(hook)
        try:
            await self._deliver(hook, subscriber, way)
        finally:
            subscriber.close()
            await way.close()

    async def _deliver(self, hook: Hook, subscriber: Subscriber, way: Webhook) -> None:
        while (first := await subscriber.next()) is not None:
            await asyncio.sleep(BATCH_S)
            more = await subscriber.next() if subscriber.waits else None
            found = orjson.loads(first) + (orjson.loads(more) if more else [])
            events = [one for one in found if one["event"] != "beat"]
            if not events:
                continue
            entry = self._entry(hook, EVENT, events, str(uuid.uuid4()))
            hook = await self._until_taken(hook, way, entry, events, subscriber)
            if hook.state == OFF:
                return
        if self._who(hook) is None:
            self._switch_off(hook, subscriber.over)

    async def _until_taken(
        self, hook: Hook, way: Webhook, entry: Entry, events: list[dict[str, Any]], subscriber: Subscriber
    ) -> Hook:
        """Try until a delivery was taken, or refused for good, or the hook is switched off."""
        place, tries = str(events[-1]["id"]), 0
        while True:
            tries += 1
            outcome = await self._posted(way, entry)
            now = self._platform.clock.now_ns()
            tried = Delivery(
                entry.delivery, now, len(events), tries, outcome.verdict, outcome.status, outcome.words
            )
            if outcome.verdict == "delivered":
                new = replace(
                    hook, place=place, words="", failing_since=0, delivered=hook.delivered + len(events)
                )
                return self._keep(new, tried)
            hook = replace(hook, words=outcome.words, failing_since=hook.failing_since or now)
            if outcome.status == HTTPStatus.GONE or now - hook.failing_since > GIVE_UP_DAYS * DAY_S * NS:
                self._keep(hook, tried)
                return self._switch_off(hook, f"nothing was taken: {outcome.words}")
            if outcome.verdict == "refused":
                return self._keep(replace(hook, place=place), tried)
            hook = self._keep(hook, tried)
            await asyncio.sleep(self.patience.wait_ns(tries, outcome.retry_after_s) / NS)
            if subscriber.over:
                return hook

    async def _posted(self, way: Webhook, entry: Entry) -> Outcome:
        try:
            async with asyncio.timeout(WHOLE_S):
                return await way.deliver(entry)
        except TimeoutError:
            await way.close()
            return unreachable(f"no whole answer within {WHOLE_S:.0f} s")

    def _entry(self, hook: Hook, kind: str, events: list[dict[str, Any]], delivery: str) -> Entry:
        body = orjson.dumps({"events": events}).decode()
        return Entry(0, hook.id, delivery, delivery, kind, body, self._platform.clock.now_ns(), 1)

    def _way(self, hook: Hook) -> Webhook:
        open_to = "its network is one that the operator allows"
        spec = ChannelSpec.model_validate(
            {"id": "hook", "webhook": hook.url, "secret": "${secret:hook}", "insecure": open_to}
        )
        return Webhook(spec, lambda _name: hook.secret, self._platform.clock, self.egress.client)

    def _who(self, hook: Hook) -> Who | None:
        """Return the owner as it is now, None when its token holds no more."""
        if not hook.token:
            return Who(OPERATOR, self._sights.of(EVERYTHING), frozenset({OPERATOR}))
        token = self._platform.keys.by_id(hook.token, self._platform.clock.now_ns())
        return None if token is None else Who(token.name, self._sights.of(token.scope), token=token.id)

    def _switch_off(self, hook: Hook, words: str) -> Hook:
        self._platform.note("hook_switched_off", self._platform.clock.now_ns(), words, hook.id)
        log.warning("hook.switched_off", hook=hook.id, words=words)
        return self._keep(replace(hook, state=OFF, words=words))

    def _keep(self, hook: Hook, tried: Delivery | None = None) -> Hook:
        if hook.id in self._hooks:
            self._hooks[hook.id] = hook
            self._platform.in_ledger(self.book.save, hook, tried)
        return hook
