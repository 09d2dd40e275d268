"""The history of points: a question as a person puts it, the answer as a table, and its rows as text."""

from barrio.history.chosen import MOST_POINTS
from barrio.history.permitted import Newest, permitted_latest
from barrio.history.question import DEFAULT_FROM
from barrio.history.text import FORMATS, aligned, render, shown, sparkline
from barrio.history.words import find, nearest

__all__ = [
    "DEFAULT_FROM",
    "FORMATS",
    "MOST_POINTS",
    "Newest",
    "aligned",
    "find",
    "nearest",
    "permitted_latest",
    "render",
    "shown",
    "sparkline",
]
