"""Which behaviour a device has: by its kind where that is known, else by the quantities that it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.simulator import buildings, city, utilities
from barrio.simulator.subject import clamp
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from barrio.simulator.subject import Instant, Subject, Values
    from twin.model.district import Device, Point

KINDS: Mapping[str, Callable[[Subject, Instant], Values]] = {
    "Room": buildings.room,
    "AirHandlingUnit": buildings.air_handling_unit,
    "Chiller": buildings.chiller,
    "Boiler": buildings.boiler,
    "Elevator": buildings.lift,
    "Door": buildings.door,
    "Generator": buildings.generator,
    "WaterTank": utilities.water_tank,
    "GasTank": utilities.gas_tank,
    "Inverter": utilities.inverter,
    "Streetlight": city.streetlight,
    "LightingCabinet": city.cabinet,
    "TrafficCounter": city.traffic,
    "WeatherStation": city.weather_station,
    "AirQualityStation": city.air,
    "ParkingLot": city.parking,
    "Place": city.place,
    "WifiAccessPoint": city.access_point,
    "WasteContainer": city.waste,
    "EvCharger": city.charger,
}

# For kinds that are not known: the first quantity that a device gives decides.
_SIGNS: Mapping[str, str] = {
    "ahu_mode": "AirHandlingUnit", "supply_air_temperature": "AirHandlingUnit", "chiller_state": "Chiller",
    "boiler_state": "Boiler", "lift_state": "Elevator", "generator_state": "Generator", "gas_level_ratio": "GasTank",
    "pv_power": "Inverter", "inverter_state": "Inverter", "lamp_power": "Streetlight", "dimming_level": "Streetlight",
    "lamp_hours": "Streetlight", "contactor_state": "LightingCabinet", "vehicle_flow": "TrafficCounter",
    "vehicle_speed": "TrafficCounter", "vehicle_count": "TrafficCounter", "pedestrian_count": "TrafficCounter",
    "wind_speed": "WeatherStation", "outdoor_temperature": "WeatherStation", "pm25": "AirQualityStation",
    "no2": "AirQualityStation", "parking_spaces_free": "ParkingLot", "parking_state": "ParkingLot",
    "wifi_clients": "WifiAccessPoint", "waste_level_ratio": "WasteContainer", "ev_charger_state": "EvCharger",
    "level_ratio": "WaterTank", "tank_level": "WaterTank", "residual_chlorine": "WaterTank", "capacity": "Place",
    "co2": "Room", "air_temperature": "Room", "occupancy": "Room", "relative_humidity": "Room", "door_state": "Door",
}  # fmt: skip

_MOVES: Mapping[str, Callable[[Subject, Values, float], None]] = {
    "WaterTank": utilities.water_tank_moves,
    "GasTank": utilities.gas_tank_moves,
}

_CUTS: Mapping[str, Callable[[Subject, float], None]] = {
    "WaterTank": utilities.tank_cut,
    "GasTank": utilities.tank_cut,
}

TANKS = frozenset(_MOVES)
"""Kinds that can be drained and filled."""

CHANGES = frozenset({"Streetlight", "Elevator", "EvCharger"})
"""Kinds that switch rather than glide: between two steps they stay as they were."""

_ELECTRIC = frozenset({
    "active_power", "reactive_power", "apparent_power", "power_factor", "voltage", "line_voltage", "current",
    "frequency", "active_energy_import", "active_energy_export", "reactive_energy_import", "apparent_energy",
})  # fmt: skip


def kind_of(subject: Subject) -> str | None:
    """Return the kind that a device behaves as, None when neither kind nor quantities tell."""
    return kind_of_device(subject.device)


def kind_of_device(device: Device) -> str | None:
    """Return the same of a device of which nothing else is known yet."""
    if device.kind in KINDS:
        return device.kind
    signs = (_SIGNS.get(point.quantity.name) for point in device.points.values())
    return min((sign for sign in signs if sign), default=None)


def behave(me: Subject, now: Instant) -> Values:
    """Return all that a device shows at an instant, by point name and by quantity."""
    values = city.housekeeping(me, now)
    kind = kind_of(me)
    if kind is not None:
        values |= KINDS[kind](me, now)
    if not me.quantities.isdisjoint(_ELECTRIC):
        values |= _electric(me, now, values)
    for point in me.device.points.values():
        if point.name not in values and point.quantity.name not in values:
            values[point.name] = _unknown(me, now, point)
    return values


def move(me: Subject, values: Values, seconds: float) -> None:
    """Carry on what a device remembers from step to step."""
    moves = _MOVES.get(kind_of(me) or "")
    if moves is not None:
        moves(me, values, seconds)


def cut(me: Subject, part: float) -> None:
    """Take what `move` did back to where it stands after a part of its step, 0 to 1."""
    cuts = _CUTS.get(kind_of(me) or "")
    if cuts is not None:
        cuts(me, part)


def _electric(me: Subject, now: Instant, have: Values) -> Values:
    own = have.get("active_power")
    power = float(own) if own is not None else utilities.load(me, now)
    shown = -power if "pv_power" in have else power
    values = utilities.electricity(me, now, shown)
    if "pv_power" in have:
        values |= {"active_power": power, "power_factor": abs(float(values["power_factor"]))}
    if "transformer_temperature" in me.quantities:
        values |= utilities.transformer(me, now, power)
    return values


def _unknown(me: Subject, now: Instant, point: Point) -> float | str:
    """A plausible signal for a quantity that no behaviour knows."""
    slow = me.noise(point.name, 3_600.0, now)
    match point.quantity.aggregation:
        case Aggregation.STATE:
            names = list(dict.fromkeys(point.states.values()))
            return names[0 if slow < 0.6 else min(1, len(names) - 1)]
        case Aggregation.COUNTER:
            return 60.0 * (1.0 + 0.5 * slow)
        case _:
            middle, span = (point.minimum + point.maximum) / 2, point.maximum - point.minimum
            return clamp(middle + 0.3 * span * slow, point.minimum, point.maximum)
