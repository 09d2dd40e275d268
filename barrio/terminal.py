"""Words of others on a terminal: devices, servers and files choose them, and some would steer it."""

from __future__ import annotations


def plain(text: str, keep: str = "") -> str:
    """Return a text with a mark in place of each sign that is not shown as itself; those in `keep` stay.

    Control characters and escape sequences move the cursor or write to the clipboard; signs that turn the direction
    of writing make a name look like another (Unicode Technical Report 36, 2.9 and 3.6).
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in keep else "\N{REPLACEMENT CHARACTER}" for sign in text
    )
