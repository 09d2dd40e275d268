"""OSCORE (RFC 8613) as a server has it: requests unlocked, their answers locked, in the context of a device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import aiocoap
from aiocoap import error as coap_error
from aiocoap import oscore

from connectors.coap.asked import Asked, refuse
from connectors.coap.exchange import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from connectors.coap.keys import Keys
    from connectors.coap.server import Request
    from connectors.coap.strangers import Strangers

_RETRY_S = 10.0


class Protected:
    """The contexts of a site's devices by endpoint name; what they hold is answered by `answer`."""

    def __init__(
        self,
        keys: Mapping[str, Keys],
        answer: Callable[[Asked], Awaitable[aiocoap.Message]],
        strangers: Strangers,
    ) -> None:
        self._keys = keys
        self._answer = answer
        self._strangers = strangers

    async def handle(self, request: Request) -> aiocoap.Message:
        """Answer a request under OSCORE, in its context; the refusals are those of RFC 8613, section 8.2."""
        message = request.message
        try:
            named = oscore.verify_start(message)
        except (coap_error.Error, ValueError, IndexError):
            return refuse(aiocoap.BAD_OPTION, "Failed to decode COSE")
        for name, keys in self._keys.items():
            if keys.get_oscore_context_for(named) is not None:
                return await self._in_context(request, name, keys)
        self._strangers.seen(f"coap://{request.source}", "speaks OSCORE with an id that no device here has")
        return refuse(aiocoap.UNAUTHORIZED, "Security context not found")

    async def _in_context(self, request: Request, name: str, keys: Keys) -> aiocoap.Message:
        try:
            await keys.reserve()
            inner, asked = keys.unprotect(request.message)
        except oscore.ReplayErrorWithEcho as unsure:
            return unsure.to_message()
        except NoAnswer:
            return aiocoap.Message(code=aiocoap.SERVICE_UNAVAILABLE, max_age=math.ceil(_RETRY_S))
        except oscore.ReplayError:
            return refuse(aiocoap.UNAUTHORIZED, "Replay detected")
        except (coap_error.Error, ValueError, IndexError):
            return refuse(aiocoap.BAD_REQUEST, "Decryption failed")
        inner.mtype = request.message.mtype
        answer = await self._answer(Asked(inner, request.source, name, None))
        try:
            protected, _ = keys.protect(answer, asked)
        except (oscore.ContextUnavailable, NoAnswer):
            return refuse(aiocoap.INTERNAL_SERVER_ERROR, "sequence numbers are used up")
        return protected
