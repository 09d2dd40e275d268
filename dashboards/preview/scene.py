"""What every kind of panel gets to draw itself: the page, its place on it, its frames and how they are styled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.preview.canvas import FAINT, TEXT, Box, Canvas, wrapped
from dashboards.preview.fields import Style, plain_style
from dashboards.preview.frames import Column, Frame
from dashboards.preview.span import Span


@dataclass(frozen=True, slots=True)
class Shown:
    """One column with its frame and its style."""

    frame: Frame
    column: Column
    style: Style


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation: when, in which colour, and in which words."""

    ms: float
    colour: str
    words: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A panel that is to be drawn into `box`."""

    canvas: Canvas
    box: Box
    panel: Mapping[str, Any]
    frames: list[Frame]
    styles: list[list[Style]]
    span: Span
    zone: ZoneInfo
    marks: tuple[Mark, ...] = ()

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of this kind of panel."""
        found: Mapping[str, Any] = self.panel.get("options") or {}
        return found

    def shown(self, *kinds: str) -> Iterator[Shown]:
        """Yield columns of these kinds (all but times when none is named) that are not hidden."""
        for frame, row in zip(self.frames, self.styles, strict=True):
            for column, style in zip(frame.columns, row, strict=True):
                wanted = column.kind in kinds if kinds else column.kind != "time"
                hidden = (style.custom.get("hideFrom") or {}).get("viz")
                if wanted and not hidden:
                    yield Shown(frame, column, style)

    def nothing(self, words: str = "") -> None:
        """Say why there is nothing to see."""
        text = words or plain_style(self.panel, self.zone).text(None) or "No data"
        size = 10.0 if self.box.height > 60 else 8.5
        lines = wrapped(text, size, self.box.width - 30)[: max(1, int(self.box.height // 18))]
        for number, line in enumerate(lines):
            height = self.box.middle + (number - (len(lines) - 1) / 2) * 17
            colour = FAINT if text else TEXT
            self.canvas.words(self.box.x + self.box.width / 2, height, line, size, colour, side="center")
