"""Names: the uids of everything that is ours in a Grafana, the same in every run, and the marks by which it is known.

A uid is `barrio-KIND-DISTRICT`; kinds have no dash, so no two districts or kinds ever share one. Grafana takes 40
characters at most: a longer district id is cut and ends with a digest of the whole.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

from twin.resolution import Resolution

Page = Literal["home", "buildings", "energy", "lighting", "water", "mobility", "quality", "device"]
PAGES: tuple[Page, ...] = (
    "home",
    "buildings",
    "energy",
    "lighting",
    "water",
    "mobility",
    "quality",
    "device",
)

PREFIX = "barrio-"
TAG = "barrio"
ROOT_FOLDER = "barrio-root"
CITY = "barrio-city"
"""Uid of the overview of all districts."""

_LONGEST = 40


def _uid(kind: str, district: str) -> str:
    whole = f"{PREFIX}{kind}-{district}"
    if len(whole) <= _LONGEST:
        return whole
    digest = sha256(district.encode()).hexdigest()[:10]
    return f"{whole[: _LONGEST - 11]}-{digest}"


def folder_uid(district: str) -> str:
    """Return the uid of a district's folder."""
    return _uid("folder", district)


def source_uid(district: str, resolution: Resolution) -> str:
    """Return the uid of the data source of a district at a resolution."""
    return _uid(f"db{resolution.value}", district)


def page_uid(district: str, page: Page) -> str:
    """Return the uid of a dashboard of a district."""
    return _uid(page, district)


def rule_uid(district: str, rule: str) -> str:
    """Return the uid of one of Grafana's alert rules about a district; `rule` has no dash."""
    return _uid(rule, district)


def receiver_uid(district: str, receiver: str) -> str:
    """Return the uid of a contact point; no id has the line that parts the two."""
    return _uid("receiver", f"{district}_{receiver}")


def district_tag(district: str) -> str:
    """Return the tag that says whose a dashboard is."""
    return f"district:{district}"
