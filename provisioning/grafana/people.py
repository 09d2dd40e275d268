"""Teams, what they may do in a district's folder, and what they begin with.

Only teams that `provisioning.yaml` names are managed. A folder's permissions are set as one list, so the rest of it is
sent back as found. A team that is not there is made; who is in it is Grafana's business. An address under `.invalid`
(RFC 2606) says that barrio made it, which is what lets a destroy remove it while nobody is in it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dashboards.kit.names import folder_uid, page_uid
from provisioning.grafana.work import keep, spec_of, step
from provisioning.plan import Action, Difference, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioning.grafana.api import Api, Json, Team
    from provisioning.grafana.work import Work
    from provisioning.plan import Step
    from twin.model.district import District

_LEVEL = {"view": 1, "edit": 2, "admin": 4}
_NAMED = {level: name for name, level in _LEVEL.items()}
# What of a permission is sent back; the rest of what is found is for people.
_SENT = ("userId", "teamId", "role", "permission")


def address(district: str) -> str:
    """Return the address of a team that was made for a district."""
    return f"{district}@barrio.invalid"


def plan_teams(work: Work) -> Iterator[Step]:
    """Yield the teams that are to be made."""
    made: set[str] = set()
    for district in work.districts:
        for team in spec_of(district).teams:
            key = team.name.casefold()
            if work.found.teams.get(key) is None and key not in made:
                made.add(key)
                do = partial(_create_team, work.api, team.name, address(district.id))
                yield step("team", team.name, Action.CREATE, do, words="its members are for Grafana to add")


def plan_permissions(work: Work) -> Iterator[Step]:
    """Yield one step for each district whose teams may do something else than they should."""
    for district in work.districts:
        wanted = wanted_permissions(district)
        last = _last(work, district)
        found = _granted(work.found.permissions.get(folder_uid(district.id), ()))
        managed = {**last, **wanted}
        changed = tuple(
            Difference(name, _shown(found.get(name.casefold())), _shown(_LEVEL.get(wanted.get(name, ""))))
            for name in sorted(managed)
            if found.get(name.casefold()) != _LEVEL.get(wanted.get(name, ""))
        )
        if not changed:
            continue
        exists = work.found.folders.get(folder_uid(district.id)) is not None
        by_hand = exists and any(
            found.get(name.casefold()) != _LEVEL.get(permission) for name, permission in last.items()
        )
        do = partial(_grant, work.api, folder_uid(district.id), wanted, managed)
        yield step("permissions", district.name, Action.CHANGE, do, changed=changed, by_hand=by_hand)


def plan_homes(work: Work) -> Iterator[Step]:
    """Yield what makes the home dashboard of a district that of its teams; a home that somebody chose stays.

    Whether somebody took it away is not known: there is no room for a mark that is made in the same moment.
    """
    taken: dict[str, str] = {}
    for district in work.districts:
        spec = spec_of(district)
        home = page_uid(district.id, "home")
        used = bool(work.found.record(district.id).get("home"))
        for team in spec.teams:
            known = work.found.teams.get(team.name.casefold())
            found = (
                str(work.found.preferences.get(known.name, {}).get("homeDashboardUID") or "") if known else ""
            )
            found = taken.get(team.name.casefold(), found)
            if spec.home and found not in ("", home):
                yield keep("home", team.name, f"it begins with another dashboard, {found}")
            elif spec.home and found != home:
                taken[team.name.casefold()] = home
                do = partial(_set_home, work.api, team.name, home)
                changed = (Difference("home", found or "none", home),)
                yield step("home", team.name, Action.CHANGE, do, changed=changed)
            elif not spec.home and used and found == home:
                do = partial(_set_home, work.api, team.name, "")
                yield step("home", team.name, Action.CHANGE, do, changed=(Difference("home", home, "none"),))


def wanted_permissions(district: District) -> dict[str, str]:
    """Return what each team of a district may do."""
    return {team.name: team.permission for team in spec_of(district).teams}


def destroy(work: Work) -> Iterator[Step]:
    """Yield what takes homes back and removes teams that were made for the districts and have nobody in them.

    Permissions go with their folder.
    """
    seen: set[str] = set()
    for district in work.districts:
        home = page_uid(district.id, "home")
        for wanted in spec_of(district).teams:
            team = work.found.teams.get(wanted.name.casefold())
            if team is None:
                continue
            if work.found.preferences.get(team.name, {}).get("homeDashboardUID") == home:
                do = partial(_set_home, work.api, team.name, "")
                yield step("home", team.name, Action.CHANGE, do, changed=(Difference("home", home, "none"),))
            if team.email == address(district.id) and team.name not in seen:
                seen.add(team.name)
                yield from _destroy_team(work, team)


def _destroy_team(work: Work, team: Team) -> Iterator[Step]:
    members = work.api.members(team)
    if members:
        yield keep("team", team.name, f"{members} in it" if members > 1 else "somebody is in it")
    else:
        yield step("team", team.name, Action.DELETE, partial(work.api.delete_team, team))


def _last(work: Work, district: District) -> dict[str, str]:
    teams = work.found.record(district.id).get("teams")
    return dict(teams) if isinstance(teams, dict) else {}


def _granted(items: Iterable[Json]) -> dict[str, int]:
    return {str(item["team"]).casefold(): int(item["permission"]) for item in items if item.get("team")}


def _shown(level: int | None) -> str:
    return _NAMED.get(level or 0, "nothing")


def _create_team(api: Api, name: str, email: str) -> None:
    api.create_team(name, email)


def _known(api: Api, name: str) -> Team:
    team = api.team(name)
    if team is None:
        raise ProvisioningError("GET /api/teams/search", f"the team {name!r} is not there any more")
    return team


def _grant(api: Api, folder: str, wanted: Mapping[str, str], managed: Mapping[str, str]) -> None:
    names = {name.casefold() for name in managed}
    kept = [
        {key: item[key] for key in _SENT if item.get(key)}
        for item in api.permissions(folder)
        if str(item.get("team") or "").casefold() not in names and _sendable(item)
    ]
    ours = [
        {"teamId": _known(api, name).id, "permission": _LEVEL[permission]}
        for name, permission in wanted.items()
    ]
    api.set_permissions(folder, [*kept, *ours])


def _sendable(item: Json) -> bool:
    """Whether Grafana takes a permission back: not one of somebody who is gone, which refuses the whole list."""
    return bool(item.get("permission")) and any(item.get(key) for key in ("userId", "teamId", "role"))


def _set_home(api: Api, name: str, home: str) -> None:
    team = _known(api, name)
    # A PUT sets all of them: what people set for the team goes along.
    api.set_preferences(team, {**api.preferences(team), "homeDashboardUID": home})
