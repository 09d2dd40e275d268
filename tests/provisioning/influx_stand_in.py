"""A stand-in for the part of InfluxDB 2.9 that provisioning and a store speak to, over real HTTP on loopback.

Written from the published description (influxdata/openapi, `contracts/ref/oss.yml`) and, where that is silent, from
what the server's own handlers answer: `tenant/http_server_bucket.go`, `authorization/http_server.go`,
`authorizer/authorize.go`, `storage/engine.go`. So:

- who lists gets what they may see: an empty list, not a refusal
- a right that is missing is a 401 that names it, a token that is not known a 401 that does not
- a token that may make tokens gives no more than it has (403)
- tokens are hashed: only the answer that makes one shows it
- a shard longer than a retention is refused (422); a name that is taken is a conflict (422)

It keeps no readings: writes are counted. It is no InfluxDB, and proves nothing of one.
"""

import base64
import hashlib
import itertools
import json
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

ORG = "city"
_PAGE, _MOST = 20, 100
_DAY_S = 86_400
_STATUS = {
    "unauthorized": 401,
    "forbidden": 403,
    "not found": 404,
    "conflict": 422,
    "unprocessable entity": 422,
    "invalid": 400,
    "unavailable": 503,
}
_ROUTE = re.compile(r"/api/v2/(orgs|buckets|authorizations)(?:/([0-9a-f]{16}))?")

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is an error, `{"code": …, "message": …}`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Right:
    """A permission; without an organisation or an id it is on all of them."""

    action: str
    type: str
    org: str | None = None
    id: str | None = None

    def covers(self, other: "Right") -> bool:
        """Whether whoever has this one has the other."""
        return (
            (self.action, self.type) == (other.action, other.type)
            and self.org in (None, other.org)
            and self.id in (None, other.id)
        )

    def __str__(self) -> str:
        """As the server writes it in its refusals."""
        place = f"orgs/{self.org}/{self.type}" if self.org and self.type != "orgs" else self.type
        return f"{self.action}:{place}/{self.id}" if self.id else f"{self.action}:{place}"


@dataclass
class Authorization:
    id: str
    org: str
    user: str
    description: str
    rights: list[Right]
    hash: str
    status: str = "active"


@dataclass
class Bucket:
    id: str
    org: str
    name: str
    description: str
    retention_s: int
    shard_s: int
    type: str = "user"
    lines: list[str] = field(default_factory=list)


def default_shard_s(retention_s: int) -> int:
    """Return what the server takes where nothing is said (`meta.NormalisedShardDuration`)."""
    if retention_s == 0 or retention_s >= 180 * _DAY_S:
        return 7 * _DAY_S
    return _DAY_S if retention_s >= 2 * _DAY_S else 3600


class InfluxStandIn:
    """An InfluxDB 2.9 with one organisation. `operator` is a token with every right.

    `latency_s` is how long each call takes. `calls` are those that were made. With `fail_at(n)` the n-th call from
    then on fails: `refuse` before anything is done, else after it is done, without an answer.
    """

    def __init__(self, version: str = "v2.9.1", *, latency_s: float = 0.0, hashed: bool = True) -> None:
        self.version = version
        self.latency_s = latency_s
        self.hashed = hashed
        self.buckets: dict[str, Bucket] = {}
        self.authorizations: dict[str, Authorization] = {}
        self.calls: list[str] = []
        self._plain: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._fail: tuple[int, bool] | None = None
        self.org = self._id()
        self.user = self._id()
        for name in ("_monitoring", "_tasks"):
            self._add_bucket(name, "system bucket", 7 * _DAY_S, "system")
        kinds = ("authorizations", "buckets", "orgs", "users")
        self.operator = self.token(*(Right(action, one) for action in ("read", "write") for one in kinds))
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                stand_in._handle(self)

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 -- the base class looks for these names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that went away is no error."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(self, *rights: Right, description: str = "") -> str:
        """Make an authorization and return its token, as its administrator would by hand."""
        return self._make_token(list(rights), description)[1]

    def all_access(self) -> str:
        """Return a token with the rights that the server's own page gives an all-access token."""
        return self.token(
            *(
                Right(action, one, self.org)
                for action in ("read", "write")
                for one in ("authorizations", "buckets")
            ),
            Right("read", "orgs", id=self.org),
            Right("read", "users", id=self.user),
            Right("write", "users", id=self.user),
        )

    def bucket(self, name: str) -> Bucket:
        """Return a bucket by its name."""
        return next(one for one in self.buckets.values() if one.name == name)

    def named(self) -> dict[str, Bucket]:
        """Return the buckets of people."""
        return {one.name: one for one in self.buckets.values() if one.type == "user"}

    def marked(self) -> dict[str, Authorization]:
        """Return authorizations whose description begins as ours do, by `district role`."""
        found = {}
        for one in self.authorizations.values():
            if match := re.match(r"barrio district=(\S+) role=(\S+)", one.description):
                found[f"{match[1]} {match[2]}"] = one
        return found

    def count_marked(self) -> Counter[str]:
        """Return how many there are of each."""
        texts = (one.description for one in self.authorizations.values())
        return Counter(" ".join(text.split()[:3]) for text in texts if text.startswith("barrio "))

    def add_bucket(self, name: str, description: str = "", retention_s: int = 0) -> Bucket:
        """Make a bucket by hand."""
        return self._add_bucket(name, description, retention_s, "user")

    def fail_at(self, call: int, *, refuse: bool) -> None:
        """Let the `call`-th call from now on fail."""
        self._fail = (len(self.calls) + call, refuse)

    def heal(self) -> bool:
        """Let nothing fail any more; returns whether something still was to."""
        waiting, self._fail = self._fail is not None, None
        return waiting

    def may(self, token: str, action: str, bucket: str) -> bool:
        """Whether a token may read or write a bucket, asked of its rights."""
        one = self._by_token(token)
        wanted = Right(action, "buckets", self.org, self.bucket(bucket).id)
        return one is not None and any(right.covers(wanted) for right in one.rights)

    def knows(self, token: str) -> bool:
        """Whether a token is one that gets in."""
        return self._by_token(token) is not None

    def _id(self) -> str:
        return f"{next(self._numbers):016x}"

    def _add_bucket(self, name: str, description: str, retention_s: int, kind: str) -> Bucket:
        one = Bucket(self._id(), self.org, name, description, retention_s, default_shard_s(retention_s), kind)
        self.buckets[one.id] = one
        return one

    def _make_token(self, rights: list[Right], description: str) -> tuple[Authorization, str]:
        token = base64.urlsafe_b64encode(secrets.token_bytes(64)).decode()
        one = Authorization(self._id(), self.org, self.user, description, rights, _hash(token))
        self.authorizations[one.id] = one
        if not self.hashed:
            self._plain[one.id] = token
        return one, token

    def _by_token(self, token: str) -> Authorization | None:
        hashed = _hash(token)
        found = (one for one in self.authorizations.values() if one.hash == hashed)
        return next((one for one in found if one.status == "active"), None)

    def _handle(self, http: BaseHTTPRequestHandler) -> None:
        url = urlsplit(http.path)
        body = http.rfile.read(int(http.headers.get("Content-Length", 0)))
        time.sleep(self.latency_s)
        with self._lock:
            self.calls.append(f"{http.command} {url.path}")
            refuse, cut = self._failing()
            try:
                status, answer = self._answer(http, url.path, _first(url.query), body, refuse=refuse)
            except Refused as error:
                status, answer = (
                    _STATUS[error.code],
                    {
                        "code": error.code,
                        "message": str(error),
                    },
                )
        if cut:
            http.close_connection = True
            return
        _send(http, status, answer, self.version)

    def _failing(self) -> tuple[bool, bool]:
        if self._fail is None or len(self.calls) != self._fail[0]:
            return False, False
        refuse = self._fail[1]
        self._fail = None
        return refuse, not refuse

    def _answer(
        self, http: BaseHTTPRequestHandler, path: str, query: Mapping[str, str], body: bytes, *, refuse: bool
    ) -> tuple[int, Json | None]:
        if refuse:
            raise Refused("unavailable", "the stand-in was told to fail")
        if path == "/ping":
            return 204, None
        who = self._who(http)
        if path == "/api/v2/write":
            return self._write(who, query, body)
        if path == "/query":
            return 200, {"results": [{"statement_id": 0}]}
        match = _ROUTE.fullmatch(path)
        if match is None:
            raise Refused("not found", "path not found")
        handler = getattr(self, f"_{http.command.lower()}_{match[1]}{'_id' if match[2] else ''}")
        answer: tuple[int, Json | None] = handler(who, match[2] or query, json.loads(body) if body else {})
        return answer

    def _who(self, http: BaseHTTPRequestHandler) -> Authorization:
        scheme, _, value = http.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            value = base64.b64decode(value).decode().partition(":")[2]
        one = self._by_token(value) if scheme in ("Token", "Bearer", "Basic") else None
        if one is None:
            raise Refused("unauthorized", "unauthorized access")
        return one

    def _get_orgs(self, who: Authorization, query: Mapping[str, str], _: Json) -> tuple[int, Json]:
        if query.get("org", ORG) != ORG:
            raise Refused("not found", f'organization name "{query["org"]}" not found')
        seen = _may(who, Right("read", "orgs", id=self.org))
        return 200, {
            "links": {"self": "/api/v2/orgs"},
            "orgs": [{"id": self.org, "name": ORG}] if seen else [],
        }

    def _get_buckets(self, who: Authorization, query: Mapping[str, str], _: Json) -> tuple[int, Json]:
        limit, offset = int(query.get("limit", _PAGE)), int(query.get("offset", 0))
        if not 1 <= limit <= _MOST:
            raise Refused("invalid", f"limit must be between 1 and {_MOST}")
        found = sorted(self.buckets.values(), key=lambda one: one.name)
        found = [one for one in found if query.get("name", one.name) == one.name]
        if "name" in query and "orgID" in query and not found:
            raise Refused("not found", f'bucket "{query["name"]}" not found')
        page = found[offset : offset + limit]
        seen = [one for one in page if _may(who, self._reading(one))]
        links = {"self": "/api/v2/buckets"}
        if len(seen) >= limit:
            links["next"] = f"/api/v2/buckets?limit={limit}&offset={offset + limit}"
        return 200, {"links": links, "buckets": [_bucket_body(one) for one in seen]}

    def _reading(self, one: Bucket) -> Right:
        if one.type == "system":
            return Right("read", "orgs", id=self.org)
        return Right("read", "buckets", self.org, one.id)

    def _post_buckets(self, who: Authorization, _: object, body: Json) -> tuple[int, Json]:
        rules = body.get("retentionRules", [])
        retention_s, shard_s = _rule(rules, 0, 0)
        if body.get("orgID") != self.org:
            raise Refused("invalid", "organization id must be provided")
        _need(who, Right("write", "buckets", self.org))
        if body["name"] in {one.name for one in self.buckets.values()}:
            raise Refused("conflict", f"bucket with name {body['name']} already exists")
        _check_shard(retention_s, shard_s or default_shard_s(retention_s))
        one = self._add_bucket(body["name"], body.get("description", ""), retention_s, "user")
        one.shard_s = shard_s or one.shard_s
        return 201, _bucket_body(one)

    def _patch_buckets_id(self, who: Authorization, number: str, body: Json) -> tuple[int, Json]:
        one = self._found_bucket(number)
        _need(who, Right("write", "buckets", self.org, number))
        retention_s, shard_s = _rule(body.get("retentionRules", []), one.retention_s, one.shard_s)
        _check_shard(retention_s, shard_s)
        one.retention_s, one.shard_s = retention_s, shard_s
        one.description = body.get("description", one.description)
        return 200, _bucket_body(one)

    def _delete_buckets_id(self, who: Authorization, number: str, _: Json) -> tuple[int, None]:
        self._found_bucket(number)
        _need(who, Right("write", "buckets", self.org, number))
        del self.buckets[number]
        return 204, None

    def _found_bucket(self, number: str) -> Bucket:
        if number not in self.buckets:
            raise Refused("not found", "bucket not found")
        return self.buckets[number]

    def _get_authorizations(self, who: Authorization, _: object, __: Json) -> tuple[int, Json]:
        seen = [
            one
            for one in self.authorizations.values()
            if _may(who, Right("read", "authorizations", one.org, one.id))
            and _may(who, Right("read", "users", id=one.user))
        ]
        found = [self._token_body(one) for one in seen]
        return 200, {"links": {"self": "/api/v2/authorizations"}, "authorizations": found}

    def _post_authorizations(self, who: Authorization, _: object, body: Json) -> tuple[int, Json]:
        if not body.get("permissions"):
            raise Refused("invalid", "authorization must include permissions")
        rights = [
            Right(
                one["action"],
                one["resource"]["type"],
                one["resource"].get("orgID"),
                one["resource"].get("id"),
            )
            for one in body["permissions"]
        ]
        _need(who, Right("write", "authorizations", self.org))
        _need(who, Right("write", "users", id=self.user))
        for right in rights:
            if not _may(who, right):
                raise Refused("forbidden", f"permission {right} is not allowed")
        one, token = self._make_token(rights, body.get("description", ""))
        return 201, {**self._token_body(one), "token": token}

    def _patch_authorizations_id(self, who: Authorization, number: str, body: Json) -> tuple[int, Json]:
        one = self._found_token(who, number)
        one.status = body.get("status", one.status)
        one.description = body.get("description", one.description)
        return 200, self._token_body(one)

    def _delete_authorizations_id(self, who: Authorization, number: str, _: Json) -> tuple[int, None]:
        self._found_token(who, number)
        del self.authorizations[number]
        return 204, None

    def _found_token(self, who: Authorization, number: str) -> Authorization:
        if number not in self.authorizations:
            raise Refused("not found", "authorization not found")
        _need(who, Right("write", "authorizations", self.org, number))
        return self.authorizations[number]

    def _token_body(self, one: Authorization) -> Json:
        names = {bucket.id: bucket.name for bucket in self.buckets.values()}
        permissions = [
            {
                "action": right.action,
                "resource": {
                    "type": right.type,
                    **({"id": right.id} if right.id else {}),
                    **({"name": names[right.id]} if right.id in names else {}),
                    **({"orgID": right.org, "org": ORG} if right.org else {}),
                },
            }
            for right in one.rights
        ]
        return {
            "id": one.id,
            "status": one.status,
            "description": one.description,
            "orgID": one.org,
            "org": ORG,
            "userID": one.user,
            "user": "root",
            "permissions": permissions,
            "links": {"self": f"/api/v2/authorizations/{one.id}", "user": f"/api/v2/users/{one.user}"},
            "createdAt": "2026-11-01T00:00:00Z",
            "updatedAt": "2026-11-01T00:00:00Z",
            **({"token": self._plain[one.id]} if one.id in self._plain else {}),
        }

    def _write(self, who: Authorization, query: Mapping[str, str], body: bytes) -> tuple[int, None]:
        found = next((one for one in self.buckets.values() if one.name == query.get("bucket")), None)
        if found is None or query.get("org") != ORG:
            raise Refused("not found", f'bucket "{query.get("bucket")}" not found')
        if not _may(who, Right("write", "buckets", self.org, found.id)):
            raise Refused("forbidden", "insufficient permissions for write")
        found.lines += body.decode().splitlines()
        return 204, None

    @contextmanager
    def slow(self, latency_s: float) -> Iterator[None]:
        """Take longer for each call, for the length of a `with` block."""
        before, self.latency_s = self.latency_s, latency_s
        try:
            yield
        finally:
            self.latency_s = before


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _may(who: Authorization, wanted: Right) -> bool:
    return any(right.covers(wanted) for right in who.rights)


def _need(who: Authorization, wanted: Right) -> None:
    if not _may(who, wanted):
        raise Refused("unauthorized", f"{wanted} is unauthorized")


def _rule(rules: list[Json], retention_s: int, shard_s: int) -> tuple[int, int]:
    if len(rules) > 1:
        raise Refused("unprocessable entity", "buckets cannot have more than one retention rule at this time")
    for rule in rules:
        if rule.get("everySeconds", 0) < 0:
            raise Refused("unprocessable entity", "expiration seconds cannot be negative")
        retention_s = rule.get("everySeconds", retention_s)
        shard_s = rule.get("shardGroupDurationSeconds", shard_s)
    return retention_s, shard_s


def _check_shard(retention_s: int, shard_s: int) -> None:
    if 0 < retention_s < shard_s:
        words = "shard-group duration must also be updated to be smaller than new retention duration"
        raise Refused("unprocessable entity", words)


def _bucket_body(one: Bucket) -> Json:
    rule = {
        "type": "expire",
        "everySeconds": one.retention_s,
        "shardGroupDurationSeconds": one.shard_s,
    }
    return {
        "id": one.id,
        "orgID": one.org,
        "type": one.type,
        "name": one.name,
        **({"description": one.description} if one.description else {}),
        "retentionRules": [rule],
        "createdAt": "2026-11-01T00:00:00Z",
        "updatedAt": "2026-11-01T00:00:00Z",
        "links": {"self": f"/api/v2/buckets/{one.id}"},
        "labels": [],
    }


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _send(http: BaseHTTPRequestHandler, status: int, answer: Json | None, version: str) -> None:
    data = b"" if answer is None else json.dumps(answer).encode()
    http.send_response(status)
    http.send_header("X-Influxdb-Version", version)
    http.send_header("X-Influxdb-Build", "OSS")
    if data:
        http.send_header("Content-Type", "application/json; charset=utf-8")
    if status != 204:
        http.send_header("Content-Length", str(len(data)))
    http.end_headers()
    http.wfile.write(data)
