"""The history of points: a question as a person puts it, the answer as columns, and the columns as text."""

from barrio.history.old import (
    DEFAULT_FROM,
    MOST_POINTS,
    Asked,
    answer,
    find,
    nearest,
    understand,
)
from barrio.history.permitted import Newest, permitted_latest
from barrio.history.text import FORMATS, aligned, render, shown, sparkline

__all__ = [
    "DEFAULT_FROM",
    "FORMATS",
    "MOST_POINTS",
    "Asked",
    "Newest",
    "aligned",
    "answer",
    "find",
    "nearest",
    "permitted_latest",
    "render",
    "shown",
    "sparkline",
    "understand",
]
