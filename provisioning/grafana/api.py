"""The calls of Grafana's HTTP API that are used, and nothing more of each answer than is used.

From Grafana's pages `docs/sources/developers/http_api/{folder,folder_permissions,data_source,dashboard,team,
alerting_provisioning,folder_dashboard_search}.md` (11 and 12), and `developer-resources/api-reference/http-api/` (13,
where these calls are called legacy and stay). Where pages are silent, from the handlers in `pkg/api` and
`pkg/services/{team/teamapi,ngalert}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from provisioning.grafana.client import Refused
from provisioning.plan import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioning.grafana.client import Client

Json = dict[str, Any]
_MOST = "5000"
# A dashboard that was saved as schema v2 is not given by a plain GET (406); from 13 on it is converted when asked for.
_CLASSIC = ("v1beta1", "v1")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; `parent` is empty at the top."""

    uid: str
    title: str
    parent: str


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard. `json` is None where it was saved in a form (schema v2) that this Grafana does not give out."""

    uid: str
    json: Json | None
    version: int
    folder: str
    from_file: bool


@dataclass(frozen=True, slots=True)
class Team:
    """A team; `id` is a number, which the paths about teams want."""

    id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Api:
    """Grafana's calls; `Refused` when it does not do what it is asked."""

    client: Client

    def version(self) -> str:
        """Return Grafana's version, empty where it is hidden; ProvisioningError when somebody else answers."""
        found = self.client.get("/api/health")
        if not isinstance(found, dict) or "database" not in found:
            raise ProvisioningError("GET /api/health", "what answers is not a Grafana")
        return str(found.get("version", ""))

    def _delete(self, path: str, **params: str) -> None:
        """Remove something; what is gone already is no error, since somebody else was quicker."""
        try:
            self.client.call("DELETE", path, params=params)
        except Refused as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    # Folders

    def folder(self, uid: str) -> Folder | None:
        """Return a folder."""
        found = self.client.find(f"/api/folders/{uid}", "uid", "title")
        return None if found is None else Folder(found["uid"], found["title"], found.get("parentUid") or "")

    def create_folder(self, folder: Folder) -> None:
        """Make a folder below its parent."""
        body = {"uid": folder.uid, "title": folder.title}
        if folder.parent:
            body["parentUid"] = folder.parent
        self.client.call("POST", "/api/folders", body)

    def rename_folder(self, uid: str, title: str) -> None:
        """Give a folder another title."""
        self.client.call("PUT", f"/api/folders/{uid}", {"title": title, "overwrite": True})

    def move_folder(self, uid: str, parent: str) -> None:
        """Put a folder below another one."""
        self.client.call("POST", f"/api/folders/{uid}/move", {"parentUid": parent})

    def delete_folder(self, uid: str) -> None:
        """Remove a folder and whatever is in it; alert rules in it are a reason to refuse."""
        self._delete(f"/api/folders/{uid}", forceDeleteRules="false")

    def inside(self, uid: str) -> dict[str, str]:
        """Return what is in a folder itself, by uid and in words: dashboards, folders, alert rules, library panels."""
        pages = self.client.objects(
            "/api/search", "uid", "title", type="dash-db", folderUIDs=uid, limit=_MOST
        )
        folders = self.client.objects("/api/folders", "uid", "title", parentUid=uid, limit=_MOST)
        rules = [rule for rule in self.rules() if rule.get("folderUID") == uid]
        # The only place where library panels are counted by folder in 11, 12 and 13, under a name of each one's own.
        counts = self.client.find(f"/api/folders/{uid}/counts") or {}
        panels = sum(int(number) for kind, number in counts.items() if "librar" in kind)
        return (
            {each["uid"]: f"dashboard {each['title']}" for each in pages}
            | {each["uid"]: f"folder {each['title']}" for each in folders}
            | {each["uid"]: f"alert rule {each['title']}" for each in rules}
            | ({"library panels": "library panels"} if panels else {})
        )

    def permissions(self, uid: str) -> list[Json]:
        """Return what a folder itself grants, none when there is no such folder."""
        try:
            found = self.client.objects(f"/api/folders/{uid}/permissions", "permission")
        except Refused as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            return []
        return [item for item in found if not item.get("inherited")]

    def set_permissions(self, uid: str, items: Sequence[Json]) -> None:
        """Grant exactly these."""
        self.client.call("POST", f"/api/folders/{uid}/permissions", {"items": list(items)})

    # Teams

    def team(self, name: str) -> Team | None:
        """Return a team by its name.

        13 answers with numbers only where it is asked for a name. A search that gives none (0) is made up for by the
        uid, which paths about teams take as well.
        """
        found = self.client.object("/api/teams/search", "teams", name=name)
        for each in found["teams"] or ():
            if each["name"].casefold() == name.casefold():
                number = each.get("id") or self.client.object(f"/api/teams/{each['uid']}", "id")["id"]
                return Team(number, each["name"], each.get("email", ""))
        return None

    def create_team(self, name: str, email: str) -> Team:
        """Make a team."""
        made = self.client.call("POST", "/api/teams", {"name": name, "email": email})
        return Team(made["teamId"], name, email)

    def delete_team(self, team: Team) -> None:
        """Remove a team."""
        self._delete(f"/api/teams/{team.id}")

    def members(self, team: Team) -> int:
        """Return how many are in a team."""
        return len(self.client.objects(f"/api/teams/{team.id}/members"))

    def preferences(self, team: Team) -> Json:
        """Return what the members of a team begin with."""
        return self.client.object(f"/api/teams/{team.id}/preferences")

    def set_preferences(self, team: Team, preferences: Mapping[str, Any]) -> None:
        """Set them all: what is left out goes back to Grafana's own."""
        self.client.call("PUT", f"/api/teams/{team.id}/preferences", dict(preferences))

    # Data sources

    def sources(self) -> list[Json]:
        """Return all data sources, without users and without what is secret about each."""
        return self.client.objects("/api/datasources", "name", "uid")

    def source(self, uid: str) -> Json | None:
        """Return a data source; of secrets, which there are."""
        return self.client.find(f"/api/datasources/uid/{uid}")

    def create_source(self, body: Json) -> None:
        """Make a data source."""
        self.client.call("POST", "/api/datasources", body)

    def put_source(self, uid: str, body: Json) -> None:
        """Change a data source; a secret that is left out stays."""
        self.client.call("PUT", f"/api/datasources/uid/{uid}", body)

    def delete_source(self, uid: str) -> None:
        """Remove a data source."""
        self._delete(f"/api/datasources/uid/{uid}")

    # Dashboards

    def page(self, uid: str) -> Page | None:
        """Return a dashboard as classic JSON."""
        try:
            found = self.client.find(f"/api/dashboards/uid/{uid}", "dashboard")
        except Refused as error:
            if error.status != httpx.codes.NOT_ACCEPTABLE:
                raise
            found = self._classic(uid)
        else:
            # Some 13.x give v2 out as it is.
            if found is not None and "elements" in found["dashboard"]:
                found = self._classic(uid)
        if found is None:
            return None
        meta, json = found.get("meta", {}), found.get("dashboard")
        version = meta.get("version") or (json or {}).get("version") or 0
        return Page(uid, json, int(version), meta.get("folderUid") or "", bool(meta.get("provisioned")))

    def _classic(self, uid: str) -> Json:
        for version in _CLASSIC:
            try:
                found = self.client.find(f"/api/dashboards/uid/{uid}", "dashboard", apiVersion=version)
            except Refused:
                continue
            if found is not None and "elements" not in found["dashboard"]:
                return dict(found)
        hits = self.client.objects("/api/search", "uid", dashboardUIDs=uid)
        folder = next((hit.get("folderUid", "") for hit in hits if hit["uid"] == uid), "")
        return {"dashboard": None, "meta": {"folderUid": folder}}

    def tags(self, uid: str) -> list[str]:
        """Return the tags of a dashboard, which are known also where its JSON is not given."""
        hits = self.client.objects("/api/search", "uid", dashboardUIDs=uid)
        return next((list(hit.get("tags") or ()) for hit in hits if hit["uid"] == uid), [])

    def save_page(self, json: Json, folder: str, message: str, *, overwrite: bool) -> int:
        """Save a dashboard over the version that its JSON names; return the new one. `Refused` (412) on a race.

        0 where Grafana does not say: one whose saves go to a listener (202) has nothing saved yet.
        """
        body = {"dashboard": json, "folderUid": folder, "message": message, "overwrite": overwrite}
        return int((self.client.call("POST", "/api/dashboards/db", body) or {}).get("version", 0))

    def delete_page(self, uid: str) -> None:
        """Remove a dashboard."""
        self._delete(f"/api/dashboards/uid/{uid}")

    # Alerting

    def rules(self) -> list[Json]:
        """Return all alert rules of the organisation."""
        return self.client.objects("/api/v1/provisioning/alert-rules", "uid", "title")

    def rule_group(self, folder: str, group: str) -> Json | None:
        """Return a group of rules."""
        return self.client.find(_group_path(folder, group))

    def put_rule_group(self, folder: str, group: str, body: Json) -> None:
        """Make a group hold exactly these rules; one that is as it was is not touched."""
        self.client.call("PUT", _group_path(folder, group), body)

    def delete_rule(self, uid: str) -> None:
        """Remove one alert rule."""
        self._delete(f"/api/v1/provisioning/alert-rules/{uid}")

    def contact_points(self) -> list[Json]:
        """Return all contact points of the organisation, secrets as `[REDACTED]`."""
        return self.client.objects("/api/v1/provisioning/contact-points")

    def create_contact_point(self, body: Json) -> None:
        """Make a contact point."""
        self.client.call("POST", "/api/v1/provisioning/contact-points", body)

    def put_contact_point(self, uid: str, body: Json) -> None:
        """Change a contact point."""
        self.client.call("PUT", f"/api/v1/provisioning/contact-points/{uid}", body)

    def delete_contact_point(self, uid: str) -> None:
        """Remove a contact point."""
        self._delete(f"/api/v1/provisioning/contact-points/{uid}")


def _group_path(folder: str, group: str) -> str:
    return f"/api/v1/provisioning/folder/{folder}/rule-groups/{quote(group, safe='')}"
