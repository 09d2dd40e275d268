"""Webhooks: what a stream gives, posted to a URL, signed and tried again until it was taken."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Path, Query, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from barrio.access.who import Seen, Who
from barrio.api.answers import as_json
from barrio.api.declared import declared
from barrio.api.operator import at_rest
from barrio.api.selected import Selected
from barrio.api.stream import full
from barrio.errors import AskError
from barrio.live.hub import TooMany
from barrio.live.selection import Wanted
from barrio.live.words import KINDS
from barrio.moments import rfc3339
from twin.access.scope import Verb

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.live.hook_book import Delivery, Hook
    from barrio.live.hooks import Hooks
    from barrio.platform import Platform

Text = Annotated[str, Field(max_length=300)]
HookId = Annotated[str, Path(max_length=100, description="Id of a hook")]
_HOOK = {
    "id": "5f1c2b7a90d3e846",
    "url": "https://ops.example.com/barrio",
    "wanted": {"point": [], "under": "ciudad-maderas", "kind": None, "quantity": None, "site": None, "device": None,
               "dataset": None, "events": ["reading"]},
    "created": "2026-11-28T15:00:00.000000Z",
    "state": "on",
    "words": "",
    "failing_since": None,
    "last": "19ac1c2e0a0-1764355201104233",
    "delivered": 4711,
}  # fmt: skip
_TRY = {
    "delivery": "0b9c5a52-7d0c-4a71-8f57-7b8f4b1c8a11",
    "at": "2026-11-28T15:00:01.000000Z",
    "events": 12,
    "tries": 1,
    "verdict": "delivered",
    "status": 204,
    "words": "204 No Content",
}


class NewHook(Selected):
    """A webhook: where it leads, and what is posted there. The selection is that of a stream."""

    url: str = Field(min_length=8, max_length=2_000, description="https URL that deliveries are posted to")
    events: list[Text] = Field(
        default=list(KINDS),
        min_length=1,
        max_length=len(KINDS),
        description="Which events; all without it.",
    )

    @property
    def wanted(self) -> Wanted:
        """What is posted."""
        return Wanted(self.choice, tuple(self.events))


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes of webhooks."""
    _add_making(app, platform)
    _add_looking(app, platform)


def _add_making(app: FastAPI, platform: Platform) -> None:
    refusals = (HTTPStatus.FORBIDDEN,)

    @app.post(
        "/api/v1/hooks",
        tags=["live"],
        status_code=HTTPStatus.CREATED,
        responses=declared(_HOOK | {"secret": "kept by you"}, *refusals, status=HTTPStatus.CREATED),
    )
    async def make(who: Seen, body: NewHook) -> Response:
        """Make a webhook. Its secret, which deliveries are signed with, is shown this once."""
        hooks = await _of(platform, who)
        try:
            hook = await hooks.make(who, body.url, body.wanted)
        except TooMany as error:
            return full(error)
        except ValueError as error:
            raise AskError("url", str(error)) from None
        answer = as_json(_described(hook) | {"secret": hook.secret})
        answer.status_code = HTTPStatus.CREATED
        answer.headers["Location"] = f"/api/v1/hooks/{hook.id}"
        return answer

    @app.delete(
        "/api/v1/hooks/{hook_id}",
        tags=["live"],
        status_code=HTTPStatus.NO_CONTENT,
        responses={**declared({}, *refusals), 204: {"description": "It is gone"}},
    )
    async def remove(who: Seen, hook_id: HookId) -> Response:
        """Forget a webhook; what was not delivered is not delivered any more."""
        hooks = await _of(platform, who)
        hook = hooks.find(hook_id, who)
        await platform.audited("hook_removed", who, {"hook": hook.id})
        await hooks.remove(hook)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @app.post(
        "/api/v1/hooks/{hook_id}/test",
        tags=["live"],
        responses=declared({"verdict": "delivered", "status": 204, "words": "204 No Content"}, *refusals),
    )
    async def test(who: Seen, hook_id: HookId) -> Response:
        """Post a signed `live.test` to the receiver now, and say what came of it."""
        hooks = await _of(platform, who)
        outcome = await hooks.test(hooks.find(hook_id, who))
        return as_json({"verdict": outcome.verdict, "status": outcome.status, "words": outcome.words})

    @app.post("/api/v1/hooks/{hook_id}/on", tags=["live"], responses=declared(_HOOK, *refusals))
    async def switch_on(who: Seen, hook_id: HookId) -> Response:
        """Let a webhook try again that was switched off because nothing was taken for days."""
        hooks = await _of(platform, who)
        hook = hooks.find(hook_id, who)
        await platform.audited("hook_switched_on", who, {"hook": hook.id})
        return as_json(_described(hooks.switch_on(hook)))


def _add_looking(app: FastAPI, platform: Platform) -> None:
    refused = HTTPStatus.FORBIDDEN

    @app.get("/api/v1/hooks", tags=["live"], responses=declared({"total": 1, "hooks": [_HOOK]}, refused))
    async def listed(who: Seen) -> Response:
        """Return the webhooks of this token."""
        found = (await _of(platform, who)).of(who)
        return as_json({"total": len(found), "hooks": [_described(one) for one in found]})

    @app.get("/api/v1/hooks/{hook_id}", tags=["live"], responses=declared(_HOOK, refused))
    async def one(who: Seen, hook_id: HookId) -> Response:
        """Return a webhook and how it stands."""
        return as_json(_described((await _of(platform, who)).find(hook_id, who)))

    @app.get(
        "/api/v1/hooks/{hook_id}/deliveries",
        tags=["live"],
        responses=declared({"deliveries": [_TRY]}, refused),
    )
    async def deliveries(
        who: Seen,
        hook_id: HookId,
        limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 20,
    ) -> Response:
        """Return the newest tries of a webhook, the newest first."""
        hooks = await _of(platform, who)
        hook = hooks.find(hook_id, who)
        tries = await platform.in_thread("reads", hooks.book.deliveries, hook.id, limit)
        return as_json({"deliveries": [_tried(each) for each in tries]})


async def _of(platform: Platform, who: Who) -> Hooks:
    """Return the hooks of the platform to whoever may have some."""
    if (away := at_rest(platform, "there are no webhooks")) is not None:
        raise HTTPException(HTTPStatus(away.status_code), "barrio does not run: there are no webhooks")
    who.require(Verb.STREAM)
    if not who.token and not who.operates:
        raise HTTPException(HTTPStatus.FORBIDDEN, "a webhook belongs to a token: show one")
    return await platform.hooks.get()


def _described(hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "url": hook.url,
        "wanted": dict(hook.wanted),
        "created": rfc3339(hook.created),
        "state": hook.state,
        "words": hook.words,
        "failing_since": rfc3339(hook.failing_since),
        "last": hook.place or None,
        "delivered": hook.delivered,
    }


def _tried(one: Delivery) -> dict[str, Any]:
    return {
        "delivery": one.delivery,
        "at": rfc3339(one.at),
        "events": one.events,
        "tries": one.tries,
        "verdict": one.verdict,
        "status": one.status,
        "words": one.words,
    }
