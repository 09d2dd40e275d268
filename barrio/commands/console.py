"""`barrio console`: a login link for whoever can read the data folder.

The token itself stands in no address: the link holds a code that works once, behind `#`, which a browser sends to
nobody and a server does not log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.client import answers, tell
from twin.errors import StartError
from twin.folder import DataFolder

if TYPE_CHECKING:
    from barrio.settings import Settings

SIGN_IN = "/console/sign-in"


async def login_link(settings: Settings) -> str:
    """Return a link that signs a browser in; StartError while nothing runs with the data folder."""
    if DataFolder(settings.data).running() is None:
        raise StartError(f"barrio does not run with data folder {settings.data}: name another with --data")
    async with answers(settings, ()) as client:
        found = await tell(client, "/api/v1/session/codes", {})
        return f"{str(client.base_url).rstrip('/')}{SIGN_IN}#code={found['code']}"
