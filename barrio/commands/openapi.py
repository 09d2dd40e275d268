"""`barrio openapi`: the OpenAPI file of all that barrio can answer, whatever a district has."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from barrio.api.app import create_app
from barrio.assembly import Counting, bind
from twin.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from barrio.platform import Platform


def text() -> str:
    """Return the file as JSON text, the same for the same barrio."""
    app = create_app(nobody(), whole=True)
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


def nobody() -> Platform:
    """Return what stands for a platform where routes are described and never asked."""
    return cast(
        "Platform",
        SimpleNamespace(catalogue=bind([], Counting()), settings=SimpleNamespace(console="off")),
    )


def write(text: str, out: Path) -> None:
    """Write the file; StartError where that is not possible."""
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StartError(f"{out} cannot be written: {(error.strerror or str(error)).lower()}") from error
