"""Lists of links as devices write them (RFC 6690), read within bounds. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONTENT_FORMAT = 40  # RFC 7252, section 12.3
MOST_LINKS = 500
_MOST_ATTRIBUTES = 24
_LONGEST_TARGET = 1_024
_TARGET = re.compile(r"\s*<([^<>\s]*)>")
_ATTRIBUTE = re.compile(
    r"\s*;\s*([A-Za-z0-9!#$&+\-.^_`|~]{1,64}\*?)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\",;]*)))?"
)
_SEPARATOR = re.compile(r"\s*,")
_END = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)")


class LinkError(ValueError):
    """Raised for a list of links that cannot be read; the message is for a person."""


@dataclass(frozen=True, slots=True)
class CoreLink:
    """One link: its `target`, and its attributes; of one that stands twice the first counts (RFC 6690, section 2.2)."""

    target: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def words(self, name: str) -> Sequence[str]:
        """Return an attribute that is a list of words: `rt`, `if`, `ct`."""
        return self.attributes.get(name, "").split()


def parse(text: str) -> list[CoreLink]:
    """Return the links of a list; LinkError when it is none, or longer than what is read."""
    links: list[CoreLink] = []
    at = 0
    if _END.fullmatch(text):
        return links
    while True:
        if len(links) == MOST_LINKS:
            raise LinkError(f"more than {MOST_LINKS} links")
        link, at = _link(text, at)
        links.append(link)
        if _END.fullmatch(text, at):
            return links
        separator = _SEPARATOR.match(text, at)
        if separator is None:
            raise LinkError(f"no comma between links at character {at}")
        at = separator.end()


def _link(text: str, at: int) -> tuple[CoreLink, int]:
    target = _TARGET.match(text, at)
    if target is None or len(target[1]) > _LONGEST_TARGET:
        raise LinkError(f"no <link> at character {at}")
    attributes: dict[str, str] = {}
    at = target.end()
    while (found := _ATTRIBUTE.match(text, at)) is not None:
        if len(attributes) == _MOST_ATTRIBUTES:
            raise LinkError(f"more than {_MOST_ATTRIBUTES} attributes of one link")
        quoted, bare = found[2], found[3]
        value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare or ""
        attributes.setdefault(found[1], value)
        at = found.end()
    return CoreLink(target[1], attributes), at


def write(links: Iterable[CoreLink]) -> str:
    """Return a list of links as text."""
    return ",".join(_text(link) for link in links)


def _text(link: CoreLink) -> str:
    attributes = "".join(f";{name}{_value(value)}" for name, value in link.attributes.items())
    return f"<{link.target}>{attributes}"


def _value(value: str) -> str:
    if not value:
        return ""
    if value.isascii() and value.isdigit():
        return f"={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'="{escaped}"'


def matches(link: CoreLink, wanted: Mapping[str, str]) -> bool:
    """Whether a link has all of these attributes (RFC 6690, section 4.1); a `*` at the end stands for any rest."""
    return all(_has(link, name, value) for name, value in wanted.items())


def _has(link: CoreLink, name: str, value: str) -> bool:
    held = [link.target] if name == "href" else [link.attributes.get(name), *link.words(name)]
    if value.endswith("*"):
        return any(one is not None and one.startswith(value[:-1]) for one in held)
    return value in held


def resolved(link: CoreLink, base: str) -> CoreLink:
    """Return a link with its target made whole against `base`, as a directory gives it (RFC 9176, section 6.1)."""
    # urljoin knows relative references of http only; those of coap follow the same rules (RFC 7252, section 6.1).
    scheme, _, rest = base.partition("://")
    joined = urljoin(f"http://{rest}", link.target)
    target = joined.replace("http://", f"{scheme}://", 1) if joined.startswith(f"http://{rest}") else joined
    return CoreLink(target, {**link.attributes, "anchor": link.attributes.get("anchor", base)})
