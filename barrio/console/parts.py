"""Parts of pages: plain HTML elements with text in them, and the drawings of ours.

Text is always text: nothing here makes HTML of it, so a name with `<script>` in it is shown as it is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ASSETS = Path(__file__).parent / "assets"


class Tag(TextElement):
    """One HTML element."""

    def __init__(self, tag: str, text: str = "", look: str = "", **attributes: Any) -> None:
        super().__init__(tag=tag, text=text)
        if look:
            self.classes(look)
        for name, value in attributes.items():
            if value is not None:
                self.props[name.rstrip("_").replace("_", "-")] = value


def link(text: str, href: str, look: str = "", **attributes: Any) -> Tag:
    """Add a link."""
    return Tag("a", text, look, href=href, **attributes)


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Add a list of names and what they are."""
    with Tag("dl", look="facts"):
        for name, value in rows:
            with Tag("div"):
                Tag("dt", name)
                Tag("dd", value)


class DistrictMap(Element, component=_ASSETS / "map.js"):
    """The map and the list beside it."""

    def __init__(self, **data: Any) -> None:
        super().__init__()
        for name, value in data.items():
            self.props[name] = value


class DeviceTable(Element, component=_ASSETS / "devices.js"):
    """The devices as a table with filters."""

    def __init__(self, **data: Any) -> None:
        super().__init__()
        for name, value in data.items():
            self.props[name] = value


class PointChart(Element, component=_ASSETS / "chart.js"):
    """One point over time; emits `look` with from and to in s since 1970."""

    def __init__(self, drawing: Mapping[str, Any], texts: Mapping[str, str], unit: str) -> None:
        super().__init__()
        self.props["drawing"] = drawing
        self.props["texts"] = texts
        self.props["unit"] = unit
