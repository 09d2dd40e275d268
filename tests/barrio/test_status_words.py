"""What `barrio status` says in words and numbers."""

from types import SimpleNamespace

import pytest

from barrio.commands.ask import _open_links
from barrio.status import _readings
from twin.ingest.intake import Tally


def test_links_that_are_not_encrypted_are_counted_by_their_reason():
    """A reason that somebody gave is said; what is encrypted is not counted."""
    lines = _open_links(["none", "TLSv1.3 with barrio", "none", "none: own cable", "OSCORE"])

    assert lines == [
        "open      2 links are not encrypted",
        "open      1 link is not encrypted: own cable",
    ]


@pytest.mark.parametrize(
    ("stored", "quarantined", "waiting", "expected"),
    [
        (0, 0, 50, {"stored": 0, "quarantined": 0, "waiting": 10}),
        (30, 0, 20, {"stored": 0, "quarantined": 0, "waiting": 10}),
        (45, 0, 5, {"stored": 5, "quarantined": 0, "waiting": 5}),
        (48, 2, 0, {"stored": 8, "quarantined": 2, "waiting": 0}),
        (5, 45, 0, {"stored": 0, "quarantined": 10, "waiting": 0}),
    ],
)
def test_what_an_earlier_process_left_is_not_counted_for_this_one(stored, quarantined, waiting, expected):
    """Of forty readings that waited at the start and ten that came since, only the ten are this process's."""
    before = SimpleNamespace(stored=1000, quarantined=7, waiting=40)
    now = SimpleNamespace(stored=1000 + stored, quarantined=7 + quarantined, waiting=waiting)
    platform = SimpleNamespace(
        intake=SimpleNamespace(tally=Tally(received=10), pending=0),
        spool=SimpleNamespace(books=lambda: now),
        books_before=before,
    )
    found = _readings(platform)  # type: ignore[arg-type]

    assert {key: found[key] for key in expected} == expected
    assert found["received"] == found["stored"] + found["quarantined"] + found["waiting"]
