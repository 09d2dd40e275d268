"""What the OpenAPI file shows as answers of the catalogue."""

from __future__ import annotations

from typing import Any

_PLACE = {"lat": 20.564, "lon": -100.262, "of": "site"}
_NEWEST = {
    "path": "ciudad-maderas/met-2/air_temperature",
    "quantity": "outdoor_temperature",
    "unit": "Cel",
    "value": 21.4,
    "quality": {"level": "good", "reason": "good", "meaning": "as it should be", "detail": ""},
    "time": "2026-11-23T15:00:00.000000Z",
    "received": "2026-11-23T15:00:00.000000Z",
    "device_time": None,
    "gap": None,
    "resolution": "raw",
}
ROWS: dict[str, dict[str, Any]] = {
    "districts": {
        "id": "ciudad-maderas",
        "name": "Ciudad Maderas",
        "description": "Demonstration district",
        "timezone": "America/Mexico_City",
        "location": {"lat": 20.56, "lon": -100.26, "of": "district"},
        "sites": 21,
        "devices": 106,
        "points": 1290,
    },
    "sites": {
        "path": "ciudad-maderas/tower-a",
        "id": "tower-a",
        "district": "ciudad-maderas",
        "name": "Torre A",
        "kind": "ResidentialTower",
        "within": "barrio-norte",
        "location": _PLACE,
        "points": 48,
    },
    "devices": {
        "path": "ciudad-maderas/cistern-a1",
        "id": "cistern-a1",
        "district": "ciudad-maderas",
        "name": "Cisterna Torre A",
        "kind": "WaterTank",
        "profile": "water-tank-modbus",
        "site": "tower-a",
        "location": _PLACE,
        "points": ["level", "temperature"],
    },
    "points": {
        "path": "ciudad-maderas/met-2/air_temperature",
        "name": "air_temperature",
        "description": "",
        "district": "ciudad-maderas",
        "site": "parque",
        "device": "met-2",
        "kind": "WeatherStation",
        "profile": "weather-station-coap",
        "quantity": "outdoor_temperature",
        "unit": "Cel",
        "aggregation": "gauge",
        "states": [],
        "writable": False,
        "dataset": "ciudad-maderas/clima",
        "location": {"lat": 20.5631, "lon": -100.2661, "of": "device"},
        "latest": _NEWEST,
    },
    "profiles": {
        "id": "weather-station-coap",
        "kind": "WeatherStation",
        "points": [
            {
                "name": "rain",
                "quantity": "rain",
                "unit": "mm",
                "writable": False,
                "description": "",
            }
        ],
        "devices": 2,
    },
    "relations": {"district": "ciudad-maderas", "type": "measures", "from": "met-2", "to": "parque"},
    "quantities": {
        "points": 2,
        "name": "rain",
        "title": {"en": "Rain", "es": "Lluvia"},
        "unit": "mm",
        "aggregation": "counter",
        "states": [],
        "smart_data_model": None,
        "brick": None,
    },
}

EXAMPLES: dict[str, dict[str, Any]] = {
    kind: {"total": 1, "limit": 1000, "offset": 0, "next": None, kind: [row]} for kind, row in ROWS.items()
}
