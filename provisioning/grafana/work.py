"""What the parts share: what is wanted, and what was found, asked for at once.

A district that is as it should be costs some twenty questions. They do not wait for each other, so a few are under way
at a time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dashboards.alerts import GROUP
from dashboards.kit.names import CITY, PAGES, ROOT_FOLDER, folder_uid, page_uid, source_uid
from provisioning.plan import Action, Step
from twin.model.provision_spec import GrafanaSpec
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from dashboards.alerts import RuleGroup
    from dashboards.generate import Dashboard
    from provisioning.grafana.api import Api, Folder, Json, Page, Team
    from provisioning.plan import Difference
    from provisioning.tokens import Tokens
    from twin.model.district import District

NAME = "grafana"
_AT_ONCE = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """What is there under the uids and names that are ours; None stands for what is not."""

    folders: Mapping[str, Folder | None]
    permissions: Mapping[str, list[Json]]
    teams: Mapping[str, Team | None]
    preferences: Mapping[str, Json]
    sources: Mapping[str, Json | None]
    source_names: Mapping[str, str]
    pages: Mapping[str, Page | None]
    rules: list[Json]
    groups: Mapping[str, Json | None]
    points: list[Json]

    def record(self, district: str) -> Json:
        """Return what was wanted last of things that have no room for a mark, see `marks`."""
        source = self.sources.get(source_uid(district, Resolution.RAW)) or {}
        kept = (source.get("jsonData") or {}).get("barrio")
        return kept if isinstance(kept, dict) else {}


@dataclass(frozen=True, slots=True)
class Work:
    """One plan: the districts, what was generated for them, and where secrets come from.

    `store_url` is where Grafana finds the InfluxDB; `secrets` gives one that `provisioning.yaml` names, raising
    BarrioError when it is not set.
    """

    api: Api
    districts: Sequence[District]
    pages: Sequence[Dashboard]
    groups: Sequence[RuleGroup]
    tokens: Tokens
    store_url: str
    secrets: Callable[[str], str]
    message: str
    found: Found


def spec_of(district: District) -> GrafanaSpec:
    """Return what a district says about Grafana."""
    return district.provisioning.grafana if district.provisioning is not None else GrafanaSpec()


def step(
    kind: str,
    name: str,
    action: Action,
    do: Callable[[], None] | None = None,
    *,
    changed: tuple[Difference, ...] = (),
    by_hand: bool = False,
    words: str = "",
) -> Step:
    """Return a step at Grafana."""
    return Step(NAME, kind, name, action, changed, by_hand, words, do)


def keep(kind: str, name: str, words: str, *, by_hand: bool = False) -> Step:
    """Return the step that leaves something alone, and why."""
    return step(kind, name, Action.KEEP, words=words, by_hand=by_hand)


def look(api: Api, districts: Sequence[District], pages: Iterable[str]) -> Found:
    """Ask for all that a plan is about."""
    folders = [ROOT_FOLDER, *(folder_uid(each.id) for each in districts)]
    names = {team.name.casefold(): team.name for each in districts for team in spec_of(each).teams}
    sources = [source_uid(each.id, one) for each in districts for one in Resolution]
    uids = {CITY, *pages, *(page_uid(each.id, page) for each in districts for page in PAGES)}
    pool = ThreadPoolExecutor(_AT_ONCE, "grafana")
    try:
        rules = pool.submit(api.rules)
        points = pool.submit(api.contact_points)
        listed = pool.submit(api.sources)
        teams = _ask(pool, api.team, names.values())
        found_folders = _ask(pool, api.folder, folders)
        permissions = _ask(pool, api.permissions, folders[1:])
        groups = _ask(pool, partial(api.rule_group, group=GROUP), folders[1:])
        found_sources = _ask(pool, api.source, sources)
        found_pages = _ask(pool, api.page, sorted(uids))
        known = {each.result() for each in teams.values()} - {None}
        preferences = {team.name: pool.submit(api.preferences, team) for team in known if team is not None}
        return Found(
            folders=_all(found_folders),
            permissions=_all(permissions),
            teams={name.casefold(): each.result() for name, each in teams.items()},
            preferences=_all(preferences),
            sources=_all(found_sources),
            source_names={each["name"]: each["uid"] for each in listed.result()},
            pages=_all(found_pages),
            rules=rules.result(),
            groups=_all(groups),
            points=points.result(),
        )
    finally:
        # After an error nobody waits for the answers to the rest.
        pool.shutdown(cancel_futures=True)


def _ask(pool: ThreadPoolExecutor, call: Callable[[str], T], names: Iterable[str]) -> dict[str, Future[T]]:
    return {name: pool.submit(call, name) for name in names}


def _all(asked: Mapping[str, Future[T]]) -> dict[str, T]:
    return {name: each.result() for name, each in asked.items()}
