"""`barrio init`: waits until InfluxDB and Grafana answer, then does what `barrio apply` does.

For the moment in which everything starts at once: a container that runs to its end before the platform begins. It may
run again at every start, since a second apply does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from barrio.commands import provision
from barrio.settings import is_url
from barrio.terminal import plain
from provisioning import plan as core
from provisioning.plan import ProvisioningError
from twin.outgoing import terms

if TYPE_CHECKING:
    from barrio.settings import Settings
    from provisioning.plan import Outcome

LONGEST_TRY_S = 5.0
PAUSE_S = 1.0
SAID_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class Server:
    """One that is waited for: any answer to `path` but a failure of its own (5xx) says that it is there."""

    name: str
    url: str
    path: str


@dataclass(frozen=True, slots=True)
class Time:
    """The clock to wait by, in s."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def init(settings: Settings, asked: provision.Asked, wait_s: float, tell: Callable[[str], None]) -> Outcome:
    """Wait, then apply, telling each step.

    Faults of files and settings are raised before anything is waited for; ProvisioningError when a server does not
    answer within `wait_s`, which all of them share.
    """
    with provision.opened(settings, asked) as targets:
        wait(servers(settings), wait_s, tell)
        return provision.carry_out(core.plan_all(targets), tell)


def servers(settings: Settings) -> list[Server]:
    """Return whom the settings name."""
    found = []
    if is_url(settings.store):
        found.append(Server("InfluxDB", settings.store.rstrip("/"), "/ping"))
    if settings.grafana:
        found.append(Server("Grafana", settings.grafana.rstrip("/"), "/api/health"))
    return found


def wait(
    servers: Sequence[Server], wait_s: float, tell: Callable[[str], None], clock: Time | None = None
) -> None:
    """Return when all answer, one after the other; ProvisioningError when one has not by the end of `wait_s`."""
    clock = clock or Time()
    begun = clock.now()
    with httpx.Client(timeout=LONGEST_TRY_S, **terms()) as http:
        for server in servers:
            _wait_for(server, http, begun, wait_s, tell, clock)


def _wait_for(
    server: Server, http: httpx.Client, begun: float, wait_s: float, tell: Callable[[str], None], clock: Time
) -> None:
    said: tuple[str, float] | None = None
    while (words := _missing(server, http)) is not None:
        now = clock.now()
        if now - begun >= wait_s:
            raise ProvisioningError(
                f"GET {server.path}", f"{_named(server)} did not answer within {wait_s:g} s: {words}"
            )
        if said is None or words != said[0] or now - said[1] >= SAID_EVERY_S:
            tell(plain(f"waiting for {_named(server)}: {words} ({now - begun:.0f} of {wait_s:g} s)"))
            said = words, now
        clock.sleep(min(PAUSE_S, max(0.0, begun + wait_s - now)))
    if said is not None:
        tell(plain(f"{_named(server)} answers after {clock.now() - begun:.0f} s"))


def _missing(server: Server, http: httpx.Client) -> str | None:
    """Return why a server is not there yet, None when it is."""
    try:
        answer = http.get(server.url + server.path)
    except httpx.TimeoutException:
        return f"no answer within {LONGEST_TRY_S:g} s"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return str(error) or type(error).__name__
    return f"it answers {answer.status_code}" if answer.is_server_error else None


def _named(server: Server) -> str:
    scheme, _, place = server.url.partition("://")
    # A URL with a password is refused later; it is not shown before.
    return f"{server.name} at {scheme}://{place.rpartition('@')[2]}"
