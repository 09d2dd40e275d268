"""The book of tokens: what it keeps, what it hands out once, and what another process notices."""

import pytest

from twin.access.scope import Scope, Tier, Verb
from twin.access.tokens import NameTaken, NoSuchToken, TokenBook, digest, id_of
from twin.resolution import Resolution

DAY = 86_400_000_000_000
SCOPE = Scope(
    tier=Tier.OPERATOR,
    districts=frozenset({"little"}),
    sites=frozenset({"little/house"}),
    kinds=frozenset({"Thing"}),
    quantities=frozenset({"air_temperature"}),
    finest=Resolution.HOUR,
    verbs=frozenset({Verb.READ, Verb.EXPORT}),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.sqlite"


@pytest.fixture
def book(path):
    found = TokenBook(path)
    found.open()
    yield found
    found.close()


def made(book, name="works", **more):
    return book.create(name, SCOPE, "ana", now_ns=1_000, expires=more.get("expires", DAY))


def test_a_token_is_recognised_and_says_what_it_allows(book):
    """Its text has a form that scanners find, 256 bits, and all of its scope comes back."""
    text, token = made(book)
    prefix, token_id, secret = text.split("_", 2)
    [kept] = book.all()

    assert (prefix, token_id, id_of(text)) == ("barrio", token.id, token.id)
    assert len(secret) == 43
    assert kept == token
    assert kept.scope == SCOPE
    assert kept.hash == digest(text)


@pytest.mark.parametrize("text", ["", "barrio", "barrio_", "other_1_2", "BARRIO_1_2"])
def test_what_is_no_token_has_no_id(text):
    """Nothing is looked up for it."""
    assert id_of(text) == ""


def test_two_tokens_are_never_the_same(book):
    """Neither their ids nor their secrets."""
    found = {made(book, f"n{number}")[0] for number in range(50)}

    assert len({id_of(one) for one in found}) == 50


def test_nothing_of_a_token_is_on_the_disk(book, path):
    """No file beside the book has its text, or its secret alone, before or after it is revoked."""
    text, _ = made(book)
    book.revoke("works", "ana", 2_000)
    files = [one.read_bytes() for one in path.parent.iterdir()]

    assert files
    assert not any(text.encode() in one or text.split("_", 2)[2].encode() in one for one in files)


def test_a_token_ends(book):
    """By its time, or when it is revoked by name or id; then it is not found to be revoked once more."""
    _, first = made(book)
    _, second = made(book, "other", expires=0)
    revoked = book.revoke(second.id, "ben", 5_000)

    assert (first.holds(DAY - 1), first.holds(DAY)) == (True, False)
    assert second.holds(10**18)
    assert not next(one for one in book.all() if one.id == revoked.id).holds(6_000)
    for name in ("other", second.id, "nobody"):
        with pytest.raises(NoSuchToken):
            book.revoke(name, "ben", 7_000)


def test_a_name_is_for_one_token_at_a_time(book):
    """It is free again when the token that had it is revoked or over."""
    made(book)
    with pytest.raises(NameTaken):
        made(book)
    book.revoke("works", "ana", 2_000)
    made(book)

    assert [one.name for one in book.all()] == ["works", "works"]


def test_another_process_is_noticed_once(book, path):
    """What this one wrote itself is no news."""
    assert book.changed()
    made(book)
    assert not book.changed()
    beside = TokenBook(path)
    beside.open()
    beside.revoke("works", "ana", 2_000)
    beside.close()

    assert (book.changed(), book.changed()) == (True, False)


def test_what_was_done_waits_for_the_audit_log(book):
    """In order, until it is noted."""
    made(book)
    book.revoke("works", "ben", 2_000)
    steps = book.steps()
    book.noted(steps[:1])

    assert [(one.what, one.who, one.name) for one in steps] == [
        ("token_created", "ana", "works"),
        ("token_revoked", "ben", "works"),
    ]
    assert book.steps() == steps[1:]


def test_when_it_was_last_used_is_kept(book):
    """Of a token that there is."""
    _, token = made(book)
    book.used({token.id: 77, "nobody": 78})

    assert [one.used for one in book.all()] == [77]
