"""A stand-in for Grafana: exactly the calls that provisioning uses, over HTTP on loopback, with state and rights.

It is no Grafana. It was written from what Grafana publishes, so that the code can be tried where no Grafana runs; each
part names its page (`docs/sources/developers/http_api/` of grafana/grafana, in short `http_api/`) or, where pages say
nothing, the handler. What 11, 12 and 13 do differently is told by `version`:

- 11 gives a dashboard back as it was sent, with number, uid and version.
- 12 takes number, uid and version off (`pkg/registry/apis/dashboard/mutate.go`), counts versions by itself, raises the
  schema, and answers 406 for a dashboard that was saved as schema v2 (`pkg/api/dashboard.go`).
- 13 does so as well, and converts one when it is asked for with `apiVersion` (pull request 120842).
"""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable

ADMIN, EDITOR, VIEWER = "glsa_admin_canary", "glsa_editor_canary", "glsa_viewer_canary"
USER, PASSWORD = "admin", "password-canary"

# Basic roles and what they may do: `docs/sources/administration/roles-and-permissions/access-control/
# rbac-fixed-basic-role-definitions`.
_VIEWER = {"folders:read", "dashboards:read"}
_EDITOR = _VIEWER | {
    "folders:create",
    "folders:write",
    "folders:delete",
    "dashboards:create",
    "dashboards:write",
}
_ROLES = {"Viewer": _VIEWER, "Editor": _EDITOR | {"dashboards:delete"}}
_SECURE = {"webhook": ("password", "authorization_credentials"), "email": ()}
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")


class Answer(Exception):
    """An answer that ends a call early."""

    def __init__(self, code: int, message: str, /, **more: Any) -> None:
        self.code, self.body = code, {"message": message, **more}
        super().__init__(message)


@dataclass
class Page:
    """A saved dashboard."""

    id: int
    json: dict[str, Any]
    version: int
    folder: str
    schema: str = "v1"
    from_file: bool = False
    versions: list[tuple[int, str]] = field(default_factory=list)


class GrafanaStandIn:
    """Use as a context manager. `calls` has every call since `forget`, `writes` those that change something.

    `fail_at` lets the n-th write fail with a 500, `says` answers instead of it for all calls.
    """

    def __init__(self, version: str = "12.1.0", latency_s: float = 0.0) -> None:
        self.version = version
        self.latency_s = latency_s
        self.calls: list[str] = []
        self.fail_at = 0
        self.says: Callable[[str, str], tuple[int, str, bytes, dict[str, str]] | None] | None = None
        self.folders: dict[str, dict[str, Any]] = {}
        self.grants: dict[str, list[dict[str, Any]]] = {}
        self.teams: dict[int, dict[str, Any]] = {}
        self.preferences: dict[int, dict[str, Any]] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.pages: dict[str, Page] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.intervals: dict[tuple[str, str], int] = {}
        self.points: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, Any] = {"receiver": "grafana-default-email", "routes": []}
        self.tokens = {ADMIN: "Admin", EDITOR: "Editor", VIEWER: "Viewer"}
        self._number = 0
        self._writes = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def major(self) -> int:
        """11, 12 or 13."""
        return int(self.version.split(".", 1)[0])

    @property
    def writes(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.calls if not call.startswith("GET ")]

    def forget(self) -> None:
        """Begin to count calls anew; the next failure as well."""
        self.calls.clear()
        self._writes = 0

    def foreign(self) -> dict[str, Any]:
        """Return a copy of everything that is not barrio's, and of what barrio has no business with."""
        ours = ("barrio-",)
        return copy.deepcopy(
            {
                "folders": {uid: each for uid, each in self.folders.items() if not uid.startswith(ours)},
                "grants": {
                    uid: [item for item in items if not item.get("teamId") and not item.get("ours")]
                    for uid, items in self.grants.items()
                },
                "teams": {
                    number: team
                    for number, team in self.teams.items()
                    if not team["email"].endswith("@barrio.invalid")
                },
                "sources": {
                    uid: each for uid, each in self.sources.items() if "barrio" not in each["jsonData"]
                },
                "pages": {
                    uid: page for uid, page in self.pages.items() if "barrio" not in page.json.get("tags", ())
                },
                "rules": {uid: each for uid, each in self.rules.items() if "barrio" not in each["labels"]},
                "points": {uid: each for uid, each in self.points.items() if not uid.startswith(ours)},
                "policies": self.policies,
            }
        )

    # What people and other programs do

    def add_folder(self, uid: str, title: str, parent: str = "") -> None:
        """Make a folder, as the page does; one at the top can be seen and edited by the basic roles."""
        self._number += 1
        self.folders[uid] = {
            "id": self._number,
            "uid": uid,
            "title": title,
            "parentUid": parent,
            "version": 1,
        }
        # `setDefaultFolderPermissions` in `pkg/api/folder.go`.
        basic = [{"role": "Editor", "permission": 2}, {"role": "Viewer", "permission": 1}]
        self.grants[uid] = [] if parent else basic

    def add_team(self, name: str, members: int = 1) -> int:
        """Make a team of people."""
        self._number += 1
        self.teams[self._number] = {"name": name, "email": "", "members": members}
        return self._number

    def add_page(self, uid: str, title: str, folder: str = "", **more: Any) -> None:
        """Make a dashboard, as somebody does."""
        self._number += 1
        sent = {"uid": uid, "title": title, "panels": [], "tags": [], **more}
        self.pages[uid] = Page(self._number, sent, 1, folder, versions=[(1, "")])

    def edit_page(self, uid: str, change: Callable[[dict[str, Any]], None], schema: str = "v1") -> None:
        """Save a dashboard as the editor does, which writes more than what was changed."""
        page = self.pages[uid]
        change(page.json)
        for panel in page.json.get("panels", ()):
            panel["pluginVersion"] = self.version
        built_in = {"builtIn": 1, "name": "Annotations & Alerts", "enable": True, "hide": True}
        annotations = page.json.setdefault("annotations", {}).setdefault("list", [])
        if not any(each.get("builtIn") for each in annotations):
            annotations.insert(0, built_in)
        page.json |= {
            "fiscalYearStartMonth": 0,
            "graphTooltip": page.json.get("graphTooltip", 0),
            "links": page.json.get("links", []),
        }
        page.schema = schema
        page.version += 1
        page.versions.append((page.version, ""))

    # The calls

    def handle(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Return status and body of an answer."""
        parts = urlsplit(target)
        params = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        with self._lock:
            self.calls.append(f"{method} {parts.path}")
            if method != "GET":
                self._writes += 1
                if self._writes == self.fail_at:
                    return 500, {"message": "database is locked", "traceID": ""}
            try:
                return self._route(method, parts.path, params, headers, json.loads(body) if body else None)
            except Answer as answer:
                return answer.code, answer.body

    def _route(
        self, method: str, path: str, params: dict[str, str], headers: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        if (method, path) == ("GET", "/api/health"):
            # http_api/other.md
            return 200, {"commit": "0000000", "database": "ok", "version": self.version}
        role = self._role(headers)
        for verb, pattern, right, call in _ROUTES:
            match = pattern.fullmatch(path)
            if verb == method and match:
                self._allow(role, right)
                names = {key: unquote(value) for key, value in match.groupdict().items()}
                answered: tuple[int, Any] = getattr(self, call)(params=params, body=body, **names)
                return answered
        raise Answer(404, "Not found")

    def _role(self, headers: dict[str, str]) -> str:
        # http_api/auth.md
        kind, _, rest = headers.get("authorization", "").partition(" ")
        if kind == "Bearer" and rest in self.tokens:
            return self.tokens[rest]
        if kind == "Basic" and base64.b64decode(rest).decode() == f"{USER}:{PASSWORD}":
            return "Admin"
        name = "api-key.invalid" if kind == "Bearer" else "auth.unauthorized"
        words = "Invalid API key" if kind == "Bearer" else "Unauthorized"
        raise Answer(401, words, extra=None, messageId=name, statusCode=401, traceID="")

    def _allow(self, role: str, right: str) -> None:
        if role != "Admin" and right not in _ROLES[role]:
            # `pkg/services/accesscontrol/middleware.go`
            words = "You'll need additional permissions to perform this action. Permissions needed: " + right
            raise Answer(403, words, accessErrorId="ACE0000000000", title="Access denied")

    # Folders, see http_api/folder.md

    def _folder(self, uid: str) -> dict[str, Any]:
        if uid not in self.folders:
            raise Answer(404, "folder not found", status="not-found")
        return self.folders[uid]

    def _folder_json(self, uid: str) -> dict[str, Any]:
        found = self._folder(uid)
        shown = {"hasAcl": False, "canSave": True, "url": f"/dashboards/f/{uid}", **found}
        if not shown["parentUid"]:
            del shown["parentUid"]
        return shown

    def get_folder(self, uid: str, **_: Any) -> tuple[int, Any]:
        return 200, self._folder_json(uid)

    def list_folders(self, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        parent = params.get("parentUid", "")
        found = [each for each in self.folders.values() if each["parentUid"] == parent]
        return 200, [{"id": each["id"], "uid": each["uid"], "title": each["title"]} for each in found]

    def create_folder(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        uid, parent = body["uid"], body.get("parentUid", "")
        if not _UID.fullmatch(uid):
            raise Answer(400, "uid contains illegal characters or is too long")
        if uid in self.folders:
            raise Answer(409, "a folder/dashboard with the same uid already exists")
        if parent and parent not in self.folders:
            raise Answer(404, "parent folder not found")
        self.add_folder(uid, body["title"], parent)
        return 200, self._folder_json(uid)

    def update_folder(self, uid: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        found = self._folder(uid)
        if not body.get("overwrite") and body.get("version") != found["version"]:
            words = "The folder has been changed by someone else"
            raise Answer(412, words, status="version-mismatch")
        found["title"], found["version"] = body["title"], found["version"] + 1
        return 200, self._folder_json(uid)

    def move_folder(self, uid: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        parent = body.get("parentUid", "")
        if parent:
            self._folder(parent)
        self._folder(uid)["parentUid"] = parent
        return 200, self._folder_json(uid)

    def delete_folder(self, uid: str, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        self._folder(uid)
        inside = self._below(uid)
        rules = [rule for rule in self.rules.values() if rule["folderUID"] in inside]
        if rules and params.get("forceDeleteRules") != "true":
            raise Answer(400, "folder cannot be deleted: folder is not empty")
        for each in inside:
            del self.folders[each]
            self.grants.pop(each, None)
        self.pages = {name: page for name, page in self.pages.items() if page.folder not in inside}
        return 200, {"message": "Folder deleted"}

    def _below(self, uid: str) -> set[str]:
        found = {uid}
        for each in [name for name, one in self.folders.items() if one["parentUid"] == uid]:
            found |= self._below(each)
        return found

    def count_folder(self, uid: str, **_: Any) -> tuple[int, Any]:
        # `GetFolderDescendantCounts` in `pkg/api/folder.go`
        self._folder(uid)
        inside = self._below(uid)
        return 200, {
            "alertrule": sum(rule["folderUID"] in inside for rule in self.rules.values()),
            "dashboard": sum(page.folder in inside for page in self.pages.values()),
            "folder": len(inside) - 1,
            "librarypanel": 0,
        }

    # Permissions of folders: http_api/folder_permissions.md

    def get_permissions(self, uid: str, **_: Any) -> tuple[int, Any]:
        parent = self._folder(uid)["parentUid"]
        found = [self._grant_json(uid, item, inherited=False) for item in self.grants.get(uid, ())]
        if self.major >= 12 and parent:
            found += [self._grant_json(parent, item, inherited=True) for item in self.grants.get(parent, ())]
        return 200, found

    def _grant_json(self, uid: str, item: dict[str, Any], *, inherited: bool) -> dict[str, Any]:
        team = self.teams.get(item.get("teamId", 0), {})
        shown = {
            "created": "2026-11-01T00:00:00Z",
            "userId": item.get("userId", 0),
            "userLogin": "somebody" if item.get("userId") else "",
            "teamId": item.get("teamId", 0),
            "team": team.get("name", ""),
            "teamEmail": team.get("email", ""),
            "permission": item["permission"],
            "permissionName": {1: "View", 2: "Edit", 4: "Admin"}[item["permission"]],
            "uid": uid,
            "isFolder": True,
            "inherited": inherited,
        }
        return shown | ({"role": item["role"]} if "role" in item else {})

    def set_permissions(self, uid: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        self._folder(uid)
        for item in body["items"]:
            if sum(key in item for key in ("userId", "teamId", "role")) != 1:
                raise Answer(400, "permission items have exactly one of user, team and role")
            if item.get("teamId") and item["teamId"] not in self.teams:
                raise Answer(500, "Failed to create permission")
        self.grants[uid] = [dict(item) for item in body["items"]]
        return 200, {"message": "Folder permissions updated"}

    # Search, see http_api/folder_dashboard_search.md

    def search(self, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        found = [
            {
                "id": page.id,
                "uid": uid,
                "title": page.json.get("title", ""),
                "type": "dash-db",
                "tags": page.json.get("tags", []),
                "folderUid": page.folder,
            }
            for uid, page in self.pages.items()
            if params.get("folderUIDs") in (None, page.folder) and params.get("dashboardUIDs") in (None, uid)
        ]
        return 200, found

    # Teams: http_api/team.md, `pkg/services/team/teamapi/team.go`

    def _team(self, number: str) -> dict[str, Any]:
        if int(number) not in self.teams:
            raise Answer(404, "Team not found")
        return self.teams[int(number)]

    def search_teams(self, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        found = [
            {
                "id": number,
                "orgId": 1,
                "name": team["name"],
                "email": team["email"],
                "memberCount": team["members"],
            }
            for number, team in self.teams.items()
            if team["name"].casefold() == params["name"].casefold()
        ]
        return 200, {"totalCount": len(found), "teams": found, "page": 1, "perPage": 1000}

    def create_team(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if any(team["name"].casefold() == body["name"].casefold() for team in self.teams.values()):
            raise Answer(409, "Team name taken")
        number = self.add_team(body["name"], members=0)
        self.teams[number]["email"] = body.get("email", "")
        return 200, {"message": "Team created", "teamId": number, "uid": f"team{number}"}

    def delete_team(self, team: str, **_: Any) -> tuple[int, Any]:
        self._team(team)
        del self.teams[int(team)]
        self.preferences.pop(int(team), None)
        for items in self.grants.values():
            items[:] = [item for item in items if item.get("teamId") != int(team)]
        return 200, {"message": "Team deleted"}

    def get_members(self, team: str, **_: Any) -> tuple[int, Any]:
        return 200, [{"userId": number} for number in range(self._team(team)["members"])]

    def get_preferences(self, team: str, **_: Any) -> tuple[int, Any]:
        self._team(team)
        return 200, dict(self.preferences.get(int(team), {}))

    def put_preferences(self, team: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        self._team(team)
        home = body.get("homeDashboardUID")
        if home and home not in self.pages:
            raise Answer(404, "Dashboard not found")
        # "Omitting a key will cause the current value to be replaced with the system default value."
        self.preferences[int(team)] = {key: value for key, value in body.items() if value}
        return 200, {"message": "Preferences updated"}

    # Data sources: http_api/data_source.md, `pkg/api/datasources.go`

    def _source(self, uid: str) -> dict[str, Any]:
        if uid not in self.sources:
            raise Answer(404, "Data source not found")
        return self.sources[uid]

    def list_sources(self, **_: Any) -> tuple[int, Any]:
        hidden = ("secure", "basicAuthUser", "version")
        return 200, [
            {key: value for key, value in source.items() if key not in hidden}
            for source in self.sources.values()
        ]

    def _source_json(self, uid: str) -> dict[str, Any]:
        found = self._source(uid)
        shown = {key: value for key, value in found.items() if key != "secure"}
        return shown | {"secureJsonFields": {key: True for key, value in found["secure"].items() if value}}

    def get_source(self, uid: str, **_: Any) -> tuple[int, Any]:
        return 200, self._source_json(uid)

    def create_source(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if any(source["name"] == body["name"] for source in self.sources.values()):
            raise Answer(409, "data source with the same name already exists")
        if body["uid"] in self.sources:
            raise Answer(409, "data source with the same uid already exists")
        self._number += 1
        self.sources[body["uid"]] = {
            "id": self._number,
            "uid": body["uid"],
            "orgId": 1,
            "version": 1,
            **_source_fields(body),
            # `readOnly` is not taken from the body (`AddDataSourceCommand`).
            "readOnly": False,
            "secure": dict(body.get("secureJsonData") or {}),
        }
        shown = self._source_json(body["uid"])
        return 200, {
            "datasource": shown,
            "id": shown["id"],
            "message": "Datasource added",
            "name": shown["name"],
        }

    def put_source(self, uid: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        found = self._source(uid)
        if found["readOnly"]:
            raise Answer(403, "Cannot update read-only data source")
        if body.get("version") and body["version"] < found["version"]:
            words = "Datasource has already been updated by someone else. Please reload and try again"
            raise Answer(409, words)
        found |= _source_fields(body)
        found["version"] += 1
        found["secure"] |= body.get("secureJsonData") or {}
        shown = self._source_json(uid)
        return 200, {
            "datasource": shown,
            "id": shown["id"],
            "message": "Datasource updated",
            "name": shown["name"],
        }

    def delete_source(self, uid: str, **_: Any) -> tuple[int, Any]:
        if self._source(uid)["readOnly"]:
            raise Answer(403, "Cannot delete read-only data source")
        number = self.sources.pop(uid)["id"]
        return 200, {"message": "Data source deleted", "id": number}

    # Dashboards: http_api/dashboard.md, `pkg/api/dashboard.go`

    def get_page(self, uid: str, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        page = self.pages.get(uid)
        if page is None:
            raise Answer(404, "Dashboard not found", status="not-found")
        if page.schema == "v2" and not (self.major >= 13 and params.get("apiVersion", "").startswith("v1")):
            where = f"/apis/dashboard.grafana.app/v2beta1/namespaces/default/dashboards/{uid}"
            raise Answer(406, f"dashboard api version not supported, use {where} instead")
        shown = {**copy.deepcopy(page.json), "id": page.id, "uid": uid, "version": page.version}
        meta = {"folderUid": page.folder, "version": page.version, "provisioned": page.from_file, "slug": "x"}
        return 200, {"dashboard": shown, "meta": meta}

    def save_page(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        sent, folder = copy.deepcopy(body["dashboard"]), body.get("folderUid", "")
        uid = sent["uid"]
        if not _UID.fullmatch(uid):
            raise Answer(400, "uid too long, max 40 characters")
        if folder and folder not in self.folders:
            raise Answer(400, "folder not found")
        page = self.pages.get(uid)
        if page is not None and page.from_file:
            raise Answer(400, "Cannot save provisioned dashboard")
        version = sent.get("version") or 0
        if page is not None and version != page.version and not body.get("overwrite"):
            words = "The dashboard has been changed by someone else"
            raise Answer(412, words, status="version-mismatch")
        if page is None:
            self._number += 1
            page = self.pages[uid] = Page(self._number, {}, 0, folder)
        page.json, page.folder, page.schema = self._stored(sent), folder, "v1"
        page.version += 1
        page.versions.append((page.version, body.get("message", "")))
        return 200, {
            "id": page.id,
            "uid": uid,
            "url": f"/d/{uid}/x",
            "status": "success",
            "version": page.version,
            "slug": "x",
            "folderUid": folder,
        }

    def _stored(self, sent: dict[str, Any]) -> dict[str, Any]:
        if self.major == 11:
            return sent
        kept = {key: value for key, value in sent.items() if key not in ("id", "uid", "version")}
        # Migration on saving: the schema is raised, and what every dashboard has is written out.
        kept["schemaVersion"] = 42
        kept.setdefault("annotations", {}).setdefault("list", [])
        if self.major >= 13:
            # Stands for whatever a migration may write that we do not know of.
            for panel in kept.get("panels", ()):
                panel["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, **panel.get("options", {})}
        return {"fiscalYearStartMonth": 0, "graphTooltip": 0, "liveNow": False, "weekStart": "", **kept}

    def delete_page(self, uid: str, **_: Any) -> tuple[int, Any]:
        page = self.pages.get(uid)
        if page is None:
            raise Answer(404, "Dashboard not found", status="not-found")
        if page.from_file:
            raise Answer(400, "provisioned dashboard cannot be deleted")
        del self.pages[uid]
        title = page.json.get("title", "")
        return 200, {"title": title, "message": f"Dashboard {title} deleted", "uid": uid}

    # Alert rules: http_api/alerting_provisioning.md, `pkg/services/ngalert/provisioning/alert_rules.go`

    def list_rules(self, **_: Any) -> tuple[int, Any]:
        return 200, copy.deepcopy(list(self.rules.values()))

    def get_group(self, folder: str, group: str, **_: Any) -> tuple[int, Any]:
        rules = self._in_group(folder, group)
        if not rules:
            raise Answer(
                404, "rule group not found", messageId="alerting.alert-rule.notFound", statusCode=404
            )
        interval = self.intervals[folder, group]
        shown = {"title": group, "folderUid": folder, "interval": interval, "rules": copy.deepcopy(rules)}
        return 200, shown

    def _in_group(self, folder: str, group: str) -> list[dict[str, Any]]:
        return [
            rule for rule in self.rules.values() if (rule["folderUID"], rule["ruleGroup"]) == (folder, group)
        ]

    def put_group(self, folder: str, group: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if folder not in self.folders:
            raise Answer(404, "folder not found")
        wanted = [self._rule(rule, folder, group) for rule in body["rules"]]
        kept = {rule["uid"] for rule in wanted}
        for rule in self._in_group(folder, group):
            if rule["uid"] not in kept:
                del self.rules[rule["uid"]]
        for rule in wanted:
            before = self.rules.get(rule["uid"])
            # Only what differs is written, and gets the provenance of this call (`CalculateChanges`).
            if before is None or _rule_content(before) != _rule_content(rule):
                self._number += 1
                self.rules[rule["uid"]] = {**rule, "id": self._number, "provenance": "api"}
        self.intervals[folder, group] = body["interval"]
        return 200, self.get_group(folder, group)[1]

    def _rule(self, rule: dict[str, Any], folder: str, group: str) -> dict[str, Any]:
        problem = self._rule_problem(rule)
        if problem:
            raise Answer(400, f"invalid alert rule: {problem}", traceID="")
        return {
            "keep_firing_for": "0s",
            "record": None,
            "notification_settings": None,
            "updated": "2026-11-01T00:00:00Z",
            **copy.deepcopy(rule),
            "for": _canonical(rule["for"]),
            "data": [_saved_query(query) for query in rule["data"]],
            "folderUID": folder,
            "ruleGroup": group,
            "orgID": 1,
        }

    def _rule_problem(self, rule: dict[str, Any]) -> str:
        annotations = rule.get("annotations", {})
        receiver = (rule.get("notification_settings") or {}).get("receiver")
        spans = [query["relativeTimeRange"] for query in rule["data"] if query["datasourceUid"] != "__expr__"]
        states = ("Alerting", "OK", "KeepLast")
        problems = {
            "uid is not valid": not _UID.fullmatch(rule["uid"]),
            "both annotations __dashboardUid__ and __panelId__ must be specified": (
                ("__dashboardUid__" in annotations) != ("__panelId__" in annotations)
            ),
            f"receiver {receiver!r} does not exist": (
                receiver is not None and receiver not in {point["name"] for point in self.points.values()}
            ),
            f"condition {rule['condition']} does not exist": (
                rule["condition"] not in {query["refId"] for query in rule["data"]}
            ),
            "unknown noDataState": rule["noDataState"] not in (*states, "NoData"),
            "unknown execErrState": rule["execErrState"] not in (*states, "Error"),
            "invalid relative time range": any(span["from"] <= span["to"] for span in spans),
        }
        return next((problem for problem, is_so in problems.items() if is_so), "")

    def delete_rule(self, rule: str, **_: Any) -> tuple[int, Any]:
        self.rules.pop(rule, None)
        return 204, None

    # Contact points: http_api/alerting_provisioning.md, `pkg/services/ngalert/provisioning/contactpoints.go`

    def list_points(self, **_: Any) -> tuple[int, Any]:
        return 200, sorted(
            (_redacted(point) for point in self.points.values()), key=lambda each: each["name"]
        )

    def create_point(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if body["uid"] in self.points:
            raise Answer(400, "contact point with the same uid exists")
        self.points[body["uid"]] = self._point(body)
        return 202, _redacted(self.points[body["uid"]])

    def put_point(self, point: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        before = self.points.get(point)
        if before is None:
            raise Answer(404, "contact point not found")
        if before["name"] != body["name"]:
            raise Answer(404, f"contact point with uid '{point}' not found")
        if before["provenance"] not in ("", "api"):
            raise Answer(500, f"cannot changed provenance from '{before['provenance']}' to 'api'")
        for key, value in body["settings"].items():
            if value == "[REDACTED]":
                body["settings"][key] = before["settings"][key]
        self.points[point] = self._point({**body, "uid": point})
        return 202, {"message": "contactpoint updated"}

    def _point(self, body: dict[str, Any]) -> dict[str, Any]:
        needs = {"webhook": "url", "email": "addresses"}[body["type"]]
        if not body["settings"].get(needs):
            raise Answer(400, f"invalid contact point: required field '{needs}' is not specified")
        return {"disableResolveMessage": False, **copy.deepcopy(body), "provenance": "api"}

    def delete_point(self, point: str, **_: Any) -> tuple[int, Any]:
        name = self.points.get(point, {}).get("name")
        if any((rule["notification_settings"] or {}).get("receiver") == name for rule in self.rules.values()):
            raise Answer(409, "contact point is used by alert rules")
        self.points.pop(point, None)
        return 202, {"message": "contactpoint deleted"}

    def never(self, **_: Any) -> tuple[int, Any]:
        raise AssertionError("the tree of notification policies is nobody's business")


def _source_fields(body: dict[str, Any]) -> dict[str, Any]:
    names = (
        "name",
        "type",
        "access",
        "url",
        "database",
        "basicAuth",
        "basicAuthUser",
        "isDefault",
        "jsonData",
    )
    return {name: copy.deepcopy(body.get(name)) for name in names}


def _redacted(point: dict[str, Any]) -> dict[str, Any]:
    secure = _SECURE[point["type"]]
    settings = {key: "[REDACTED]" if key in secure else value for key, value in point["settings"].items()}
    return {**point, "settings": settings}


def _saved_query(query: dict[str, Any]) -> dict[str, Any]:
    """Return a query as `AlertQuery.PreSave` leaves it."""
    model = {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]}
    return {"queryType": "", **copy.deepcopy(query), "model": model}


def _rule_content(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key not in ("id", "provenance", "updated")}


def _canonical(text: str) -> str:
    """Return a duration as `model.Duration` writes it: 60s is 1m."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise Answer(400, f"not a valid duration string: {text!r}")
    seconds = sum(int(part or 0) * size for part, size in zip(match.groups(), (3600, 60, 1), strict=True))
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _route(line: str) -> tuple[str, re.Pattern[str], str, str]:
    verb, path, right, call = line.split()
    pattern = re.sub(r":(\w+)", r"(?P<\1>[^/]+)", path)
    return verb, re.compile(pattern), right.replace(";", ":"), call


_ROUTES = [
    _route(line)
    for line in """
GET /api/folders folders;read list_folders
POST /api/folders folders;create create_folder
GET /api/folders/:uid folders;read get_folder
PUT /api/folders/:uid folders;write update_folder
DELETE /api/folders/:uid folders;delete delete_folder
POST /api/folders/:uid/move folders;write move_folder
GET /api/folders/:uid/counts folders;read count_folder
GET /api/folders/:uid/permissions folders.permissions;read get_permissions
POST /api/folders/:uid/permissions folders.permissions;write set_permissions
GET /api/search dashboards;read search
GET /api/teams/search teams;read search_teams
POST /api/teams teams;create create_team
DELETE /api/teams/:team teams;delete delete_team
GET /api/teams/:team/members teams.permissions;read get_members
GET /api/teams/:team/preferences teams;read get_preferences
PUT /api/teams/:team/preferences teams;write put_preferences
GET /api/datasources datasources;read list_sources
POST /api/datasources datasources;create create_source
GET /api/datasources/uid/:uid datasources;read get_source
PUT /api/datasources/uid/:uid datasources;write put_source
DELETE /api/datasources/uid/:uid datasources;delete delete_source
GET /api/dashboards/uid/:uid dashboards;read get_page
DELETE /api/dashboards/uid/:uid dashboards;delete delete_page
POST /api/dashboards/db dashboards;write save_page
GET /api/v1/provisioning/alert-rules alert.provisioning;read list_rules
DELETE /api/v1/provisioning/alert-rules/:rule alert.provisioning;write delete_rule
GET /api/v1/provisioning/folder/:folder/rule-groups/:group alert.provisioning;read get_group
PUT /api/v1/provisioning/folder/:folder/rule-groups/:group alert.provisioning;write put_group
GET /api/v1/provisioning/contact-points alert.provisioning;read list_points
POST /api/v1/provisioning/contact-points alert.provisioning;write create_point
PUT /api/v1/provisioning/contact-points/:point alert.provisioning;write put_point
DELETE /api/v1/provisioning/contact-points/:point alert.provisioning;write delete_point
GET /api/v1/provisioning/policies alert.provisioning;read never
PUT /api/v1/provisioning/policies alert.provisioning;write never
""".strip().splitlines()
]


def _handler(grafana: GrafanaStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet an answer.
        wbufsize = 65_536

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            time.sleep(grafana.latency_s)
            said = grafana.says(self.command, self.path) if grafana.says else None
            if said is None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer = grafana.handle(self.command, self.path, headers, body)
                said = status, "application/json; charset=UTF-8", _encoded(answer), {}
            status, kind, content, more = said
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 - the names that the server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _encoded(answer: Any) -> bytes:
    return b"" if answer is None else json.dumps(answer).encode()
