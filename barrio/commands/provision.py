"""`plan`, `apply`, `drift`, `destroy` and `render`: InfluxDB and Grafana as the districts' files say.

Which servers, and who administers them, is in the settings: `BARRIO_STORE` with `BARRIO_ADMIN_TOKEN`, `BARRIO_GRAFANA`
with its token. What districts want is made of their files alone.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from barrio.assembly import load_all, profiles_folder
from barrio.errors import AskError
from barrio.settings import is_url
from barrio.terminal import plain
from connectors.registry import Connectors
from provisioning import plan as core
from provisioning import show
from provisioning.tokens import Tokens
from twin.errors import StartError
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from barrio.settings import Settings
    from dashboards.generate import Options
    from provisioning.plan import Outcome, Step, Target
    from twin.model.district import District

Only = Literal["influxdb", "grafana"]
ONLY: tuple[Only, ...] = ("influxdb", "grafana")
_LIKE = {"influxdb": "http://HOST:8086", "grafana": "http://HOST:3000"}

DONE, DIFFERS, CHANGES = 0, 1, 2
"""Exit codes: as it should be, or done; not as it should be, or failed; `plan --exit-code` that has changes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line said of districts and servers."""

    districts: Sequence[str]
    only: str | None = None
    adopt: bool = False
    lang: str = "en"
    barrio_url: str = ""


def plan(settings: Settings, asked: Asked, *, machine: bool, exit_code: bool) -> tuple[str, int]:
    """Return what would be done, and the exit code."""
    with opened(settings, asked) as found:
        steps = core.plan_all(found)
    changes = exit_code and any(step.changes for step in steps)
    return _shown(steps, machine=machine), CHANGES if changes else DONE


def drift(settings: Settings, asked: Asked, *, machine: bool) -> tuple[str, int]:
    """Return what is not as the districts' files say, and the exit code."""
    with opened(settings, asked) as found:
        steps = show.differing(core.plan_all(found))
    if steps or machine:
        return _shown(steps, machine=machine), DIFFERS if steps else DONE
    return "everything is as the districts say", DONE


def apply(
    settings: Settings, asked: Asked, tell: Callable[[str], None], *, expect: str | None = None
) -> Outcome:
    """Do what `plan` says, telling each step when it is done.

    With `expect`, the name of a plan that somebody read, nothing is done when it would be another by now.
    """
    with opened(settings, asked) as found:
        steps = core.plan_all(found)
        name = core.fingerprint(steps)
        if expect is not None and expect != name:
            words = f"what is to be done is another by now, {name}: look at barrio plan again"
            raise AskError("--expect", words)
        return carry_out(steps, tell)


def destroy(
    settings: Settings,
    asked: Asked,
    tell: Callable[[str], None],
    *,
    keep_data: bool,
    agree: Callable[[str], None] | None,
) -> Outcome:
    """Remove what is ours, telling each step when it is done; `agree` is shown the list before, and raises to stop."""
    with opened(settings, asked) as found:
        steps = core.destroy_all(found, keep_data=keep_data)
        if agree is not None:
            agree(plain(show.plan_text(steps), keep="\n"))
        return carry_out(steps, tell)


def carry_out(steps: Sequence[Step], tell: Callable[[str], None]) -> Outcome:
    """Do steps, telling each in words when it is done."""
    return core.apply(steps, lambda step: tell(plain(show.step_text(step))))


def render(asked: Asked, settings: Settings, out: Path) -> list[str]:
    """Write what a Grafana takes from files; returns the files that are new, changed or gone, a line each."""
    from provisioning.render import render as write

    return write(_load(asked), options(asked), grafana_store(settings), out)


def shown_outcome(outcome: Outcome, *, machine: bool) -> tuple[str, int]:
    """Return what became of a plan, and the exit code."""
    code = DONE if outcome.failed is None else DIFFERS
    if not machine:
        return plain(show.outcome_text(outcome), keep="\n"), code
    body = {
        "done": core.as_json(outcome.done),
        "failed": core.as_json([outcome.failed])[0] if outcome.failed else None,
        "error": _error(outcome.error),
        "left": core.as_json(outcome.left),
    }
    return json.dumps(body, ensure_ascii=False), code


@contextmanager
def opened(settings: Settings, asked: Asked) -> Iterator[list[Target]]:
    """Give the servers that the settings name, for the length of a `with` block."""
    found = targets(settings, asked)
    try:
        yield found
    finally:
        for one in found:
            one.close()


def targets(settings: Settings, asked: Asked) -> list[Target]:
    """Return the servers that the settings name, an InfluxDB before a Grafana; StartError when there is none."""
    if asked.only is not None and asked.only not in ONLY:
        near = suggest(asked.only, list(ONLY))
        raise AskError("--only", f"{asked.only!r} is none of {', '.join(ONLY)}{near}")
    if settings.tokens is None:
        raise StartError("BARRIO_TOKENS: name the folder in which the tokens of districts are kept")
    wanted: tuple[Only, ...] = (asked.only,) if asked.only else ONLY
    named = {"influxdb": is_url(settings.store), "grafana": bool(settings.grafana)}
    if not any(named[one] for one in wanted):
        variables = {"influxdb": "BARRIO_STORE", "grafana": "BARRIO_GRAFANA"}
        words = " and ".join(f"{variables[one]} names no URL, such as {_LIKE[one]}" for one in wanted)
        raise StartError(f"there is nothing to provision: {words}")
    districts = _load(asked)
    tokens = Tokens(settings.tokens)
    make = {"influxdb": _influxdb, "grafana": _grafana}
    return [make[one](settings, asked, districts, tokens) for one in wanted if named[one]]


def options(asked: Asked) -> Options:
    """Return how dashboards are to be; AskError for a language that there is none of."""
    from dashboards.generate import Options
    from dashboards.kit.texts import LANGUAGES

    if asked.lang not in LANGUAGES:
        near = suggest(asked.lang, list(LANGUAGES))
        raise AskError("--lang", f"{asked.lang!r} is none of {', '.join(LANGUAGES)}{near}")
    return Options(lang=asked.lang, barrio_url=asked.barrio_url)


def grafana_store(settings: Settings) -> str:
    """Return the URL by which Grafana reaches the InfluxDB; StartError when there is none."""
    url = settings.grafana_store or settings.store
    if not is_url(url):
        words = f"Grafana reads an InfluxDB, and the store is {url}"
        raise StartError(
            f"BARRIO_STORE: {words}: name its URL, or that by which Grafana reaches it in BARRIO_GRAFANA_STORE"
        )
    if "@" in url.partition("://")[2].partition("/")[0]:
        # It would stand in plans, in files, and for everybody to read in Grafana.
        variable = "BARRIO_GRAFANA_STORE" if settings.grafana_store else "BARRIO_STORE"
        raise StartError(
            f"{variable}: the URL holds a user or password: each data source gets a token of its own"
        )
    return url


def _influxdb(settings: Settings, asked: Asked, districts: Sequence[District], tokens: Tokens) -> Target:
    from provisioning.influx import Admin, InfluxTarget

    admin = Admin(
        url=settings.store,
        token=_secret("BARRIO_ADMIN_TOKEN_FILE", settings.admin_secret),
        user=settings.admin_user,
        org=settings.store_org,
        timeout_s=settings.store_timeout,
        adopt=asked.adopt,
    )
    return InfluxTarget(admin, districts, tokens)


def _grafana(settings: Settings, asked: Asked, districts: Sequence[District], tokens: Tokens) -> Target:
    from barrio import __version__
    from barrio.homes import Secrets, check_provisioning_secrets
    from dashboards.generate import generate
    from provisioning.grafana.client import Login
    from provisioning.grafana.target import Access, Grafana

    secrets = Secrets(settings.secrets)
    check_provisioning_secrets(districts, secrets)
    login = Login(
        token=_secret("BARRIO_GRAFANA_TOKEN_FILE", settings.grafana_secret),
        user=settings.grafana_user,
        password=_secret("BARRIO_GRAFANA_PASSWORD_FILE", settings.grafana_password_secret),
    )
    access = Access(settings.grafana, login, grafana_store(settings))
    message = f"barrio {__version__}"
    return Grafana(access, districts, tokens, options(asked), generate, secrets, message)


def _secret(variable: str, read: Callable[[], str | None]) -> str:
    """Return a secret, empty where there is none; StartError when its file cannot be read."""
    try:
        return read() or ""
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is no text"
        raise StartError(f"{variable}: the file cannot be read: {words}") from error


def _load(asked: Asked) -> list[District]:
    return load_all(asked.districts, Path(), Connectors(), profiles_folder())


def _shown(steps: Sequence[Step], *, machine: bool) -> str:
    if not machine:
        return plain(show.plan_text(steps), keep="\n")
    body = {
        "plan": core.fingerprint(steps),
        "counts": dict(core.counts(steps)),
        "steps": core.as_json(steps),
    }
    return json.dumps(body, ensure_ascii=False)


def _error(error: core.ProvisioningError | None) -> dict[str, str] | None:
    return None if error is None else {"call": error.call, "words": error.words, "right": error.right}


def interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
