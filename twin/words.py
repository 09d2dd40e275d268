"""Words of devices and servers, fit for files and answers."""

from __future__ import annotations


def storable(text: str) -> str:
    """Return a text that UTF-8 can carry: half of a surrogate pair, which JSON may hold (RFC 8259, 8.2), is a `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
