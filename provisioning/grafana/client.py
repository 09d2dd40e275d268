"""HTTP to a Grafana: bounded in time, and one line for whatever goes wrong.

Only what changes nothing is tried again, and only where Grafana asks for it (429 and 503 with Retry-After).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from provisioning.plan import ProvisioningError, sendable
from twin.outgoing import terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BUSY = frozenset({429, 503})
_TRIES = 4
_LONGEST_WAIT_S = 10.0
_WORDS = 300
# All rules of an organisation are one answer; ten thousand of them are 30 MB.
_MOST_BYTES = 100_000_000
# How Grafana 11 to 13 end the message of a 403, `pkg/services/accesscontrol/middleware.go`.
_NEEDED = re.compile(r"Permissions needed: (?P<needed>.+?)\.?$")
_LISTED = re.compile(r"^(?:any of|all of|all\() *")
_GIVEN_TO = {
    "datasources": "Admin",
    "teams": "Admin",
    "folders.permissions": "Admin",
    "alert.provisioning": "Admin",
    "alert.notifications": "Editor",
    "alert.rules": "Editor",
    "dashboards": "Editor",
    "folders": "Editor",
}
# Which right a call needs, where Grafana does not say: the tables of its pages on the HTTP API.
_BY_PATH = (
    (re.compile(r"/api/datasources"), "datasources"),
    (re.compile(r"/api/folders/[^/]+/permissions"), "folders.permissions"),
    (re.compile(r"/api/teams"), "teams"),
    (re.compile(r"/api/v1/provisioning"), "alert.provisioning"),
    (re.compile(r"/api/dashboards"), "dashboards"),
    (re.compile(r"/api/folders"), "folders"),
)
_VERBS = {"GET": "read", "POST": "create", "PUT": "write", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Login:
    """How we say who we are: a service account's token, or a user with a password."""

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The header of a token."""
        token = sendable("BARRIO_GRAFANA_TOKEN", self.token)
        return {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def auth(self) -> httpx.Auth | None:
        """The form of a user."""
        return httpx.BasicAuth(self.user, self.password) if self.user and not self.token else None


class Refused(ProvisioningError):
    """Raised when Grafana answers with an error; `status` is its code, `body` what it says, parsed."""

    def __init__(self, call: str, words: str, right: str, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(call, words, right)
        self.status = status
        self.body = body


class Client:
    """One Grafana. Safe to be used by several threads."""

    def __init__(self, url: str, login: Login, timeout_s: float = 20.0) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        _check(url)
        self._http = httpx.Client(
            base_url=self.url,
            timeout=timeout_s,
            headers=login.headers,
            auth=login.auth,
            **terms(),
        )

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def find(self, path: str, *keys: str, **params: str) -> dict[str, Any] | None:
        """Return the object that a GET answers, None where there is no such thing (404)."""
        try:
            return self.object(path, *keys, **params)
        except Refused as error:
            if error.status == httpx.codes.NOT_FOUND and error.body:
                return None
            raise

    def object(self, path: str, *keys: str, **params: str) -> dict[str, Any]:
        """Return the object that a GET answers, with `keys` in it."""
        return _object(f"GET {path}", self.get(path, **params), keys)

    def objects(self, path: str, *keys: str, **params: str) -> list[dict[str, Any]]:
        """Return the objects that a GET answers, each with `keys` in it; none for null, as Go writes an empty list."""
        found = self.get(path, **params)
        if not isinstance(found, list | None):
            raise _strange(f"GET {path}")
        return [_object(f"GET {path}", each, keys) for each in found or ()]

    def get(self, path: str, **params: str) -> Any:
        """Return what a GET answers."""
        return self.call("GET", path, params=params)

    def call(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Any:
        """Return the parsed answer of a call, None for an empty one. `Refused`, or ProvisioningError without answer."""
        call = f"{method} {path}"
        for tries_left in reversed(range(_TRIES)):
            answer = self._send(call, method, path, body, params)
            wait_s = _wait_s(answer)
            if method != "GET" or wait_s is None or not tries_left:
                break
            time.sleep(wait_s)
        return _understood(call, answer)

    def _send(
        self, call: str, method: str, path: str, body: Any, params: Mapping[str, str] | None
    ) -> httpx.Response:
        try:
            with self._http.stream(method, path, json=body, params=params) as answer:
                return self._whole(call, answer)
        except httpx.TimeoutException:
            raise ProvisioningError(call, f"{self.url} did not answer within {self._timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise ProvisioningError(
                call, f"{self.url} cannot be reached: {str(error) or type(error).__name__}"
            ) from None

    def _whole(self, call: str, answer: httpx.Response) -> httpx.Response:
        """Return an answer with its body; one that goes on for ever, slowly or fast, is given up."""
        until = time.monotonic() + self._timeout_s
        parts, size = list[bytes](), 0
        for part in answer.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > _MOST_BYTES:
                words = f"answered {answer.status_code} with more than {_MOST_BYTES // 1_000_000} MB"
                raise ProvisioningError(call, f"{words}: is this the address of a Grafana?")
            if time.monotonic() > until:
                words = f"{self.url} did not come to the end of its answer within {self._timeout_s:g} s"
                raise ProvisioningError(call, words)
        headers = [
            (name, value) for name, value in answer.headers.multi_items() if name != "content-encoding"
        ]
        return httpx.Response(answer.status_code, headers=headers, content=b"".join(parts))


def _object(call: str, found: Any, keys: Sequence[str]) -> dict[str, Any]:
    if not isinstance(found, dict) or any(key not in found for key in keys):
        raise _strange(call)
    return found


def _strange(call: str) -> ProvisioningError:
    return ProvisioningError(call, "the answer is not what a Grafana gives: is this the address of one?")


def _check(url: str) -> None:
    """Refuse what is no address of a Grafana."""
    call = "BARRIO_GRAFANA"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        # What it holds is not known where it cannot be taken apart: a password could stand in it.
        shown = "it" if "@" in url else repr(url)
        raise ProvisioningError(call, f"{shown} is not the address of a Grafana: {error}") from None
    if parsed.userinfo:
        raise ProvisioningError(call, "the URL holds a user or password: give BARRIO_GRAFANA_TOKEN instead")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ProvisioningError(call, f"{url!r} is not the address of a Grafana, meant is http://HOST:3000")


def _wait_s(answer: httpx.Response) -> float | None:
    """Return how long Grafana asks to wait, None where it does not, or for too long."""
    if answer.status_code not in _BUSY:
        return None
    text = answer.headers.get("Retry-After", "").strip()
    return float(text) if text.isdecimal() and float(text) <= _LONGEST_WAIT_S else None


def _understood(call: str, answer: httpx.Response) -> Any:
    if answer.is_redirect:
        where = answer.headers.get("Location", "nowhere")
        raise ProvisioningError(call, f"answered {answer.status_code}: a redirect to {where!r}, not followed")
    if not answer.content.strip():
        if answer.is_success:
            return None
        # As a GET of a rule that is not there is answered.
        body: Any = {"message": answer.reason_phrase}
    else:
        body = _parsed(call, answer)
    if answer.is_success:
        return body
    raise _refused(call, answer.status_code, body if isinstance(body, dict) else {})


def _parsed(call: str, answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        kind = answer.headers.get("Content-Type", "").partition(";")[0] or "something without a type"
        words = (
            f"answered {answer.status_code} with {kind} instead of JSON: is this the address of a Grafana?"
        )
        raise ProvisioningError(call, words) from None


def _refused(call: str, status: int, body: dict[str, Any]) -> Refused:
    said = " ".join(str(body.get("message") or body.get("error") or "without words").split())[:_WORDS]
    right = ""
    if status == httpx.codes.UNAUTHORIZED:
        right = "a login that Grafana knows (a service account with the role Admin of the organisation)"
    elif status == httpx.codes.FORBIDDEN:
        right = _right(call, said)
        said = said.partition(" Permissions needed:")[0]
    return Refused(call, f"Grafana answered {status}: {said}", right, status, body)


def _right(call: str, said: str) -> str:
    """Return the permission that a 403 is about, and which basic role has it."""
    found = _NEEDED.search(said)
    needed = _LISTED.sub("", found["needed"]) if found else _by_path(call)
    kind = needed.partition(",")[0].rpartition(":")[0]
    role = _GIVEN_TO.get(kind)
    return f"{needed} (the role {role} of the organisation has it)" if role else needed


def _by_path(call: str) -> str:
    method, _, path = call.partition(" ")
    kind = next((kind for pattern, kind in _BY_PATH if pattern.match(path)), "")
    return f"{kind}:{_VERBS.get(method, 'write')}" if kind else ""
