"""Notifications over HTTP: how each channel stands, and a test message through one of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from barrio.access.who import Seen
from barrio.api.answers import as_json
from barrio.api.problems import problem
from barrio.moments import rfc3339
from barrio.notify.channels import channels_of
from barrio.notify.outcome import described

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.notify_spec import ChannelSpec
    from twin.outbox_rows import ChannelStatus


class Test(BaseModel):
    """Body of a test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str = Field(min_length=1, max_length=200, description="district/channel")


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""

    @app.get("/api/v1/notifications")
    async def notifications(who: Seen) -> Response:
        """Return how each channel stands: what waits, what went out, what its receiver said last; for operators."""
        who.require_operator()
        known = channels_of(platform.catalogue.districts)
        outbox = platform.living.outbox
        standing = await platform.in_thread("reads", outbox.status) if outbox is not None else []
        by_channel = {one.channel: one for one in standing}
        names = [*known, *(name for name in by_channel if name not in known)]
        return as_json(
            {"channels": [_channel(name, known.get(name), by_channel.get(name)) for name in names]}
        )

    @app.post("/api/v1/notifications/test")
    async def test(body: Test, who: Seen) -> Response:
        """Send a test message past the queue, and return what the receiver said."""
        who.require_operates()
        notifier = platform.living.notifier
        if platform.at_rest or notifier is None:
            words = "barrio does not run with this data folder, or its districts have no channels"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, words)
        outcome = await notifier.test(body.channel)
        taken = outcome.verdict == "delivered"
        return as_json({"channel": body.channel, "delivered": taken, "words": outcome.words})


def _channel(name: str, spec: ChannelSpec | None, stands: ChannelStatus | None) -> dict[str, Any]:
    return {
        "channel": name,
        "way": described(spec) if spec else "no longer in the district's files",
        "waiting": stands.waiting if stands else 0,
        "oldest": rfc3339(stands.oldest or 0) if stands else None,
        "sent": stands.sent if stands else 0,
        "failed": stands.failed if stands else 0,
        "given_up": stands.given_up if stands else 0,
        "folded": stands.folded if stands else 0,
        "words": stands.words if stands else "",
        "at": rfc3339(stands.words_at) if stands else None,
    }
