"""The stand-in as a server: who may do what, which call is which, and HTTP."""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.provisioning.grafana_stand_in.alerting import Alerting
from tests.provisioning.grafana_stand_in.folders import Folders
from tests.provisioning.grafana_stand_in.pages import Pages
from tests.provisioning.grafana_stand_in.sources import Sources
from tests.provisioning.grafana_stand_in.state import Answer
from tests.provisioning.grafana_stand_in.teams import Teams
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


class GrafanaStandIn(Folders, Teams, Sources, Pages, Alerting):
    """Use as a context manager. `calls` has every call since `forget`, `writes` those that change something.

    `fail_at` lets the n-th write fail with a 500, `says` answers instead of it for all calls.
    """

    def __init__(self, version: str = "12.1.0", latency_s: float = 0.0) -> None:
        super().__init__(version)
        self.tokens = {ADMIN: "Admin", EDITOR: "Editor", VIEWER: "Viewer"}
        self.latency_s = latency_s
        self.calls: list[str] = []
        self.fail_at = 0
        self.says: Callable[[str, str], tuple[int, str, bytes, dict[str, str]] | None] | None = None
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
GET /api/teams/:team teams;read get_team
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
