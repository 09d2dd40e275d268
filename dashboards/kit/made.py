"""What comes out: dashboards as JSON, and what they are made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboards.kit.texts import Lang


@dataclass(frozen=True, slots=True)
class Options:
    """How dashboards are made: their language, and where barrio's own pages are (empty: links to them are left out)."""

    lang: Lang = "en"
    barrio_url: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard. `json` is classic dashboard JSON without id and version; `name` the stem of its file."""

    uid: str
    title: str
    district: str | None
    folder: str
    name: str
    json: dict[str, Any]
