"""A picture in DOT, the language of Graphviz (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.graph.style import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from barrio.graph.picture import Box, Picture


def dot(pictures: Sequence[Picture]) -> str:
    """Return one digraph with a cluster for each district when there are several."""
    return "\n".join(_lines(pictures)) + "\n"


def _lines(pictures: Sequence[Picture]) -> Iterator[str]:
    yield "digraph barrio {"
    yield '  rankdir=LR; node [shape=box, fontname="sans-serif", fontsize=11]; edge [fontsize=9];'
    for number, picture in enumerate(pictures):
        several = len(pictures) > 1
        if several:
            yield f"  subgraph cluster_{number} {{ label={quoted(picture.title)};"
        for box in picture.boxes.values():
            yield f"  {_id(picture, box.id)} [{_look(box)}];"
        for kind, upper, lower in picture.edges:
            style = STYLES[kind]
            look = f"color={quoted(style.colour)}, style={style.dot}, tooltip={quoted(kind)}"
            yield f"  {_id(picture, upper)} -> {_id(picture, lower)} [{look}];"
        if several:
            yield "  }"
    yield "}"


def _id(picture: Picture, name: str) -> str:
    return quoted(f"{picture.district}/{name}")


def _look(box: Box) -> str:
    look = f'label={quoted(box.head)}+"\\n"+{quoted(box.tail)}, tooltip={quoted(box.title)}'
    if box.is_site:
        look += ", style=rounded"
    return look + (", penwidth=3" if box.is_asked else "")


def quoted(text: str) -> str:
    """Return a text as a quoted ID of DOT: nothing in it ends the quotes, and no escape of Graphviz is in it.

    Signs that cannot be shown are left out: DOT has no way to write them.
    """
    shown = "".join(sign for sign in text if sign.isprintable())
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
