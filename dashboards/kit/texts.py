"""Texts in English and Spanish, and names of people's things made harmless.

Grafana puts variables into titles, names and links wherever it finds `$name`, `${name}` or `[[name]]`, and reads text
panels as Markdown with HTML. A name from a district's files passes `shown` before it becomes part of a text, and
`in_markdown` before it becomes part of a text panel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Lang: TypeAlias = Literal["en", "es"]
LANGUAGES: tuple[Lang, ...] = ("en", "es")

# Invisible, takes no room and belongs to no word: what stands before it is no variable any more.
_JOINER = "\u2060"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&])")


@dataclass(frozen=True, slots=True)
class Text:
    """The same text in both languages."""

    en: str
    es: str

    def __post_init__(self) -> None:
        if not (self.en and self.es):
            raise ValueError(f"a language is missing: {self.en!r}, {self.es!r}")

    def of(self, lang: Lang) -> str:
        """Return the text in a language."""
        return self.en if lang == "en" else self.es

    def fill(self, **names: str | float | Text) -> Text:
        """Return the text with `{name}` filled in, names made harmless; a Text fills each language with its own."""
        en = {key: value.en if isinstance(value, Text) else shown(str(value)) for key, value in names.items()}
        es = {key: value.es if isinstance(value, Text) else shown(str(value)) for key, value in names.items()}
        return Text(self.en.format(**en), self.es.format(**es))

    def __add__(self, other: Text) -> Text:
        """Return both texts, one after the other."""
        return Text(f"{self.en} {other.en}", f"{self.es} {other.es}")


def same(text: str) -> Text:
    """Return a name, made harmless, that is the same in every language."""
    return Text(shown(text) or "–", shown(text) or "–")


def shown(text: str) -> str:
    """Return text in which Grafana finds no variable, without control characters."""
    plain = "".join(char if char.isprintable() else " " for char in text).strip()
    return plain.replace("$", f"${_JOINER}").replace("[[", f"[{_JOINER}[")


def in_markdown(text: str) -> str:
    """Return text that Markdown and HTML show as it is."""
    return (
        _MARKDOWN.sub(r"\\\1", shown(text))
        .replace("\\<", "&lt;")
        .replace("\\>", "&gt;")
        .replace("\\&", "&amp;")
    )
