"""A page to draw on, in pixels from the top left, over matplotlib (the extra `preview`).

What is drawn is the same in every run: no date, no random ids, and the font that matplotlib brings along.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

GROUND: Final = "#111217"
CARD: Final = "#181B1F"
EDGE: Final = "#2A2D33"
LINES: Final = "#2A2E36"
TEXT: Final = "#D8D9DA"
FAINT: Final = "#9AA0AC"
FONT: Final = "DejaVu Sans"
_DPI = 100.0
_SETTINGS: Final[dict[str, Any]] = {
    "font.family": [FONT],
    "svg.hashsalt": "barrio",
    "svg.fonttype": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.6,
    "axes.unicode_minus": False,
    "text.parse_math": False,
}
Side = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, from its top left corner."""

    x: float
    y: float
    width: float
    height: float

    def inside(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return it without so many pixels at each side."""
        return Box(
            self.x + left, self.y + top, max(self.width - left - right, 1), max(self.height - top - bottom, 1)
        )

    @property
    def middle(self) -> float:
        """Height of its middle."""
        return self.y + self.height / 2


class Canvas:
    """One page of `width` x `height` pixels."""

    def __init__(self, width: int, height: int) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=GROUND)

    def axes(self, box: Box) -> Any:
        """Return matplotlib's axes over a box, without a frame of their own."""
        axes = self.figure.add_axes(self._part(box), facecolor="none")
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(colors=FAINT, labelsize=7.5, length=0, pad=3)
        return axes

    def card(self, box: Box, fill: str = CARD, edge: str = EDGE, radius: float = 3.0) -> None:
        """Draw a rectangle with round corners."""
        from matplotlib.patches import FancyBboxPatch

        shape = FancyBboxPatch(
            (box.x, self.height - box.y - box.height),
            box.width,
            box.height,
            boxstyle=f"round,pad=0,rounding_size={radius}",
            facecolor=fill,
            edgecolor=edge,
            linewidth=0.8 if edge != "none" else 0,
            zorder=-3,
            transform=self._pixels(),
        )
        self.figure.add_artist(shape)

    def bar(self, box: Box, fill: str, alpha: float = 1.0) -> None:
        """Draw a plain rectangle."""
        from matplotlib.patches import Rectangle

        corner = (box.x, self.height - box.y - box.height)
        shape = Rectangle(
            corner,
            box.width,
            box.height,
            facecolor=fill,
            edgecolor="none",
            alpha=alpha,
            zorder=-2,
            transform=self._pixels(),
        )
        self.figure.add_artist(shape)

    def line(
        self, start: tuple[float, float], stop: tuple[float, float], colour: str = LINES, width: float = 0.8
    ) -> None:
        """Draw a line between two points."""
        from matplotlib.lines import Line2D

        xs, ys = (start[0], stop[0]), (self.height - start[1], self.height - stop[1])
        shape = Line2D(xs, ys, color=colour, linewidth=width, zorder=-1, transform=self._pixels())
        self.figure.add_artist(shape)

    def words(  # noqa: PLR0913 -- what can be said of a line of text
        self,
        x: float,
        y: float,
        text: str,
        size: float = 9.0,
        colour: str = TEXT,
        *,
        side: Side = "left",
        bold: bool = False,
        room: float | None = None,
        middle: bool = True,
    ) -> float:
        """Write one line at the height of its middle (else its base); cut where there is no room. Returns its width."""
        shown = fitting(text, size, bold=bold, room=room) if room is not None else text
        if not shown.strip():
            return 0.0
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            shown,
            fontsize=size,
            color=colour,
            ha=side,
            va="center_baseline" if middle else "baseline",
            fontweight="bold" if bold else "normal",
        )
        return length(shown, size, bold=bold)

    def picture(self, form: str) -> bytes:
        """Return the page as `svg` or `png`."""
        buffer = io.BytesIO()
        if form == "svg":
            self.figure.savefig(
                buffer, format="svg", facecolor=GROUND, metadata={"Date": None, "Creator": None}
            )
            return buffer.getvalue()
        self.figure.savefig(buffer, format="png", facecolor=GROUND, dpi=_DPI, metadata={"Software": None})
        return _smaller(buffer)

    def _part(self, box: Box) -> tuple[float, float, float, float]:
        left, bottom = box.x / self.width, 1 - (box.y + box.height) / self.height
        return left, bottom, box.width / self.width, box.height / self.height

    def _pixels(self) -> Any:
        from matplotlib.transforms import Affine2D

        return Affine2D().scale(1 / self.width, 1 / self.height) + self.figure.transFigure


@contextmanager
def settings() -> Iterator[None]:
    """Draw with our settings, whatever those of the user are."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        params: Any = mpl.rcParams
        params.update(_SETTINGS)
        yield


def write(path: Path, canvas: Canvas) -> None:
    """Write a page in the format of the file's ending."""
    path.write_bytes(canvas.picture(path.suffix.removeprefix(".")))


def length(text: str, size: float, *, bold: bool = False) -> float:
    """Return how many pixels wide a text is."""
    return sum(_advance(char, bold) for char in text) * size * _DPI / 72.0


def fitting(text: str, size: float, *, bold: bool = False, room: float) -> str:
    """Return a text, cut with an ellipsis where it is longer than there is room."""
    if length(text, size, bold=bold) <= room:
        return text
    while text and length(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text.rstrip() + "…" if text else ""


def wrapped(text: str, size: float, room: float) -> list[str]:
    """Return a text as lines that fit."""
    lines: list[str] = []
    for part in text.split("\n"):
        line = ""
        for word in part.split(" "):
            longer = f"{line} {word}" if line else word
            if line and length(longer, size) > room:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def largest(texts: Sequence[str], room: float, most: float, least: float = 8.0) -> float:
    """Return the font size at which the longest text fits."""
    widest = max((length(text, 1.0, bold=True) for text in texts), default=1.0)
    return max(least, min(most, room / max(widest, 1e-6)))


@lru_cache(maxsize=4096)
def _advance(char: str, bold: bool) -> float:  # noqa: FBT001 -- a key of the cache
    """Return how wide a character is, in ems."""
    font = _font(bold)
    font.load_char(ord(char))
    glyph = font.load_char(ord(char))
    return float(glyph.linearHoriAdvance / 65536.0 / 100.0)


@lru_cache(maxsize=2)
def _font(bold: bool) -> Any:  # noqa: FBT001 -- a key of the cache
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    font = FT2Font(findfont(FontProperties(family=FONT, weight="bold" if bold else "normal")))
    font.set_size(100.0, 72.0)
    return font


def _smaller(picture: io.BytesIO) -> bytes:
    """Return a PNG with a palette of 256 colours: a third of the size, and nobody sees it."""
    from PIL import Image

    with Image.open(picture) as full:
        plain = full.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        plain.save(buffer, format="png", optimize=True)
    return buffer.getvalue()
