"""InfluxDB 2.x: a bucket for each district and resolution, and a token for each who may use some of them.

The mark of what is ours is its description: `barrio district=maderas resolution=15m digest=…` on a bucket,
`barrio district=maderas role=read-15m digest=… token=…` on an authorization. `digest` is of what was put there last, so
that a change by hand is told from one of the code. Nothing without its mark is changed or removed: a bucket of our
name that has none (barrio makes one at its start where there was no apply) is taken over only when asked.

The rights of an authorization cannot be changed, and since 2.9 its token is known only to the answer that made it. So:

- a new authorization is made; its token is written to its file; then it gets `token=`, a digest of the token; then the
  ones that it replaces are removed
- an authorization without `token=`, or with one of another token than the file's, is one whose token nobody has: it is
  replaced
- so there is no moment at which a break leaves a file with a token that does not work and no plan that says so
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from provisioning.influx import NAME, Admin
from provisioning.influx2_calls import Calls, FoundBucket, FoundToken, Right
from provisioning.plan import Action, Difference, ProvisioningError, Step, digest_of
from provisioning.tokens import ROLE, Tokens, name_of
from provisioning.wanted import (
    WantedDatabase,
    WantedToken,
    duration,
    in_words,
    wanted_databases,
    wanted_tokens,
)
from twin.model.district import District

_BUCKET = re.compile(r"barrio district=(\S+) resolution=(\S+) digest=(\S+)")
_TOKEN = re.compile(rf"barrio district=(\S+) role=({ROLE}) digest=(\S+)(?: token=(\S+))?")
_NEW = "?"
"""Stands for the id of a bucket that is still to be made."""


@dataclass(frozen=True, slots=True)
class _Marked:
    """An authorization of ours, its mark read."""

    found: FoundToken
    district: str
    role: str
    digest: str
    token: str

    @property
    def by_hand(self) -> bool:
        """Whether it is another than what was put there."""
        return not self.found.active or self.digest != _digest_of_rights(self.found.rights)


class Influx2:
    """The side of 2.x; see `provisioning.plan.Target`."""

    def __init__(self, admin: Admin, districts: Sequence[District], tokens: Tokens) -> None:
        self._calls = Calls(admin)
        self._adopt = admin.adopt
        self._districts = districts
        self._tokens = tokens
        self._ids: dict[str, str] = {}
        """Ids of buckets by name; those that a step makes are added by it."""

    def plan(self) -> list[Step]:
        """Return what is not as it should be: buckets, then tokens, then what is left over."""
        buckets = self._buckets()
        marked = self._marked()
        wanted = wanted_tokens(self._districts)
        steps = [step for one in wanted_databases(self._districts) for step in self._bucket(one, buckets)]
        for one in wanted:
            here = [each for each in marked if (each.district, each.role) == (one.district, one.role)]
            steps += self._token(one, here)
        roles = {(one.district, one.role) for one in wanted}
        steps += [
            self._no_longer(each, "nobody is named for it any more")
            for each in marked
            if (each.district, each.role) not in roles
        ]
        return steps

    def destroy(self, *, keep_data: bool) -> list[Step]:
        """Return what is to be removed: tokens, and buckets unless their readings are kept."""
        buckets = self._buckets()
        steps = [self._no_longer(each, "") for each in self._marked()]
        return steps + [
            self._gone(one, found, keep_data=keep_data)
            for one in wanted_databases(self._districts)
            if (found := buckets.get(one.name)) is not None
        ]

    def close(self) -> None:
        """Release the connections."""
        self._calls.close()

    def _buckets(self) -> Mapping[str, FoundBucket]:
        found = {one.name: one for one in self._calls.buckets()}
        self._ids = {name: one.id for name, one in found.items()}
        return found

    def _marked(self) -> list[_Marked]:
        """Return the authorizations of these districts."""
        here = {one.id for one in self._districts}
        found = [(_TOKEN.match(one.description), one) for one in self._calls.tokens()]
        return [
            _Marked(one, match[1], match[2], match[3], match[4] or "")
            for match, one in found
            if match is not None and match[1] in here
        ]

    def _bucket(self, wanted: WantedDatabase, buckets: Mapping[str, FoundBucket]) -> Iterator[Step]:
        found = buckets.get(wanted.name)
        if found is None:
            kept = Difference("retention", "", duration(wanted.retention_s))
            do = partial(self._make_bucket, wanted)
            yield Step(NAME, "bucket", wanted.name, Action.CREATE, (kept,), do=do)
            return
        mark = _BUCKET.match(found.description)
        ours = mark is not None and mark.group(1, 2) == (wanted.district, wanted.resolution.value)
        differences = _retention(found, wanted)
        if ours and mark is not None:
            if differences:
                by_hand = mark[3] != _digest_of_retention(found.retention_s)
                yield self._change(found, wanted, differences, by_hand=by_hand)
            return
        unmarked = Difference("description", found.description, _mark(wanted))
        if self._adopt and mark is None:
            words = "taken over: from now on it is ours"
            yield self._change(found, wanted, (*differences, unmarked), words=words)
            return
        words = f"{_not_ours(mark)}; the district's tokens are good for it all the same"
        yield Step(NAME, "bucket", wanted.name, Action.KEEP, (*differences, unmarked), words=words)

    def _change(
        self,
        found: FoundBucket,
        wanted: WantedDatabase,
        differences: tuple[Difference, ...],
        *,
        by_hand: bool = False,
        words: str = "",
    ) -> Step:
        do = partial(self._calls.change_bucket, found, _mark(wanted), wanted.retention_s)
        return Step(NAME, "bucket", wanted.name, Action.CHANGE, differences, by_hand, words, do)

    def _make_bucket(self, wanted: WantedDatabase) -> None:
        self._ids[wanted.name] = self._calls.create_bucket(wanted.name, _mark(wanted), wanted.retention_s)

    def _token(self, wanted: WantedToken, marked: Sequence[_Marked]) -> Iterator[Step]:
        kept = self._tokens.read(wanted.name)
        token = digest_of(kept) if kept is not None else ""
        rights = self._rights(wanted)
        good = [
            one
            for one in marked
            if one.token and one.token == token and one.found.rights == rights and not one.found.further
        ]
        if good:
            yield from self._awake(wanted, good[0])
            words = "left over from an apply that broke off"
            yield from (self._no_longer(one, words, keep_file=True) for one in marked if one is not good[0])
            return
        self._tokens.expect(wanted.name)
        do = partial(self._make_token, wanted, tuple(marked))
        if not marked:
            may = Difference("rights", "", wanted.rights)
            yield Step(NAME, "token", wanted.name, Action.CREATE, (may,), do=do)
            return
        yield Step(
            target=NAME,
            kind="token",
            name=wanted.name,
            action=Action.CHANGE,
            differences=self._other_rights(wanted, marked, rights),
            by_hand=all(one.by_hand for one in marked),
            words=self._why_anew(marked, token, rights),
            do=do,
        )

    def _awake(self, wanted: WantedToken, one: _Marked) -> Iterator[Step]:
        if not one.found.active:
            asleep = Difference("status", "inactive", "active")
            do = partial(self._calls.change_token, one.found.id, one.found.description)
            yield Step(NAME, "token", wanted.name, Action.CHANGE, (asleep,), by_hand=True, do=do)

    def _other_rights(
        self, wanted: WantedToken, marked: Sequence[_Marked], rights: frozenset[Right]
    ) -> tuple[Difference, ...]:
        found = marked[-1].found
        if found.rights == rights and not found.further:
            return ()
        names = {number: name for name, number in self._ids.items()}
        here = [
            [names.get(number, "a bucket that is gone") for act, number in found.rights if act == action]
            for action in ("read", "write")
        ]
        before = in_words(*here)
        more = f", and {found.further} rights to other things" if found.further else ""
        return (Difference("rights", before + more, wanted.rights),)

    def _why_anew(self, marked: Sequence[_Marked], token: str, rights: frozenset[Right]) -> str:
        if all(one.found.rights != rights or one.found.further for one in marked):
            return "rights cannot be changed: a new token is made, then the old one removed"
        if not token:
            return "its token is not in the tokens folder: a new one is made, then the old one removed"
        return "the token in its file is another one: a new one is made, then the old one removed"

    def _make_token(self, wanted: WantedToken, replaced: Sequence[_Marked]) -> None:
        rights = self._rights(wanted)
        if missing := [number for _, number in rights if number.endswith(_NEW)]:
            words = f"the bucket {missing[0].removesuffix(_NEW)} is not there"
            raise ProvisioningError(f"POST /api/v2/authorizations ({wanted.name})", words)
        description = (
            f"barrio district={wanted.district} role={wanted.role} digest={_digest_of_rights(rights)}"
        )
        made = self._calls.create_token(description, sorted(rights))
        self._tokens.write(wanted.name, made.token)
        self._calls.change_token(made.id, f"{description} token={digest_of(made.token)}")
        for one in replaced:
            self._calls.delete_token(one.found.id)

    def _rights(self, wanted: WantedToken) -> frozenset[Right]:
        """Return rights by the ids of buckets; one that is not there yet stands by its name."""
        pairs = [("read", name) for name in wanted.reads] + [("write", name) for name in wanted.writes]
        return frozenset((action, self._ids.get(name, f"{name}{_NEW}")) for action, name in pairs)

    def _no_longer(self, one: _Marked, words: str, *, keep_file: bool = False) -> Step:
        name = name_of(one.district, one.role)
        return Step(
            NAME, "token", name, Action.DELETE, words=words, do=partial(self._forget, one, name, keep_file)
        )

    def _forget(self, one: _Marked, name: str, keep_file: bool) -> None:  # noqa: FBT001 -- private
        self._calls.delete_token(one.found.id)
        if not keep_file:
            self._tokens.remove(name)

    def _gone(self, wanted: WantedDatabase, found: FoundBucket, *, keep_data: bool) -> Step:
        mark = _BUCKET.match(found.description)
        if mark is None or mark[1] != wanted.district:
            return Step(NAME, "bucket", found.name, Action.KEEP, words=_not_ours(mark))
        if keep_data:
            return Step(NAME, "bucket", found.name, Action.KEEP, words="its readings are kept")
        do = partial(self._calls.delete_bucket, found)
        return Step(NAME, "bucket", found.name, Action.DELETE, words="with all its readings", do=do)


def _mark(wanted: WantedDatabase) -> str:
    digest = _digest_of_retention(wanted.retention_s)
    return f"barrio district={wanted.district} resolution={wanted.resolution.value} digest={digest}"


def _not_ours(mark: re.Match[str] | None) -> str:
    if mark is not None:
        return f"it is marked as {mark[2]} of the district {mark[1]}, and left alone"
    return "there is one of this name that is not marked as ours, and it is left alone: --adopt takes it over"


def _retention(found: FoundBucket, wanted: WantedDatabase) -> tuple[Difference, ...]:
    if found.retention_s == wanted.retention_s:
        return ()
    return (Difference("retention", duration(found.retention_s), duration(wanted.retention_s)),)


def _digest_of_retention(seconds: int) -> str:
    return digest_of({"retention_s": seconds})


def _digest_of_rights(rights: frozenset[Right]) -> str:
    return digest_of(sorted(rights))
