"""InfluxDB 1.x: a database for each district and resolution, and a user for each who may use some of them.

There is no room for a mark. Users are known as ours by their name, `barrio.` and the name of their file, and databases
by theirs, which is where barrio writes. A change by hand is shown, but not told from one of the code.

A password is chosen here, so its file is written first, and then given to the server. Where that breaks off, the next
plan finds a user that is missing, and makes it with the password that is in the file; or one that does not let that
password in, and gives it a new one.

Retention is that of the default policy of a database, `autogen` unless somebody made another.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from provisioning.influx import NAME, Admin
from provisioning.influx1_calls import Calls, Policy
from provisioning.plan import Action, Difference, Step
from provisioning.tokens import DISTRICT, KIND, Tokens
from provisioning.wanted import (
    WantedDatabase,
    WantedToken,
    duration,
    in_words,
    shard_s,
    wanted_databases,
    wanted_tokens,
)
from twin.model.district import District
from twin.store.influx_http import login_of
from twin.store.influxql import identifier, literal

PREFIX = "barrio."
_POLICY = "autogen"
_PASSWORD_BYTES = 32
_USER = re.compile(rf"{re.escape(PREFIX)}({DISTRICT})\.{KIND}")
_ALL = frozenset({"READ", "WRITE"})
_NOTE = (
    "authentication is off on this server ([http] auth-enabled): whoever reaches it reads and writes everything, "
    "users and passwords have no effect"
)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a server has of these districts."""

    policies: Mapping[str, Policy | None]
    """Default policy of each database that is there."""
    users: Mapping[str, bool]
    """Users of ours, and whether they administer the server."""
    grants: Mapping[str, Mapping[str, frozenset[str]]]


class Influx1:
    """The side of 1.x; see `provisioning.plan.Target`."""

    def __init__(self, admin: Admin, districts: Sequence[District], tokens: Tokens) -> None:
        self._calls = Calls(admin)
        self._url = admin.url
        self._districts = districts
        self._tokens = tokens

    def plan(self) -> list[Step]:
        """Return what is not as it should be: databases, then users, then users that nobody needs any more."""
        guarded = self._calls.guarded()
        found = self._found()
        steps = [] if guarded else [Step(NAME, "server", self._url, Action.KEEP, words=_NOTE)]
        for database in wanted_databases(self._districts):
            steps += self._database(database, found)
        wanted = wanted_tokens(self._districts)
        for user in wanted:
            steps += self._user(user, found, guarded=guarded)
        names = {PREFIX + one.name for one in wanted}
        return steps + [
            self._no_longer(name, "nobody is named for it any more")
            for name in found.users
            if name not in names
        ]

    def destroy(self, *, keep_data: bool) -> list[Step]:
        """Return what is to be removed: users, and databases unless their readings are kept."""
        found = self._found()
        steps = [self._no_longer(name, "") for name in found.users]
        for one in wanted_databases(self._districts):
            if one.name not in found.policies:
                continue
            if keep_data:
                steps.append(Step(NAME, "database", one.name, Action.KEEP, words="its readings are kept"))
                continue
            words = "with all its readings; 1.x has no marks, it is ours by its name"
            do = partial(self._calls.do, f"DROP DATABASE {identifier(one.name)}")
            steps.append(Step(NAME, "database", one.name, Action.DELETE, words=words, do=do))
        return steps

    def close(self) -> None:
        """Release the connections."""
        self._calls.close()

    def _found(self) -> _Found:
        names = [one.name for one in wanted_databases(self._districts)]
        there = self._calls.databases()
        users = {
            name: administers for name, administers in self._calls.users().items() if self._is_ours(name)
        }
        return _Found(
            self._calls.policies([name for name in names if name in there]),
            users,
            self._calls.grants(list(users)),
        )

    def _is_ours(self, user: str) -> bool:
        """Whether a user has the name of a token of these districts, whatever it is that it may do."""
        match = _USER.fullmatch(user)
        return match is not None and match[1] in {one.id for one in self._districts}

    def _database(self, wanted: WantedDatabase, found: _Found) -> Iterator[Step]:
        name, seconds = wanted.name, wanted.retention_s
        if name not in found.policies:
            kept = Difference("retention", "", duration(seconds))
            do = partial(self._calls.do, f"CREATE DATABASE {identifier(name)}{_with(seconds)}")
            yield Step(NAME, "database", name, Action.CREATE, (kept,), do=do)
            return
        policy = found.policies[name]
        if policy is None:
            other = Difference("default retention policy", "none", f"{_POLICY}, {duration(seconds)}")
            statement = f"CREATE RETENTION POLICY {identifier(_POLICY)} ON {identifier(name)}"
            do = partial(self._calls.do, f"{statement} DURATION {_influx(seconds)} REPLICATION 1 DEFAULT")
            yield Step(NAME, "database", name, Action.CHANGE, (other,), do=do)
        elif policy.retention_s != seconds:
            other = Difference("retention", duration(policy.retention_s), duration(seconds))
            statement = f"ALTER RETENTION POLICY {identifier(policy.name)} ON {identifier(name)}"
            lengths = f"DURATION {_influx(seconds)} SHARD DURATION {_influx(shard_s(seconds))}"
            do = partial(self._calls.do, f"{statement} {lengths}")
            words = "" if policy.name == _POLICY else f"its default policy is {policy.name}"
            yield Step(NAME, "database", name, Action.CHANGE, (other,), words=words, do=do)

    def _user(self, wanted: WantedToken, found: _Found, *, guarded: bool) -> Iterator[Step]:
        name = PREFIX + wanted.name
        grants = _grants(wanted)
        if name not in found.users:
            self._tokens.expect(wanted.name)
            may = Difference("rights", "", wanted.rights)
            do = partial(self._create, wanted, grants)
            yield Step(NAME, "user", name, Action.CREATE, (may,), do=do)
            return
        has = found.grants.get(name, {})
        if has != grants or found.users[name]:
            more = ", and administers the server" if found.users[name] else ""
            may = Difference("rights", _in_words(has) + more, wanted.rights)
            do = partial(self._grant, name, has, grants, administers=found.users[name])
            yield Step(NAME, "user", name, Action.CHANGE, (may,), do=do)
        if words := self._why_anew(wanted, guarded=guarded):
            self._tokens.expect(wanted.name)
            do = partial(self._renew, wanted)
            yield Step(NAME, "password", name, Action.CHANGE, words=words, do=do)

    def _why_anew(self, wanted: WantedToken, *, guarded: bool) -> str:
        password = self._password(wanted)
        if not password:
            return "it is not in the tokens folder: a new one is made"
        if guarded and not self._calls.lets_in(PREFIX + wanted.name, password):
            return "the server does not take the one in the tokens folder: a new one is made"
        return ""

    def _password(self, wanted: WantedToken) -> str:
        """Return the password that the file holds for the user, empty where it holds none."""
        user, password = login_of(self._tokens.read(wanted.name) or "") or ("", "")
        return password if user == PREFIX + wanted.name else ""

    def _create(self, wanted: WantedToken, grants: Mapping[str, frozenset[str]]) -> None:
        name = PREFIX + wanted.name
        password = self._password(wanted) or self._write(wanted)
        shown = f"CREATE USER {identifier(name)} WITH PASSWORD [hidden]"
        self._calls.do(f"CREATE USER {identifier(name)} WITH PASSWORD {literal(password)}", shown)
        self._grant(name, {}, grants, administers=False)

    def _renew(self, wanted: WantedToken) -> None:
        name, password = PREFIX + wanted.name, self._write(wanted)
        shown = f"SET PASSWORD FOR {identifier(name)}"
        self._calls.do(f"{shown} = {literal(password)}", shown)

    def _write(self, wanted: WantedToken) -> str:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        self._tokens.write(wanted.name, f"{PREFIX}{wanted.name}:{password}")
        return password

    def _grant(
        self,
        name: str,
        has: Mapping[str, frozenset[str]],
        wanted: Mapping[str, frozenset[str]],
        *,
        administers: bool,
    ) -> None:
        """Give exactly the rights that are wanted: what is too much goes first."""
        if administers:
            self._calls.do(f"REVOKE ALL PRIVILEGES FROM {identifier(name)}")
        for database in sorted({*has, *wanted}):
            before, after = has.get(database, frozenset()), wanted.get(database, frozenset())
            if before - after:
                self._calls.do(f"REVOKE ALL ON {identifier(database)} FROM {identifier(name)}")
                before = frozenset()
            if after - before:
                self._calls.do(f"GRANT {_privilege(after)} ON {identifier(database)} TO {identifier(name)}")

    def _no_longer(self, name: str, words: str) -> Step:
        return Step(NAME, "user", name, Action.DELETE, words=words, do=partial(self._forget, name))

    def _forget(self, name: str) -> None:
        self._calls.do(f"DROP USER {identifier(name)}")
        self._tokens.remove(name.removeprefix(PREFIX))


def _grants(wanted: WantedToken) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(
            right for right, names in (("READ", wanted.reads), ("WRITE", wanted.writes)) if name in names
        )
        for name in {*wanted.reads, *wanted.writes}
    }


def _in_words(grants: Mapping[str, frozenset[str]]) -> str:
    return in_words(*([name for name in grants if right in grants[name]] for right in ("READ", "WRITE")))


def _privilege(rights: frozenset[str]) -> str:
    return "ALL" if rights == _ALL else next(iter(rights))


def _influx(seconds: int) -> str:
    return f"{seconds}s" if seconds else "INF"


def _with(seconds: int) -> str:
    """Return how a database is made that keeps readings for a time; for ever is what a server does by itself."""
    return f" WITH DURATION {_influx(seconds)} REPLICATION 1 NAME {identifier(_POLICY)}" if seconds else ""
