"""The address that a request came to, for answers that name whole addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from barrio.errors import AskError

if TYPE_CHECKING:
    from starlette.requests import Request

_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)


def base_of(request: Request) -> str:
    """Return `scheme://host` without a slash at its end; AskError for a Host that is none.

    What `Host` says goes into the answer, so nothing but a name or an address with a port is taken (RFC 9110, 7.2), and
    the answer is for whoever asked alone. Headers of proxies are not believed: a proxy sends `Host` on as it came.
    """
    host = request.headers.get("host", "")
    if not host and request.url.hostname:
        host = request.url.netloc
    if _HOST.fullmatch(host) is None:
        raise AskError("Host", f"{host[:60]!r} is neither a name nor an address")
    scheme = "https" if request.url.scheme in {"https", "wss"} else "http"
    return f"{scheme}://{host}"
