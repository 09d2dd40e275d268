"""`token create`, `list` and `revoke`: the book of tokens in a data folder, beside what runs with it or without."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barrio import history
from barrio.commands.ask import as_json
from barrio.errors import AskError, UnknownName
from barrio.moments import rfc3339
from barrio.terminal import plain
from twin.access.scope import Scope, Tier, Verb
from twin.access.sight import sight_of
from twin.access.tokens import NameTaken, NoSuchToken, TokenBook
from twin.clock import NS, SystemClock
from twin.errors import StartError
from twin.folder import DataFolder
from twin.model.source import suggest
from twin.model.spec import parse_duration
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from barrio.assembly import Catalogue
    from barrio.settings import Settings
    from twin.access.tokens import Token

EVER = "ever"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token in the words of whoever wants one; nothing named means any."""

    name: str
    tier: str
    districts: Sequence[str]
    sites: Sequence[str]
    kinds: Sequence[str]
    quantities: Sequence[str]
    finest: str
    may: str
    lasts: str
    per_minute: int
    by: str


def create(settings: Settings, districts: Sequence[str], wanted: Wanted, *, machine: bool) -> tuple[str, str]:
    """Make a token; returns what is printed and what is said beside it. StartError with every fault at once."""
    folder = _folder(settings)
    catalogue = _catalogue(folder, districts)
    scope, lasts_s = _understood(wanted, catalogue)
    now = SystemClock().now_ns()
    expires = now + round(lasts_s * NS) if lasts_s else 0
    with _book(folder) as book:
        try:
            text, token = book.create(
                wanted.name, scope, wanted.by, now_ns=now, expires=expires, per_minute=wanted.per_minute
            )
        except NameTaken:
            words = f"there is a token {wanted.name!r} already: revoke it first, or take another name"
            raise AskError("NAME", words) from None
    sight = sight_of(scope, catalogue.districts, catalogue.points, catalogue.owners, catalogue.size)
    seen = f"it sees {len(sight.ids):,} of {len(catalogue.points):,} points"
    until = f"until {_short(token.expires)} UTC" if token.expires else "for ever"
    words = plain(f"token {token.id} for {token.name}, {until}; {seen}. This is shown once:")
    return (as_json({"token": text, **_described(token, now)}) if machine else text), words


def listed(settings: Settings, *, machine: bool) -> str:
    """Return every token that there was."""
    now = SystemClock().now_ns()
    with _book(_folder(settings)) as book:
        found = book.all()
    if machine:
        return as_json({"tokens": [_described(one, now) for one in found]})
    if not found:
        return "there is no token: barrio token create makes one"
    head = ["id", "name", "tier", "allows", "state", "until (UTC)", "last used", "by"]
    rows = [
        [
            *(one.id, one.name, one.scope.tier.value, _allows(one.scope), _state(one, now)),
            *(_short(one.expires) or "ever", _short(one.used) or "never", one.created_by),
        ]
        for one in found
    ]
    return plain("\n".join(history.aligned([head, *rows])), keep="\n")


def revoke(settings: Settings, name: str, by: str) -> str:
    """End a token; UnknownName with the nearest when there is none that holds."""
    now = SystemClock().now_ns()
    with _book(_folder(settings)) as book:
        try:
            found = book.revoke(name, by, now)
        except NoSuchToken:
            known = [word for one in book.all() if one.holds(now) for word in (one.name, one.id)]
            raise UnknownName(f"there is no token {name!r} that holds{suggest(name, known)}") from None
    return plain(f"token {found.id} for {found.name} opens nothing any more")


# --- what is meant ------------------------------------------------------------------------------------------


def _understood(wanted: Wanted, catalogue: Catalogue) -> tuple[Scope, float]:
    """Return the scope and how long it lasts, in s, 0 for ever; StartError with every fault."""
    faults: list[str] = []
    owners = catalogue.owners.values()
    if not wanted.name.strip() or not wanted.name.isprintable() or len(wanted.name) > 100:
        faults.append(f"NAME: {wanted.name!r} is no name of 1 to 100 signs")
    sites = {f"{one.id}/{site}" for one in catalogue.districts for site in one.sites}
    scope = Scope(
        tier=Tier(_one("--tier", wanted.tier, [Tier.PARTNER, Tier.OPERATOR], faults)),
        districts=_named("--in", wanted.districts, {one.id for one in catalogue.districts}, faults),
        sites=_named("--site", wanted.sites, sites, faults),
        kinds=_named("--kind", wanted.kinds, {one.kind for one in owners}, faults),
        quantities=_named(
            "--quantity",
            wanted.quantities,
            {one.point.quantity.name for one in catalogue.points.values()},
            faults,
        ),
        finest=Resolution(_one("--finest", wanted.finest, list(Resolution), faults)),
        verbs=frozenset(
            Verb(_one("--may", one.strip(), list(Verb), faults)) for one in wanted.may.split(",")
        ),
    )
    lasts_s = _lasts(wanted.lasts, faults)
    if faults:
        raise StartError("\n".join(faults))
    return scope, lasts_s


def _one(option: str, given: str, known: Sequence[str], faults: list[str]) -> str:
    if given not in known:
        faults.append(f"{option}: {given!r} is none of {', '.join(known)}{suggest(given, known)}")
        return known[0]
    return given


def _named(
    option: str, given: Sequence[str], known: Collection[str], faults: list[str]
) -> frozenset[str] | None:
    faults += [
        f"{option}: there is no {one!r} in these districts{_near(one, known)}"
        for one in given
        if one not in known
    ]
    return frozenset(given) if given else None


def _near(given: str, known: Collection[str]) -> str:
    """Return what was probably meant; a site that was given without its district is meant with it."""
    return suggest(next((one for one in sorted(known) if one.endswith(f"/{given}")), given), sorted(known))


def _lasts(given: str, faults: list[str]) -> float:
    if given == EVER:
        return 0.0
    try:
        found = parse_duration(given)
    except ValueError as error:
        faults.append(f"--for: {error}, or ever; found {given!r}")
        return 1.0
    if not 1 <= found <= 36_525 * 86_400:
        faults.append(f"--for: {given!r} is not between 1s and a hundred years")
    return found


# --- where it is --------------------------------------------------------------------------------------------


def _folder(settings: Settings) -> DataFolder:
    if not settings.data.is_dir():
        raise StartError(f"there is no data folder {settings.data}: name one with --data")
    return DataFolder(settings.data)


def _catalogue(folder: DataFolder, districts: Sequence[str]) -> Catalogue:
    from barrio.assembly import Counting, bind, load_all, profiles_folder
    from connectors.registry import Connectors

    names = districts or list(folder.read_districts().values())
    if not names:
        words = "remembers no district: name one with --district, or another folder with --data"
        raise StartError(f"data folder {folder.path} {words}")
    return bind(load_all(names, Path(), Connectors(), profiles_folder()), Counting())


@contextmanager
def _book(folder: DataFolder) -> Iterator[TokenBook]:
    book = TokenBook(folder.tokens)
    book.open()
    try:
        yield book
    finally:
        book.close()


# --- how it is said -----------------------------------------------------------------------------------------


def _described(one: Token, now: int) -> dict[str, Any]:
    scope = one.scope
    return {
        "id": one.id,
        "name": one.name,
        "tier": scope.tier.value,
        "districts": _sorted(scope.districts),
        "sites": _sorted(scope.sites),
        "kinds": _sorted(scope.kinds),
        "quantities": _sorted(scope.quantities),
        "finest": scope.finest.value,
        "verbs": sorted(scope.verbs),
        "per_minute": one.per_minute,
        "state": _state(one, now),
        "created": rfc3339(one.created),
        "created_by": one.created_by,
        "expires": rfc3339(one.expires),
        "revoked": rfc3339(one.revoked),
        "used": rfc3339(one.used),
    }


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _allows(scope: Scope) -> str:
    limits = [
        *sorted(scope.districts or ()),
        *sorted(scope.sites or ()),
        *sorted(scope.kinds or ()),
        *sorted(scope.quantities or ()),
        *([] if scope.finest is Resolution.RAW else [f"no finer than {scope.finest}"]),
    ]
    return f"{','.join(sorted(scope.verbs))}: {', '.join(limits) or 'everything of its tier'}"


def _state(one: Token, now: int) -> str:
    if one.revoked:
        return "revoked"
    return "holds" if one.holds(now) else "expired"


def _short(ns: int) -> str:
    text = rfc3339(ns)
    return "" if text is None else text[:16].replace("T", " ")
