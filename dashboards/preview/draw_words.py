"""Panels of words: texts, and the list of Grafana's alerts, which only a Grafana has."""

from __future__ import annotations

import re

from dashboards.preview.canvas import FAINT, TEXT, wrapped
from dashboards.preview.scene import Scene

_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_MARKS = re.compile(r"[*_`]{1,2}(?=\S)|(?<=\S)[*_`]{1,2}")


def words(scene: Scene) -> None:
    """Draw a text in Markdown: headings, lists and plain lines; of links their words."""
    y = scene.box.y + 12
    for line in str(scene.options.get("content") or "").splitlines():
        head = re.match(r"^(#+)\s+(.*)$", line)
        text = _MARKS.sub("", _LINK.sub(r"\1", head[2] if head else line))
        text = re.sub(r"<[^>]+>", "", re.sub(r"^\s*[-*]\s+", "• ", text))
        size = {1: 14.0, 2: 12.0}.get(len(head[1]), 10.5) if head else 9.0
        for part in wrapped(text, size, scene.box.width - 20):
            if y > scene.box.y + scene.box.height - 4:
                return
            scene.canvas.words(scene.box.x + 10, y, part, size, TEXT, bold=bool(head))
            y += size * 1.9


def alerts(scene: Scene) -> None:
    """Say what stands here in a Grafana."""
    scene.canvas.words(
        scene.box.x + 10,
        scene.box.y + 14,
        "Alerts of Grafana stand here",
        9.0,
        FAINT,
        room=scene.box.width - 20,
    )
