"""`graph`: what belongs to what in districts, as text, DOT, SVG or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from barrio.assembly import load_all, profiles_folder
from barrio.errors import AskError
from barrio.graph.body import body
from barrio.graph.part import parts, understood
from barrio.graph.picture import picture
from barrio.terminal import plain
from connectors.registry import Connectors
from twin.errors import StartError
from twin.folder import DataFolder
from twin.model.source import suggest

if TYPE_CHECKING:
    from barrio.graph.part import Direction, Part
    from barrio.settings import Settings
    from twin.model.district import District

FORMATS = ("text", "dot", "svg", "json")
_SUFFIXES: Mapping[str, str] = {".dot": "dot", ".gv": "dot", ".svg": "svg", ".json": "json"}


def graph(
    names: Sequence[str],
    settings: Settings,
    of: str | None,
    direction: Direction,
    through: str | None,
    form: str,
    *,
    fold: bool,
) -> str:
    """Return the graph of the districts that are named, else of those that the data folder remembers."""
    found = parts(_districts(names, settings), of, direction, understood(through))
    return _drawn(found, form, fold=fold)


def direction(of: str | None, *, up: bool, down: bool) -> Direction:
    """Return where to go from `of`; AskError where there is nothing to go from."""
    if of is None and (up or down):
        raise AskError("--up" if up else "--down", "goes from a device or site: name it with --of")
    return "both" if up == down else "up" if up else "down"


def format_of(given: str | None, out: Path | None) -> str:
    """Return the format that is asked for, else that of the file's name, else text."""
    if given is None:
        return _SUFFIXES.get(out.suffix.lower(), "text") if out else "text"
    if given not in FORMATS:
        raise AskError("--format", f"{given!r} is none of {', '.join(FORMATS)}{suggest(given, FORMATS)}")
    return given


def write(out: Path, text: str) -> None:
    """Write a drawing, in the place of one before it; StartError when it cannot be written."""
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StartError(f"{out} cannot be written: {(error.strerror or str(error)).lower()}") from error


def _districts(names: Sequence[str], settings: Settings) -> list[District]:
    known = names or list(DataFolder(settings.data).read_districts().values())
    if not known:
        words = "remembers no district: name one, or another folder with --data"
        raise StartError(f"data folder {settings.data} {words}")
    return load_all(known, Path(), Connectors(), profiles_folder())


def _drawn(found: Sequence[Part], form: str, *, fold: bool) -> str:
    if form == "json":
        return json.dumps(body(found), ensure_ascii=False) + "\n"
    pictures = [picture(one, fold=fold) for one in found]
    if form == "svg":
        from barrio.graph.svg import svg

        return svg(pictures)
    if form == "dot":
        from barrio.graph.dot import dot

        return dot(pictures)
    from barrio.graph.tree import tree

    return plain("\n\n".join(tree(one) for one in pictures), keep="\n") + "\n"
