"""The InfluxQL that administers an InfluxDB 1.x, as plain data and one kind of error.

A statement goes into the body of a POST: an address is logged. A failed one is a 200 with `error` in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from provisioning.influx import Admin
from provisioning.plan import ProvisioningError
from twin.outgoing import terms
from twin.store.influxql import identifier

_GO_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.\d+)?s)?")
_PRIVILEGES = {
    "READ": frozenset({"READ"}),
    "WRITE": frozenset({"WRITE"}),
    "ALL PRIVILEGES": frozenset({"READ", "WRITE"}),
}
_ADMIN = "that of an admin user (GRANT ALL PRIVILEGES TO …)"


@dataclass(frozen=True, slots=True)
class Policy:
    """A retention policy; `retention_s` 0 is for ever."""

    name: str
    retention_s: int


class Calls:
    """A server. Every method raises ProvisioningError."""

    def __init__(self, admin: Admin) -> None:
        self._url = admin.url.rstrip("/")
        self._timeout_s = admin.timeout_s
        self._auth = httpx.BasicAuth(admin.user, admin.token) if admin.user else httpx.Auth()
        self._client = httpx.Client(timeout=admin.timeout_s, **terms())

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def guarded(self) -> bool:
        """Whether the server asks who somebody is."""
        return self._ask("SHOW DATABASES", "SHOW DATABASES", httpx.Auth()).status_code != httpx.codes.OK

    def lets_in(self, user: str, password: str) -> bool:
        """Whether a user gets in with a password."""
        answer = self._ask("SHOW DATABASES", "SHOW DATABASES", httpx.BasicAuth(user, password))
        return answer.status_code != httpx.codes.UNAUTHORIZED

    def do(self, statement: str, shown: str = "") -> None:
        """Run a statement; `shown` is what of it may be said, where it holds a secret."""
        self._results(statement, shown or statement)

    def databases(self) -> set[str]:
        """Return the names of databases."""
        return {str(row["name"]) for row in self._rows(("name",), "SHOW DATABASES")[0]}

    def policies(self, databases: Sequence[str]) -> dict[str, Policy | None]:
        """Return the default policy of each database."""
        columns = ("name", "duration", "default")
        found = self._rows(columns, *(f"SHOW RETENTION POLICIES ON {identifier(name)}" for name in databases))
        return {
            name: next((_policy(row) for row in rows if row["default"]), None)
            for name, rows in zip(databases, found, strict=True)
        }

    def users(self) -> dict[str, bool]:
        """Return users, and whether they administer the server."""
        return {
            str(row["user"]): bool(row["admin"]) for row in self._rows(("user", "admin"), "SHOW USERS")[0]
        }

    def grants(self, users: Sequence[str]) -> dict[str, dict[str, frozenset[str]]]:
        """Return what each user may do with which database: `READ`, `WRITE`."""
        columns = ("database", "privilege")
        found = self._rows(columns, *(f"SHOW GRANTS FOR {identifier(name)}" for name in users))
        return {
            name: {row["database"]: rights for row in rows if (rights := _PRIVILEGES.get(row["privilege"]))}
            for name, rows in zip(users, found, strict=True)
        }

    def _rows(self, columns: Sequence[str], *statements: str) -> list[list[dict[str, Any]]]:
        """Return the rows of each statement, all of them asked in one request."""
        if not statements:
            return []
        shown = statements[0] if len(statements) == 1 else f"{statements[0]}; and {len(statements) - 1} more"
        results = self._results("; ".join(statements), shown)
        try:
            found = [_table(one, columns) for one in results]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProvisioningError(shown, f"the answer was not understood: {error!r}") from error
        if len(found) != len(statements):
            words = f"{len(statements)} statements were asked, and {len(found)} answered"
            raise ProvisioningError(shown, words)
        return found

    def _results(self, statement: str, shown: str) -> list[dict[str, Any]]:
        answer = self._ask(statement, shown, self._auth)
        try:
            document = answer.json()
            results = list(document.get("results", ()))
            failed = next(filter(None, [document.get("error"), *(one.get("error") for one in results)]), None)
        except (ValueError, AttributeError) as error:
            words = f"answered {answer.status_code}, which is not what an InfluxDB says"
            raise ProvisioningError(shown, words) from error
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            words = f"answered {answer.status_code}: {failed}"
            raise ProvisioningError(shown, words, _right(answer.status_code, str(failed)))
        if failed or not answer.is_success:
            raise ProvisioningError(shown, str(failed or f"answered {answer.status_code}"))
        return results

    def _ask(self, statement: str, shown: str, auth: httpx.Auth) -> httpx.Response:
        try:
            return self._client.post(f"{self._url}/query", data={"q": statement}, auth=auth)
        except httpx.TimeoutException as error:
            raise ProvisioningError(shown, f"{self._url}: no answer within {self._timeout_s:g} s") from error
        except httpx.HTTPError as error:
            words = f"{self._url}: cannot be reached: {str(error) or type(error).__name__}"
            raise ProvisioningError(shown, words) from error


def _right(status: int, words: str) -> str:
    if status == httpx.codes.FORBIDDEN:
        return _ADMIN
    if "create admin user first" in words:
        return (
            'an admin user, who is still to be made: CREATE USER "admin" WITH PASSWORD … WITH ALL PRIVILEGES'
        )
    return "a valid BARRIO_ADMIN_USER with its password as BARRIO_ADMIN_TOKEN"


def _table(result: dict[str, Any], columns: Sequence[str]) -> list[dict[str, Any]]:
    rows = [
        dict(zip(series["columns"], row, strict=True))
        for series in result.get("series", ())
        for row in series.get("values", ())
    ]
    return [{name: row[name] for name in columns} for row in rows]


def _policy(row: dict[str, Any]) -> Policy:
    """Return a policy; its duration is as Go writes it, `720h0m0s`."""
    match = _GO_DURATION.fullmatch(str(row["duration"]))
    if match is None:
        words = f"the duration {row['duration']!r} of the policy {row['name']!r} was not understood"
        raise ProvisioningError("SHOW RETENTION POLICIES", words)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return Policy(str(row["name"]), hours * 3600 + minutes * 60 + seconds)
