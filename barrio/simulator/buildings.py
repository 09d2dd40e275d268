"""How rooms, air handling units, plant, lifts and doors of a building behave."""

from __future__ import annotations

from barrio.simulator.subject import Instant, Subject, Values, bump, clamp

_ALWAYS_ON = frozenset({"hospital"})


def room(me: Subject, now: Instant) -> Values:
    """People bring warmth, breath and light; the set point brings the temperature back."""
    share = me.people(now)
    people = round(share * me.rated("occupancy", 12.0) * 0.9)
    setpoint = me.setpoint("temperature_setpoint", 22.5)
    outdoor = now.weather.temperature
    warmth = 0.9 * (share - 0.4) + 0.06 * (outdoor - 20.0) + 0.4 * me.noise("warmth", 1_800.0, now)
    present = people > 0
    return {
        "air_temperature": setpoint + warmth,
        "temperature_setpoint": setpoint,
        "relative_humidity": 46.0
        + 18.0 * (now.weather.humidity - 0.5)
        + 3.0 * me.noise("damp", 2_400.0, now),
        "co2": 425.0 + 620.0 * share + 40.0 * me.noise("co2", 700.0, now),
        "co2_setpoint": me.setpoint("co2_setpoint", 900.0),
        "tvoc": 140.0 + 160.0 * share + 30.0 * me.noise("tvoc", 1_500.0, now),
        "occupancy": float(people),
        "presence_state": "present" if present else "absent",
        "motion_state": "motion" if present and me.noise("motion", 95.0, now) > -0.6 else "still",
        "illuminance": 8.0 + (360.0 if present else 0.0) + 0.004 * now.weather.illuminance,
        "power_state": me.switched("power_state", "on" if present else "off"),
        "valve_position": clamp(35.0 + 30.0 * warmth, 0.0, 100.0),
        "blind_position": clamp(now.weather.irradiance / 9.0, 0.0, 100.0),
        "window_state": "closed",
        "noise_level": 34.0 + 22.0 * share + 3.0 * me.noise("noise", 120.0, now),
    }


def air_handling_unit(me: Subject, now: Instant) -> Values:
    """Fans follow the people, the coil follows the weather, the filter fills over a month."""
    share, outdoor = me.people(now), now.weather.temperature
    on = share > 0.06 or me.activity in _ALWAYS_ON
    demand = clamp((outdoor - 15.0) / 16.0 + 0.35 * share, 0.0, 1.0)
    mode = (
        "off" if not on else "cooling" if outdoor > 18.5 else "heating" if outdoor < 11.0 else "ventilating"
    )
    speed = clamp(42.0 + 50.0 * share + 2.0 * me.noise("speed", 300.0, now), 0.0, 100.0) if on else 0.0
    setpoint = me.setpoint("temperature_setpoint", 15.5)
    back = 22.8 + 1.4 * share + 0.3 * me.noise("back", 900.0, now)
    fresh = clamp(25.0 + 55.0 * share, 0.0, 100.0) if on else 0.0
    dirt = (now.time_s / 86_400.0 + 30.0 * me.share("filter")) % 30.0 / 30.0
    strength = (speed / 100.0) ** 2
    return {
        "ahu_mode": mode,
        "fan_state": "on" if on else "off",
        "fan_speed": speed,
        "supply_air_temperature": setpoint + 0.5 * me.noise("supply", 420.0, now) if on else back - 0.8,
        "return_air_temperature": back,
        "mixed_air_temperature": back + (outdoor - back) * fresh / 100.0,
        "outdoor_temperature": outdoor + 0.4,
        "temperature_setpoint": setpoint,
        "relative_humidity": 47.0
        + 14.0 * (now.weather.humidity - 0.5)
        + 2.0 * me.noise("damp", 1_800.0, now),
        "co2": 430.0 + 480.0 * share + 25.0 * me.noise("co2", 800.0, now),
        "damper_position": me.setpoint("damper_position", fresh),
        "valve_position": 100.0 * demand if mode == "cooling" else 30.0 if mode == "heating" else 0.0,
        "air_flow": me.rated("air_flow", 14_000.0) * 0.9 * speed / 100.0,
        "supply_air_pressure": 320.0 * strength,
        "filter_differential_pressure": (70.0 + 130.0 * dirt) * strength,
        "active_power": 150.0 + me.rated("active_power", 11_000.0) * 0.8 * (speed / 100.0) ** 3,
        "run_hours": 1.0 if on else 0.0,
    }


def chiller(me: Subject, now: Instant) -> Values:
    """Cold follows the heat outside and the people inside."""
    demand = clamp((now.weather.temperature - 12.0) / 20.0, 0.0, 1.0) * (0.4 + 0.6 * me.people(now))
    running = demand > 0.10
    demand = demand if running else 0.0
    spread = 1.0 + 4.5 * demand
    thermal = me.rated("thermal_power", 420_000.0) * 0.9 * demand
    cold = 7.0 + 0.3 * me.noise("cold", 500.0, now) + (0.0 if running else 3.0)
    return {
        "chiller_state": "running" if running else "standby",
        "supply_water_temperature": cold,
        "return_water_temperature": cold + spread,
        "temperature_setpoint": me.setpoint("temperature_setpoint", 7.0),
        "thermal_power": thermal,
        "thermal_energy": thermal / 1_000.0,
        # 1.163 kWh warm a cubic metre of water by one kelvin.
        "water_flow": thermal / 1_000.0 / (1.163 * spread),
        "water_differential_pressure": 40.0 + 120.0 * demand,
        "active_power": 900.0 + thermal / 4.2,
        "pump_state": "on" if running else "off",
        "pump_speed": 45.0 + 50.0 * demand if running else 0.0,
        "run_hours": 1.0 if running else 0.0,
    }


def boiler(me: Subject, now: Instant) -> Values:
    """Hot water is drawn in the morning and in the evening."""
    demand = 0.12 + 0.75 * bump(now.hour, 7.5, 1.8) + 0.45 * bump(now.hour, 20.0, 2.2)
    demand = clamp(demand * (1.0 + 0.1 * me.noise("draw", 400.0, now)), 0.0, 1.0)
    running = demand > 0.16
    thermal = me.rated("thermal_power", 180_000.0) * 0.85 * (demand if running else 0.02)
    hot = 63.0 + 1.5 * me.noise("hot", 600.0, now)
    return {
        "boiler_state": "running" if running else "standby",
        "supply_water_temperature": hot,
        "return_water_temperature": hot - 4.0 - 12.0 * demand,
        "hot_water_temperature": hot - 5.0,
        "temperature_setpoint": me.setpoint("temperature_setpoint", 63.0),
        "thermal_power": thermal,
        "thermal_energy": thermal / 1_000.0,
        # About 10.4 kWh a cubic metre of natural gas, at 90 % efficiency.
        "gas_flow": thermal / 1_000.0 / 10.4 / 0.9,
        "gas_meter_volume": thermal / 1_000.0 / 10.4 / 0.9,
        "water_pressure": 190.0 + 10.0 * me.noise("pressure", 900.0, now),
        "pump_state": "on" if running else "off",
        "run_hours": 1.0 if running else 0.0,
    }


def lift(me: Subject, now: Instant) -> Values:
    """A lift moves as often as people come and go."""
    share = me.people(now)
    moving = 0.5 + 0.5 * me.noise("trips", 45.0, now) < 0.15 + 0.45 * share
    return {
        "lift_state": "moving" if moving else "idle",
        "door_state": "closed" if moving else "open" if me.noise("door", 60.0, now) > 0.1 else "closed",
        "active_power": 350.0 + (7_500.0 if moving else 0.0),
        "run_hours": 0.1 + 0.5 * share,
    }


def door(me: Subject, now: Instant) -> Values:
    """A door stands open more often while people are about."""
    share = me.people(now)
    locked = share < 0.05
    swinging = not locked and 0.5 + 0.5 * me.noise("swing", 70.0, now) < 0.6 * share
    return {
        "door_state": "open" if swinging else "closed",
        "lock_state": me.switched("lock_state", "locked" if locked else "unlocked"),
        "pedestrian_count": 0.0 if locked else 420.0 * share,
    }


def generator(me: Subject, now: Instant) -> Values:
    """A standby set waits, warm and charged."""
    return {
        "generator_state": "off",
        "power_source_state": "mains",
        "battery_voltage": 26.8 + 0.2 * me.noise("charge", 3_600.0, now),
        "supply_water_temperature": 41.0 + 1.5 * me.noise("jacket", 1_800.0, now),
        "level_ratio": 88.0 - (now.time_s / 86_400.0 + 40.0 * me.share("fuel")) % 40.0 * 0.3,
        "active_power": 0.0,
        "active_energy_export": 0.0,
        "run_hours": 0.005,
    }
