"""Words and colours of states, so that a picture of states says in words what it is, in either language.

A state that an alarm rule watches is shown as bad, whatever stands here; one of a district's own that stands not here
is shown by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from dashboards.kit.colours import (
    ATTENTION,
    BAD,
    BUSY,
    GOOD,
    GREEN,
    GREY,
    IDLE,
    ORANGE,
    PURPLE,
    SKY,
    UNKNOWN,
    VERMILLION,
    YELLOW,
)
from dashboards.kit.texts import Text, same

STATES: Mapping[str, tuple[Text, str]] = MappingProxyType(
    {
        "absent": (Text("absent", "ausente"), IDLE),
        "acknowledged": (Text("acknowledged", "reconocido"), SKY),
        "alarm": (Text("alarm", "alarma"), BAD),
        "amber": (Text("amber", "ámbar"), ORANGE),
        "automatic": (Text("automatic", "automático"), GOOD),
        "available": (Text("available", "disponible"), GOOD),
        "battery": (Text("battery", "batería"), ATTENTION),
        "broken_lantern": (Text("broken lantern", "luminaria rota"), BAD),
        "charging": (Text("charging", "cargando"), BUSY),
        "closed": (Text("closed", "cerrado"), GOOD),
        "closing": (Text("closing", "cerrando"), BUSY),
        "column_issue": (Text("column issue", "problema en el poste"), BAD),
        "cooling": (Text("cooling", "enfriando"), SKY),
        "defective_lamp": (Text("defective lamp", "lámpara defectuosa"), BAD),
        "delivered": (Text("delivered", "entregado"), GOOD),
        "delivering": (Text("delivering", "entregando"), BUSY),
        "discharging": (Text("discharging", "descargando"), ORANGE),
        "dry": (Text("dry", "seco"), IDLE),
        "due": (Text("due", "por hacer"), ATTENTION),
        "escalated": (Text("escalated", "escalado"), BAD),
        "fault": (Text("fault", "falla"), BAD),
        "finishing": (Text("finishing", "terminando"), BUSY),
        "flashing": (Text("flashing", "intermitente"), YELLOW),
        "free": (Text("free", "libre"), GOOD),
        "generator": (Text("generator", "planta de emergencia"), ATTENTION),
        "green": (Text("green", "verde"), GREEN),
        "heating": (Text("heating", "calentando"), ORANGE),
        "idle": (Text("idle", "en reposo"), IDLE),
        "jammed": (Text("jammed", "atascado"), BAD),
        "locked": (Text("locked", "con llave"), GOOD),
        "mains": (Text("mains", "red eléctrica"), GOOD),
        "manual": (Text("manual", "manual"), ATTENTION),
        "motion": (Text("motion", "movimiento"), BUSY),
        "moving": (Text("moving", "en movimiento"), BUSY),
        "none": (Text("none", "ninguna"), BAD),
        "normal": (Text("normal", "normal"), GOOD),
        "occupied": (Text("occupied", "ocupado"), ORANGE),
        "off": (Text("off", "apagado"), IDLE),
        "ok": (Text("ok", "bien"), GOOD),
        "on": (Text("on", "encendido"), BUSY),
        "open": (Text("open", "abierto"), BUSY),
        "opening": (Text("opening", "abriendo"), BUSY),
        "out_of_service": (Text("out of service", "fuera de servicio"), BAD),
        "overdue": (Text("overdue", "vencido"), BAD),
        "preparing": (Text("preparing", "preparando"), BUSY),
        "present": (Text("present", "presente"), BUSY),
        "pressed": (Text("pressed", "pulsado"), BAD),
        "rain": (Text("rain", "lluvia"), SKY),
        "red": (Text("red", "rojo"), VERMILLION),
        "released": (Text("released", "suelto"), GOOD),
        "requested": (Text("requested", "solicitado"), ATTENTION),
        "reserved": (Text("reserved", "reservado"), PURPLE),
        "running": (Text("running", "en marcha"), BUSY),
        "soon": (Text("soon", "pronto"), YELLOW),
        "standby": (Text("standby", "en espera"), IDLE),
        "starting": (Text("starting", "arrancando"), YELLOW),
        "still": (Text("still", "quieto"), IDLE),
        "stopped": (Text("stopped", "detenido"), IDLE),
        "suspended": (Text("suspended", "suspendido"), ATTENTION),
        "tripped": (Text("tripped", "disparado"), BAD),
        "unavailable": (Text("unavailable", "no disponible"), GREY),
        "unlocked": (Text("unlocked", "sin llave"), ORANGE),
        "ventilating": (Text("ventilating", "ventilando"), GOOD),
    }
)

PRIORITY: Mapping[str, tuple[Text, str]] = MappingProxyType(
    {
        "critical": (Text("⛔ critical", "⛔ crítica"), VERMILLION),
        "high": (Text("▲ high", "▲ alta"), ORANGE),
        "medium": (Text("◆ medium", "◆ media"), YELLOW),
        "low": (Text("● low", "● baja"), SKY),
    }
)
"""Priorities of alarms; each with a sign of its own."""

ALARM: Mapping[str, tuple[Text, str]] = MappingProxyType(
    {
        "normal": (Text("normal", "normal"), GOOD),
        "active": (Text("not acknowledged", "sin reconocer"), BAD),
        "acknowledged": (Text("acknowledged", "reconocida"), ORANGE),
        "returned": (Text("over, not acknowledged", "terminada, sin reconocer"), YELLOW),
        "shelved": (Text("shelved", "apartada"), PURPLE),
        "suppressed": (Text("has a cause above", "tiene otra causa"), GREY),
    }
)
"""States of alarms."""

UP: Mapping[str, tuple[Text, str]] = MappingProxyType(
    {"1": (Text("✓ up", "✓ en línea"), GOOD), "0": (Text("✗ silent", "✗ sin comunicación"), BAD)}
)
"""A device or link that is heard, or not."""

REASONS: Mapping[str, tuple[Text, str]] = MappingProxyType(
    {
        "not_heard_yet": (Text("never heard", "nunca comunicó"), ""),
        "link_down": (Text("link down", "enlace caído"), ""),
        "no_answer": (Text("no answer", "no responde"), ""),
        "silent": (Text("stopped sending", "dejó de enviar"), ""),
        "platform_stopped": (Text("barrio stopped", "barrio detenido"), ""),
        "buffer_full": (Text("spool full", "búfer lleno"), ""),
        "spool_damaged": (Text("spool damaged", "búfer dañado"), ""),
        "store_refused": (Text("database refused", "rechazado por la base"), ""),
    }
)
"""Why a device gave nothing: the reasons of `twin.quality` for what is absent."""


def shown_states(states: Iterable[str], alarming: Iterable[str] = ()) -> dict[str, tuple[Text, str]]:
    """Return what these states are shown as; those that are `alarming` as bad, with a sign."""
    bad = set(alarming)
    found: dict[str, tuple[Text, str]] = {}
    for state in states:
        words, colour = STATES.get(state, (same(state.replace("_", " ")), UNKNOWN))
        found[state] = (Text(f"⚠ {words.en}", f"⚠ {words.es}"), BAD) if state in bad else (words, colour)
    return found
