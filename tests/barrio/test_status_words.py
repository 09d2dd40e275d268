"""What `barrio status` says in words."""

from barrio.commands.ask import _open_links


def test_links_that_are_not_encrypted_are_counted_by_their_reason():
    """A reason that somebody gave is said; what is encrypted is not counted."""
    lines = _open_links(["none", "TLSv1.3 with barrio", "none", "none: own cable", "OSCORE"])

    assert lines == [
        "open      2 links are not encrypted",
        "open      1 link is not encrypted: own cable",
    ]
