"""How each type of relation looks: by colour and by dashes, so that it is told apart without colours too.

The colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with a weakness for red and
green tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Style:
    """A line: its colour, its dashes in SVG (none when empty) and in DOT, its width."""

    colour: str
    dashes: str
    dot: str
    width: float
    words: str


STYLES: Mapping[str, Style] = {
    "feeds": Style("#0072B2", "", "solid", 1.8, "feeds"),
    "controls": Style("#D55E00", "7 4", "dashed", 1.8, "controls"),
    "measures": Style("#009E73", "2 4", "dotted", 1.8, "measures"),
    "part_of": Style("#CC79A7", "10 3 2 3", "dashed", 1.8, "has part"),
    "located_in": Style("#8A8F98", "", "solid", 0.9, "holds"),
}
