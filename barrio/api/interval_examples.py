"""Examples of what the routes of intervals answer, for the OpenAPI file."""

from __future__ import annotations

from typing import Any

_POINT = "ciudad-maderas/meter-tower-a/energy_import"
_QUANTITY = {"quantity": "active_energy_import", "unit": "kW.h"}

INTERVALS: dict[str, Any] = {
    "from": "2026-11-27T06:00:00.000000Z",
    "to": "2026-11-27T06:30:00.000000Z",
    "tz": "America/Mexico_City",
    "version": 41,
    "settled_only": False,
    "length": "15m",
    "intervals": 2,
    "counts": {"valid": 1, "late": 0, "estimated": 1, "edited": 0, "suspect": 0, "missing": 0},
    "complete": 1.0,
    "series": [
        {
            "point": _POINT,
            **_QUANTITY,
            "start": ["2026-11-27T06:00:00.000000Z", "2026-11-27T06:15:00.000000Z"],
            "local": ["2026-11-27T00:00:00-06:00", "2026-11-27T00:15:00-06:00"],
            "delta": [1.204, 1.198],
            "register": [48211.604, 48212.802],
            "quality": ["valid", "estimated"],
            "reason": [None, "a short gap: linear between the readings around it"],
            "version": [41, 41],
        }
    ],
}
TOTALS: dict[str, Any] = {
    "from": "2026-11-01T06:00:00.000000Z",
    "to": "2026-11-27T06:00:00.000000Z",
    "tz": "America/Mexico_City",
    "version": 41,
    "settled_only": False,
    "series": [
        {
            "point": _POINT,
            **_QUANTITY,
            "start": ["2026-11-01T06:00:00.000000Z"],
            "end": ["2026-11-27T06:00:00.000000Z"],
            "local": ["2026-11-01T00:00:00-06:00"],
            "total": [3001.25],
            "register_start": [45210.354],
            "register_end": [48211.604],
            "valid": [2480],
            "late": [0],
            "estimated": [16],
            "edited": [0],
            "suspect": [0],
            "missing": [0],
            "estimated_total": [18.75],
            "estimated_share": [0.006247],
            "meter_changes": [0],
            "version": [41],
        }
    ],
}
_SIDE = {
    "delta": 1.25,
    "register": 48211.65,
    "quality": "estimated",
    "reason": "a short gap: linear between …",
}
VERSIONS: dict[str, Any] = {
    "point": _POINT,
    "versions": [
        {
            "version": 43,
            "at": "2026-11-28T09:12:00.000000Z",
            "cause": "late",
            "days": ["2026-11-27T06:00:00.000000Z"],
            "changes": [
                {
                    "start": "2026-11-27T06:00:00.000000Z",
                    "before": _SIDE,
                    "after": {"delta": 1.204, "register": 48211.604, "quality": "late", "reason": "…"},
                }
            ],
        }
    ],
    "truncated": False,
}
EDITS: dict[str, Any] = {
    "total": 1,
    "limit": 1000,
    "offset": 0,
    "edits": [
        {
            "edit": 1,
            "point": _POINT,
            "kind": "meter_change",
            "from": "2026-11-20T16:30:00.000000Z",
            "to": "2026-11-20T16:30:00.000000Z",
            "values": [48211.4, 0.0],
            "at": "2026-11-20T17:02:11.000000Z",
            "version": 42,
            "withdrawn": None,
            "who": "ana",
            "why": "its display was dark",
        }
    ],
}
EDITED: dict[str, Any] = {"edit": 1, "version": 42, "point": _POINT, "kind": "meter_change"}
WITHDRAWN: dict[str, Any] = {"edit": 1, "version": 44}
