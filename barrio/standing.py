"""What stood at a moment beside the readings: alarms, and what was desired of points. Blocks on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.platform import Platform


def standing(platform: Platform, at: int, under: str | None) -> list[dict[str, Any]]:
    """Return the alarms that stood at a moment (ns UTC)."""
    return []


def desired(platform: Platform, at: int) -> Mapping[str, dict[str, Any]]:
    """Return what was desired of points at a moment (ns UTC), by path."""
    return {}


def changed_alarms(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the alarms that were raised, cleared or came to stand otherwise in between."""
    first, second = ({(one["rule"], one["subject"]): one for one in alarms} for alarms in (before, after))
    found = []
    for key in dict.fromkeys([*first, *second]):
        then, now = first.get(key), second.get(key)
        if then is None or now is None:
            what = "raised" if then is None else "cleared"
        elif then["state"] != now["state"]:
            what = "state"
        else:
            continue
        found.append(
            {"kind": "alarm", "subject": "/".join(key), "what": [what], "before": then, "after": now}
        )
    return found


def changed_desired(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]], under: str | None
) -> list[dict[str, Any]]:
    """Return the points of which something else was desired."""
    prefix = f"{(under or '').strip('/')}/".lstrip("/")
    return [
        {
            "kind": "desired",
            "subject": path,
            "what": ["desired"],
            "before": before.get(path),
            "after": after.get(path),
        }
        for path in dict.fromkeys([*before, *after])
        if f"{path}/".startswith(prefix) and before.get(path) != after.get(path)
    ]
