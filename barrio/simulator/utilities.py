"""How tanks, meters, transformers and solar inverters behave."""

from __future__ import annotations

import math

from barrio.simulator.subject import Instant, Subject, Values, bump, clamp

LOSSES = 0.02
"""Share of the power that a line or transformer loses on the way."""

DRAINED, DELIVERED, FULL_AT, FILLING = "drained", "delivered", "full at", "filling"
"""What a tank remembers: share an hour that it loses and gains besides, where that ends, whether it fills itself."""

_DRY = 0.06
_METER_SHOWS = 0.95
_FILL_BELOW, _FILL_UNTIL = 0.35, 0.95
_ORDER_BELOW, _ORDER_UNTIL = 0.22, 0.86
_PHASES = ("l1", "l2", "l3")
_UNBALANCE = (1.02, 0.99, 0.99)
_BASE_W = {"home": 26_000.0, "hospital": 180_000.0, "shops": 60_000.0, "work": 40_000.0, "street": 1_500.0}
_PEAK_W = {"home": 95_000.0, "hospital": 420_000.0, "shops": 520_000.0, "work": 210_000.0, "street": 6_000.0}


def water_drawn(me: Subject, now: Instant) -> float:
    """Return the draw of a building as a share of its tank an hour: morning and evening peaks."""
    peaks = (
        0.25
        + 1.3 * bump(now.hour, 7.2, 1.3)
        + 0.5 * bump(now.hour, 14.0, 1.8)
        + 0.9 * bump(now.hour, 20.5, 1.8)
    )
    return 0.06 * peaks * (0.5 + 0.5 * me.people(now)) * (1.0 + 0.15 * me.noise("draw", 240.0, now))


def water_tank(me: Subject, now: Instant) -> Values:
    """A cistern is drawn from all day and filled when it runs low; a lorry fills it past the inlet's meter."""
    capacity = me.rated("volume", 60.0) / 1.05
    fill = me.state.setdefault("fill", 0.4 + 0.5 * me.share("fill"))
    drained, delivered = me.state.get(DRAINED, 0.0), me.state.get(DELIVERED, 0.0)
    wants = me.state.get(FILLING) and not drained and not delivered
    filling = me.switched("valve_state", "open" if wants else "closed") == "open"
    share = water_drawn(me, now) + drained if fill > _DRY else 0.0
    most = _METER_SHOWS * me.rated("water_flow", math.inf)
    drawn = min(capacity * share, most)
    arriving = capacity * 0.28 * (1.0 + 0.05 * me.noise("supply", 300.0, now)) if filling else 0.0
    speed = clamp(35.0 + 420.0 * drawn / capacity, 0.0, 100.0)
    return {
        "level_ratio": 100.0 * fill,
        "tank_level": me.rated("tank_level", 3.2) * 0.95 * fill,
        "volume": capacity * fill,
        "inlet_flow": arriving,
        "outlet_flow": drawn,
        "water_flow": drawn,
        "inlet_meter": arriving,
        "water_meter_volume": drawn,
        "valve_state": "open" if filling else "closed",
        "pump_state": me.switched("pump_state", "on"),
        "pump_speed": speed,
        "pump_hours": 1.0,
        "pump_starts": 0.2,
        "water_pressure": 310.0 - 25.0 * drawn / capacity + 8.0 * me.noise("pressure", 120.0, now),
        "water_pressure_setpoint": me.setpoint("water_pressure_setpoint", 310.0),
        "water_temperature": 18.0 + 0.25 * (now.weather.temperature - 18.0),
        "residual_chlorine": 0.75 + 0.25 * me.noise("chlorine", 14_400.0, now),
        "ph": 7.4 + 0.2 * me.noise("ph", 20_000.0, now),
        "turbidity": 0.7 + 0.4 * me.noise("turbidity", 9_000.0, now),
        "conductivity": 520.0 + 40.0 * me.noise("salts", 30_000.0, now),
        "alarm_state": "alarm" if fill < 0.2 else "normal",
        "active_power": 200.0 + 5_500.0 * (speed / 100.0) ** 3,
        "share_drawn": share,
        "share_filled": arriving / capacity + delivered,
    }


def water_tank_moves(me: Subject, values: Values, seconds: float) -> None:
    """Settle the level after a step, and whether the inlet opens."""
    _tank_moves(me, values, seconds, 1.0)
    _two_point(me, _FILL_BELOW, _FILL_UNTIL)


def gas_tank(me: Subject, now: Instant) -> Values:
    """A gas tank lasts about nine days and is filled by a lorry within half an hour."""
    capacity = me.rated("volume", 5.0)
    fill = me.state.setdefault("fill", 0.3 + 0.5 * me.share("fill"))
    filling = bool(me.state.get(FILLING))
    use = (
        0.25
        + 1.5 * bump(now.hour, 7.3, 1.4)
        + 0.8 * bump(now.hour, 14.0, 1.6)
        + 1.2 * bump(now.hour, 20.5, 1.8)
    )
    drawn = 0.0042 * use * (1.0 + 0.1 * me.noise("draw", 300.0, now))
    lost = me.state.get(DRAINED, 0.0) if fill > _DRY else 0.0
    filling = filling and not lost
    # A cubic metre of liquefied gas gives about 250 of vapour.
    flow = drawn * capacity * 250.0
    return {
        "gas_level_ratio": 100.0 * fill,
        "level_ratio": 100.0 * fill,
        "volume": capacity * fill * 0.999,
        "gas_flow": flow,
        "gas_meter_volume": flow,
        "gas_pressure": 560.0
        + 14.0 * (now.weather.temperature - 20.0)
        + 20.0 * me.noise("pressure", 600.0, now),
        "device_temperature": now.weather.temperature + 0.004 * now.weather.irradiance,
        "methane": 3.0 + 2.0 * me.noise("leak", 900.0, now),
        "valve_state": me.switched("valve_state", "open"),
        "leak_alarm_state": "normal",
        "alarm_state": "alarm" if fill < 0.25 else "normal",
        "share_drawn": drawn + lost,
        "share_filled": (1.4 if filling else 0.0) + me.state.get(DELIVERED, 0.0),
    }


def gas_tank_moves(me: Subject, values: Values, seconds: float) -> None:
    """Settle the level after a step, and whether the lorry comes."""
    _tank_moves(me, values, seconds, 0.9)
    _two_point(me, _ORDER_BELOW, _ORDER_UNTIL)


def _tank_moves(me: Subject, values: Values, seconds: float, full: float) -> None:
    """Move the level by what came and went; a drain stops where the pumps run dry, a delivery where it was told to."""
    fill = me.state["was"] = me.state["fill"]
    balance = float(values["share_filled"]) - float(values["share_drawn"])
    low = min(_DRY, fill) if me.state.get(DRAINED) else 0.02
    high = max(fill, me.state.get(FULL_AT, full)) if me.state.get(DELIVERED) else full
    me.state["fill"] = clamp(fill + balance * seconds / 3_600.0, low, high)


def tank_cut(me: Subject, part: float) -> None:
    """Take a level back to where it stands after a part of the step that was begun."""
    was = me.state.get("was", me.state["fill"])
    me.state["fill"] = was + (me.state["fill"] - was) * part


def _two_point(me: Subject, below: float, until: float) -> None:
    if me.state["fill"] < below:
        me.state[FILLING] = 1.0
    elif me.state["fill"] > until:
        me.state[FILLING] = 0.0


def load(me: Subject, now: Instant) -> float:
    """Return the active power in W through a device that says nothing else of it.

    What it feeds, with losses, less what the sun gives; else the lamps that it controls; else what the people around
    it use. Negative power goes back to the grid.
    """
    if me.feeds:
        sun = sum(now.power_of(other) for other in me.sources)
        return sum(now.power_of(other) for other in me.feeds) * (1.0 + LOSSES) + sun
    if me.controls:
        return 60.0 + sum(now.power_of(other) for other in me.controls)
    usual = _BASE_W[me.activity] + _PEAK_W[me.activity] * math.pow(me.people(now), 1.3)
    cooling = 1.0 + 0.012 * max(0.0, now.weather.temperature - 22.0)
    wanted = usual * cooling * (0.8 + 0.4 * me.share("size")) * (1.0 + 0.06 * me.noise("load", 180.0, now))
    return min(wanted, 0.85 * me.rated("active_power", math.inf))


def electricity(me: Subject, now: Instant, power: float) -> Values:
    """What a three-phase meter shows for an active power in W; negative power flows back to the grid."""
    volts = me.nominal("voltage", 127.0) * (1.0 + 0.012 * me.noise("volts", 200.0, now))
    factor = clamp(0.955 + 0.02 * me.noise("factor", 700.0, now), 0.5, 1.0)
    apparent = abs(power) / factor
    reactive = math.sqrt(max(0.0, apparent**2 - power**2))
    values: Values = {
        "active_power": power,
        "reactive_power": reactive,
        "apparent_power": apparent,
        "power_factor": factor if power >= 0 else -factor,
        "voltage": volts,
        "line_voltage": volts * math.sqrt(3.0),
        "current": apparent / volts / 3.0,
        "frequency": me.mains_hz + 0.03 * me.noise("hertz", 45.0, now),
        "active_energy_import": max(0.0, power) / 1_000.0,
        "active_energy_export": max(0.0, -power) / 1_000.0,
        "reactive_energy_import": reactive / 1_000.0,
        "apparent_energy": apparent / 1_000.0,
        "peak_demand": me.rated("peak_demand", max(1_000.0, abs(power) * 1.2)) * 0.8,
        "thd_voltage": 2.1 + 0.5 * me.noise("thd_voltage", 900.0, now),
        "thd_current": 7.0 + 2.0 * me.noise("thd_current", 900.0, now),
        "voltage_imbalance": 0.8 + 0.3 * me.noise("imbalance", 900.0, now),
        "breaker_state": "closed",
    }
    for phase, weight in zip(_PHASES, _UNBALANCE, strict=True):
        own = volts * (1.0 + 0.004 * me.noise(f"volts_{phase}", 150.0, now))
        values[f"voltage_{phase}"] = own
        values[f"current_{phase}"] = apparent * weight / 3.0 / own
        values[f"active_power_{phase}"] = power * weight / 3.0
    return values


def transformer(me: Subject, now: Instant, power: float) -> Values:
    """Oil warms with the load and the day."""
    share = abs(power) / me.rated("active_power", 2_500_000.0)
    return {
        "transformer_temperature": 38.0
        + 34.0 * math.pow(share, 1.6)
        + 0.6 * (now.weather.temperature - 18.0),
        "fan_state": "on" if share > 0.55 else "off",
    }


def inverter(me: Subject, now: Instant) -> Values:
    """Power follows the light and falls with the warmth of the modules."""
    light = now.weather.irradiance * (1.0 + 0.015 * me.noise("light", 90.0, now))
    module = now.weather.temperature + 0.028 * light
    rating = me.rated("pv_power", 100_000.0)
    power = clamp(rating * 0.96 * light / 1_000.0 * (1.0 - 0.0038 * (module - 25.0)), 0.0, 0.995 * rating)
    power = power if power > 0.004 * rating else 0.0
    direct = 610.0 + 60.0 * power / rating if light > 5.0 else 0.0
    return {
        "pv_power": power,
        "pv_energy": power / 1_000.0,
        "active_power": power,
        "active_energy_export": power / 1_000.0,
        "inverter_state": "running" if power > 0.0 else "standby" if light > 5.0 else "off",
        "dc_voltage": direct,
        "dc_current": power / 0.975 / direct if direct else 0.0,
        "pv_module_temperature": module,
        "irradiance": light,
        "device_temperature": now.weather.temperature + 6.0 + 24.0 * power / rating,
        "run_hours": 1.0 if power > 0.0 else 0.0,
        "fault_state": "ok",
    }
