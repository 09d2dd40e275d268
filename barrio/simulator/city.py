"""How street lighting, traffic, weather stations and other things of the street behave."""

from __future__ import annotations

import math

from barrio.simulator.subject import Instant, Subject, Values, bump, clamp

_FULL_UNTIL, _FULL_FROM = 23.0, 5.0


def streetlight(me: Subject, now: Instant) -> Values:
    """Burns while its cabinet gives it power, else while it is dark; dimmed in the small hours.

    Somebody's command goes first, but no command lights a lamp whose cabinet is open.
    """
    rating = me.rated("lamp_power", 100.0) * 0.9
    powered = is_supplied(me, now)
    late = now.hour >= _FULL_UNTIL or now.hour < _FULL_FROM
    usual = (60.0 if late else 100.0) if powered else 0.0
    level = me.setpoint("dimming_level", usual)
    on = me.switched("power_state", "on" if level > 0.0 else "off") == "on"
    on = on and (powered or not me.switches)
    level = (level or 100.0) if on else 0.0
    power = rating * (0.05 + 0.95 * level / 100.0) if on else 0.4
    return {
        "power_state": "on" if on else "off",
        "dimming_level": level,
        "lamp_power": power,
        "active_power": power,
        "lamp_current": power / 127.0 / 0.95,
        "voltage": me.nominal("voltage", 127.0) * (1.0 + 0.01 * me.noise("volts", 600.0, now)),
        "lamp_energy": power / 1_000.0,
        "lamp_hours": 1.0 if on else 0.0,
        "lamp_starts": 1.0 / 24.0,
        "lamp_fault_state": "ok",
        "driver_temperature": now.weather.temperature + 4.0 + 24.0 * power / rating,
        "ambient_light": min(
            now.weather.illuminance * (1.0 + 0.03 * me.noise("light", 300.0, now)), 150_000.0
        ),
        "color_temperature": me.setpoint("color_temperature", 3_000.0),
        "column_tilt": 0.3 + 0.2 * me.noise("tilt", 1_200.0, now),
        "lamp_motion_count": 60.0 * now.people("street"),
    }


def is_supplied(me: Subject, now: Instant) -> bool:
    """Whether a lamp has power: from the cabinets that control it, or by its own eye where none does."""
    cabinets = [other for other in me.switches if "contactor_state" in other.quantities]
    if not cabinets:
        return now.weather.dark
    return any(contactor(other, now) == "closed" for other in cabinets)


def contactor(me: Subject, now: Instant) -> str:
    """Return the state of a cabinet's contactor: it follows the light, or whoever set it."""
    return me.switched("contactor_state", "closed" if now.weather.dark else "open")


def cabinet(me: Subject, now: Instant) -> Values:
    """Switches the street's circuits with the light."""
    return {
        "contactor_state": contactor(me, now),
        "breaker_state": "closed",
        "cabinet_door_state": "closed",
        "control_mode": me.switched("control_mode", "automatic"),
        "ambient_light": min(now.weather.illuminance, 150_000.0),
        "device_temperature": now.weather.temperature + 6.0 + 0.006 * now.weather.irradiance,
    }


def traffic(me: Subject, now: Instant) -> Values:
    """Cars follow the street's day; the more there are, the slower they go."""
    capacity = me.rated("vehicle_flow", 1_800.0)
    flow = capacity * 0.75 * now.people("street") * (1.0 + 0.12 * me.noise("cars", 300.0, now)) * _size(me)
    share = clamp(flow / capacity, 0.0, 1.0)
    speed = 56.0 - 30.0 * share**2 + 3.0 * me.noise("speed", 120.0, now)
    walkers = 380.0 * now.people("shops") + 60.0 * now.people("street")
    return {
        "vehicle_count": flow,
        "vehicle_flow": flow,
        "vehicle_speed": speed,
        # A vehicle and the loop are about 7 m long: share of time over the loop = flow x 7 m / speed.
        "road_occupancy": clamp(100.0 * flow * 0.007 / speed, 0.0, 100.0),
        "pedestrian_count": walkers * _size(me),
        "bicycle_count": 26.0 * now.people("street") * _size(me),
        "noise_level": 46.0 + 7.5 * math.log10(1.0 + flow / 10.0) + 2.0 * me.noise("noise", 60.0, now),
    }


def weather_station(me: Subject, now: Instant) -> Values:
    """The sky as instruments see it."""
    sky = now.weather
    humidity = clamp(100.0 * sky.humidity + 1.0 * me.noise("damp", 900.0, now), 3.0, 100.0)
    temperature = sky.temperature + 0.3 * me.noise("shade", 700.0, now)
    return {
        "outdoor_temperature": temperature,
        "air_temperature": temperature,
        "outdoor_humidity": humidity,
        "relative_humidity": humidity,
        "dew_point": dew_point(temperature, humidity),
        "atmospheric_pressure": sky.pressure,
        "wind_speed": sky.wind,
        "wind_gust": sky.gust,
        "wind_direction": sky.direction,
        "rain": sky.rain,
        "rain_rate": sky.rain,
        "irradiance": sky.irradiance,
        "illuminance": min(sky.illuminance, 150_000.0),
        "ambient_light": min(sky.illuminance, 150_000.0),
        "uv_index": 11.0 * sky.irradiance / 1_000.0,
        "soil_moisture": clamp(
            28.0 + 20.0 * (sky.humidity - 0.5) + 4.0 * me.noise("soil", 40_000.0, now), 0.0, 100.0
        ),
        "soil_temperature": 18.0 + 0.35 * (sky.temperature - 18.0),
    }


def dew_point(temperature: float, humidity: float) -> float:
    """Return the dew point in Cel for a temperature in Cel and a humidity in %.

    Magnus formula with the constants of Sonntag (Zeitschrift für Meteorologie 70, 1990), over water.
    """
    gamma = math.log(max(humidity, 1.0) / 100.0) + 17.62 * temperature / (243.12 + temperature)
    return 243.12 * gamma / (17.62 - gamma)


def air(me: Subject, now: Instant) -> Values:
    """Traffic brings dust and exhaust, wind takes it away, sun makes ozone."""
    cars = now.people("street")
    still = clamp(1.6 - 0.2 * now.weather.wind, 0.4, 1.6)
    dust = (6.0 + 17.0 * cars * still) * (1.0 + 0.2 * me.noise("dust", 900.0, now))
    ozone = 24.0 + 0.075 * now.weather.irradiance + 8.0 * me.noise("ozone", 3_600.0, now)
    return {
        "pm1": 0.6 * dust,
        "pm25": dust,
        "pm10": 2.1 * dust,
        "no2": 9.0 + 38.0 * cars * still,
        "o3": max(2.0, ozone),
        "co": 0.25 + 0.7 * cars * still,
        "so2": 4.0 + 2.0 * me.noise("sulphur", 7_200.0, now),
        "air_quality_index": clamp(3.2 * dust, 0.0, 300.0),
        "noise_level": 42.0 + 18.0 * cars + 3.0 * me.noise("noise", 60.0, now),
    }


def parking(me: Subject, now: Instant) -> Values:
    """Spaces fill with the people of the place."""
    capacity = float(round(me.rated("parking_capacity", me.rated("parking_spaces_free", 240.0))))
    taken = float(round(capacity * clamp(0.05 + 0.85 * me.people(now), 0.0, 1.0)))
    return {
        "parking_capacity": capacity,
        "parking_spaces_occupied": taken,
        "parking_spaces_free": capacity - taken,
        "occupancy_ratio": 100.0 * taken / capacity,
        "parking_state": "occupied" if taken >= capacity else "free",
        "vehicle_count": 0.35 * capacity * me.people(now),
    }


def place(me: Subject, now: Instant) -> Values:
    """People in a public place, against what it holds."""
    capacity = float(round(me.rated("capacity", 400.0)))
    people = float(round(0.8 * capacity * me.people(now)))
    return {"capacity": capacity, "occupancy": people, "occupancy_ratio": 100.0 * people / capacity}


def access_point(me: Subject, now: Instant) -> Values:
    """Clients come with the people; the link suffers a little from them."""
    share = me.people(now)
    clients = float(round(me.rated("wifi_clients", 40.0) * 0.85 * share))
    return {
        "wifi_clients": clients,
        "data_rate": 0.2 + 1.4 * clients,
        "latency": 11.0 + 16.0 * share + 4.0 * me.noise("latency", 60.0, now),
        "packet_loss": clamp(0.2 + 0.8 * share + 0.2 * me.noise("loss", 120.0, now), 0.0, 100.0),
        "link_quality": clamp(94.0 - 12.0 * share + 3.0 * me.noise("link", 240.0, now), 0.0, 100.0),
    }


def waste(me: Subject, now: Instant) -> Values:
    """A container fills through the day and is emptied before dawn."""
    hours = (now.hour - 5.0) % 24.0
    share = (1.0 - math.exp(-hours / 14.0)) * (0.55 + 0.45 * me.share("waste"))
    return {"waste_level_ratio": 6.0 + 90.0 * share, "waste_temperature": now.weather.temperature + 5.0}


def charger(me: Subject, now: Instant) -> Values:
    """A car stands at the charger for a while, more often in the evening."""
    wanted = 0.25 + 0.4 * bump(now.hour, 19.0, 3.0)
    busy = 0.5 + 0.5 * me.noise("cars", 5_400.0, now) < wanted
    power = me.rated("ev_charger_power", 22_000.0) * 0.9 if busy else 0.0
    return {
        "ev_charger_state": "charging" if busy else "available",
        "ev_charger_power": power,
        "ev_charger_energy": power / 1_000.0,
        "active_power": power,
    }


def housekeeping(me: Subject, now: Instant) -> Values:
    """What a device says of itself."""
    return {
        "fault_state": "ok",
        "alarm_state": "normal",
        "fire_alarm_state": "normal",
        "smoke_alarm_state": "normal",
        "leak_alarm_state": "normal",
        "intrusion_alarm_state": "normal",
        "emergency_button_state": "released",
        "control_mode": me.switched("control_mode", "automatic"),
        "power_source_state": "mains",
        "battery_level": 72.0 + 24.0 * me.share("battery") + 2.0 * me.noise("battery", 30_000.0, now),
        "battery_voltage": 3.5 + 0.05 * me.noise("battery", 30_000.0, now),
        "signal_strength": -62.0 - 26.0 * me.share("signal") + 3.0 * me.noise("signal", 200.0, now),
        "device_temperature": now.weather.temperature + 8.0 + 0.004 * now.weather.irradiance,
        "device_uptime": 3_600.0,
        "link_quality": clamp(90.0 + 6.0 * me.noise("link", 300.0, now), 0.0, 100.0),
    }


def _size(me: Subject) -> float:
    return 0.7 + 0.3 * me.share("size")
