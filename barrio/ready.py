"""`python -m barrio.ready URL`: whether a platform takes and stores readings, for the health check of a container.

Leaves with 0 when `/readyz` answers 200, else with 1 and why on stdout. Uses the standard library only: it is run every
few seconds, and `barrio` itself takes longer to begin than to ask.
"""

from __future__ import annotations

import sys
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

WAIT_S = 5.0
_LONGEST_SAID = 2000


def ready(url: str, wait_s: float = WAIT_S) -> tuple[bool, str]:
    """Return whether `url` answers 200, and its words or those of the failure."""
    if not url.startswith(("http://", "https://")):
        return False, f"{url!r} is not the URL of a platform"
    # A platform on this machine is not asked through a proxy, whatever the environment says.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(url, timeout=wait_s) as answer:
            return True, _text(answer.read(_LONGEST_SAID))
    except HTTPError as error:
        with error:
            return False, _text(error.read(_LONGEST_SAID)) or str(error)
    except URLError as error:
        return False, str(error.reason)
    except OSError as error:
        return False, str(error) or type(error).__name__


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()


def main(arguments: list[str]) -> int:
    """Ask; return the exit code."""
    if len(arguments) != 1:
        sys.stdout.write("usage: python -m barrio.ready URL\n")
        return 2
    good, words = ready(arguments[0])
    sys.stdout.write(f"{words}\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
