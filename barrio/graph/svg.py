"""A picture as SVG 1.1: boxes in layers from left to right, edges as curves, a legend; nothing outside of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from barrio.graph.layout import BOX_HEIGHT, HEAD_WIDTH, TAIL_WIDTH, laid_out
from barrio.graph.style import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from barrio.graph.layout import Laid
    from barrio.graph.picture import Box, Picture

MARGIN = 24.0
TITLE_HEIGHT, LEGEND_HEIGHT = 54.0, 34.0
_CSS = """
text { font-family: "Segoe UI", "Helvetica Neue", "DejaVu Sans", Arial, sans-serif; fill: #1c2733; }
.title { font-size: 20px; font-weight: 600; } .note { font-size: 12px; fill: #5b6672; }
.head { font-size: 13px; font-weight: 600; } .tail { font-size: 10.5px; fill: #5b6672; }
.device rect { fill: #ffffff; stroke: #9aa5b1; } .site rect { fill: #fdf3d8; stroke: #c9a227; }
.many rect { fill: #e8f0f8; stroke: #7f9bb8; } .asked rect { stroke: #1c2733; stroke-width: 3; }
.edge { fill: none; }
"""


def svg(pictures: Sequence[Picture]) -> str:
    """Return one drawing, several districts below each other."""
    laid = [(picture, laid_out(picture)) for picture in pictures]
    width = max([420.0, *(one.width for _, one in laid)]) + 2 * MARGIN
    height = sum(one.height + TITLE_HEIGHT + MARGIN for _, one in laid) + LEGEND_HEIGHT + MARGIN
    titles = ", ".join(picture.title for picture in pictures)
    size, sized = f"{width:.0f} {height:.0f}", f'width="{width:.0f}" height="{height:.0f}"'
    label = _attribute(f"Relations in {titles}")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" {sized} role="img" aria-label={label}>',
        f"<style>{_CSS}</style>",
        *_markers(),
        f'<rect {sized} fill="#ffffff"/>',
    ]
    top = MARGIN
    for picture, one in laid:
        lines += _titled(picture, top)
        lines.append(f'<g transform="translate({MARGIN:.0f} {top + TITLE_HEIGHT:.0f})">')
        lines += [*_edges(picture, one), *_boxes(picture, one), "</g>"]
        top += one.height + TITLE_HEIGHT + MARGIN
    used = {kind for picture in pictures for kind, _, _ in picture.edges}
    lines += _legend([kind for kind in STYLES if kind in used], top)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _titled(picture: Picture, top: float) -> Iterator[str]:
    boxes = picture.boxes.values()
    sites = sum(box.is_site for box in boxes)
    devices = sum(box.count for box in boxes if not box.is_site)
    title = picture.title if not picture.start else f"{picture.start} · {picture.title}"
    yield f'<text class="title" x="{MARGIN:.0f}" y="{top + 18:.0f}">{_text(title)}</text>'
    note = f"{devices} {'device' if devices == 1 else 'devices'}, {sites} {'site' if sites == 1 else 'sites'}"
    yield f'<text class="note" x="{MARGIN:.0f}" y="{top + 37:.0f}">{note}</text>'


def _edges(picture: Picture, laid: Laid) -> Iterator[str]:
    for (kind, upper, lower), points in laid.edges:
        style = STYLES[kind]
        dashes = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
        look = f'stroke="{style.colour}" stroke-width="{style.width}"{dashes} marker-end="url(#{kind})"'
        said = _text(f"{picture.boxes[upper].head} {style.words} {picture.boxes[lower].head}")
        yield f'<path class="edge" d="{_curve(points)}" {look}><title>{said}</title></path>'


def _curve(points: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = points
    said = [f"M{x:.1f} {y:.1f}"]
    for number, (to_x, to_y) in enumerate(rest):
        if number % 2 == 0:
            # Between two layers: leaves and arrives level.
            middle = (x + to_x) / 2
            said.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
        else:
            said.append(f"H{to_x:.1f}")
        x, y = to_x, to_y
    return "".join(said)


def _boxes(picture: Picture, laid: Laid) -> Iterator[str]:
    for name, box in picture.boxes.items():
        x, y, width = laid.boxes[name]
        top, kind = y - BOX_HEIGHT / 2, "site" if box.is_site else "many" if box.count > 1 else "device"
        yield f'<g class="{kind}{" asked" if box.is_asked else ""}"><title>{_text(_told(box))}</title>'
        if box.count > 1:
            yield _rect(x + 4, top - 4, width, 5)
        yield _rect(x, top, width, 14 if box.is_site else 5)
        yield _line("head", x + 10, top + 16, _cut(box.head, width, HEAD_WIDTH))
        yield _line("tail", x + 10, top + 30, _cut(box.tail, width, TAIL_WIDTH))
        yield "</g>"


def _line(look: str, x: float, y: float, text: str) -> str:
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}">{_text(text)}</text>'


def _rect(x: float, y: float, width: float, round_: float) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BOX_HEIGHT:.0f}" rx="{round_}"/>'


def _told(box: Box) -> str:
    names = ", ".join(box.names[:50]) + (" …" if box.count > 50 else "")
    return f"{box.title}\n{box.tail}" if box.count == 1 else f"{box.head}\n{names}"


def _cut(text: str, width: float, sign: float) -> str:
    most = int((width - 16) / sign)
    return text if len(text) <= most else text[: most - 1] + "…"


def _markers() -> Iterator[str]:
    yield "<defs>"
    for kind, style in STYLES.items():
        shape = f'<path d="M0 0.8 L8 4 L0 7.2 Z" fill="{style.colour}"/>'
        yield f'<marker id="{kind}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" '
        yield f'markerUnits="userSpaceOnUse" orient="auto">{shape}</marker>'
    yield "</defs>"


def _legend(kinds: Sequence[str], top: float) -> Iterator[str]:
    x = MARGIN
    yield f'<g transform="translate(0 {top:.0f})">'
    for kind in kinds:
        style = STYLES[kind]
        dashes = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
        yield (
            f'<path class="edge" d="M{x:.0f} 12H{x + 40:.0f}" stroke="{style.colour}" '
            f'stroke-width="{style.width}"{dashes} marker-end="url(#{kind})"/>'
        )
        yield f'<text class="note" x="{x + 48:.0f}" y="16">{style.words}</text>'
        x += 66 + len(style.words) * 6.5
    for kind, words, round_ in (("device", "device", 3), ("many", "several alike", 3), ("site", "site", 7)):
        yield f'<g class="{kind}"><rect x="{x:.0f}" y="4" width="26" height="16" rx="{round_}"/></g>'
        yield f'<text class="note" x="{x + 33:.0f}" y="16">{words}</text>'
        x += 56 + len(words) * 6.5
    yield "</g>"


def _text(text: str) -> str:
    """Return a text as XML can hold it: signs that XML 1.0 has not are left out."""
    return escape("".join(sign for sign in text if sign.isprintable() or sign == "\n"))


def _attribute(text: str) -> str:
    return quoteattr("".join(sign for sign in text if sign.isprintable()))
