"""A notification in words, for people who read mail: what, where, since when, what to do, where to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson

from twin.digest import DIGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.outbox_rows import Entry

Lang = Literal["en", "es"]
LONGEST_TITLE = 200

_EVENTS: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "raised": "alarm",
        "returned": "over",
        "acknowledged": "acknowledged",
        "shelved": "shelved",
        "unshelved": "no longer shelved",
        "suppressed": "suppressed",
        "escalated": "escalated",
        "requested": "request",
        "delivered": "delivered",
        "closed": "closed",
        "test": "test",
    },
    "es": {
        "raised": "alarma",
        "returned": "terminada",
        "acknowledged": "reconocida",
        "shelved": "aplazada",
        "unshelved": "ya no aplazada",
        "suppressed": "suprimida",
        "escalated": "escalada",
        "requested": "pedido",
        "delivered": "entregado",
        "closed": "cerrado",
        "test": "prueba",
    },
}
_PRIORITIES: Mapping[Lang, Mapping[str, str]] = {
    "en": {"critical": "critical", "high": "high", "medium": "medium", "low": "low"},
    "es": {"critical": "crítica", "high": "alta", "medium": "media", "low": "baja"},
}
_LABELS: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "what": "What",
        "where": "Where",
        "since": "Since",
        "until": "Until",
        "value": "Value",
        "priority": "Priority",
        "count": "How many",
        "who": "By",
        "comment": "Comment",
        "advice": "What to do",
        "link": "Look at",
    },
    "es": {
        "what": "Qué",
        "where": "Dónde",
        "since": "Desde",
        "until": "Hasta",
        "value": "Valor",
        "priority": "Prioridad",
        "count": "Cuántas",
        "who": "Por",
        "comment": "Comentario",
        "advice": "Qué hacer",
        "link": "Ver",
    },
}
_DIGEST: Mapping[Lang, tuple[str, str]] = {
    "en": ("{count} more notifications", "They came faster than this channel is told; the newest of them:"),
    "es": ("{count} avisos más", "Llegaron más rápido de lo que se avisa por este canal; los más recientes:"),
}
_TEST: Mapping[Lang, tuple[str, str]] = {
    "en": ("It works", "Somebody asked for this test. Notifications of barrio arrive here."),
    "es": ("Funciona", "Alguien pidió esta prueba. Los avisos de barrio llegan aquí."),
}


@dataclass(frozen=True, slots=True)
class Message:
    """A line and a text, with nothing in the line that would end it."""

    title: str
    text: str


def message(entry: Entry, lang: Lang) -> Message:
    """Return a notification as a message in a language; what people wrote in the district's files stays as it is."""
    body: dict[str, Any] = orjson.loads(entry.body)
    if entry.kind == DIGEST:
        return _digest(entry, body, lang)
    if entry.kind == "test":
        title, text = _TEST[lang]
        return Message(f"[{_EVENTS[lang]['test']}] {title}", text + "\n")
    happening = entry.kind.rpartition(".")[2]
    marks = [_EVENTS[lang].get(happening, happening)]
    if priority := body.get("priority"):
        marks.append(_PRIORITIES[lang].get(str(priority), str(priority)))
    title = _line(body.get("title") or body.get("text") or body.get("what") or entry.kind)
    return Message(_line(f"[{', '.join(marks)}] {title}")[:LONGEST_TITLE], _text(body, lang))


def _text(body: Mapping[str, Any], lang: Lang) -> str:
    known = {**body, "since": _moment(body.get("since")), "until": _moment(body.get("until"))}
    if known.get("priority"):
        known["priority"] = _PRIORITIES[lang].get(str(known["priority"]), known["priority"])
    labels = _LABELS[lang]
    wide = max(map(len, labels.values())) + 2
    # A value without its unit is for programs.
    said = {key: known.get(key) for key in labels if key != "value" or isinstance(known.get(key), str)}
    rows = [f"{labels[key] + ':':<{wide}}{_line(one)}" for key, one in said.items() if one not in (None, "")]
    intro = [str(body["text"]).strip(), ""] if body.get("text") else []
    return "\n".join([*intro, *rows]) + "\n"


def _digest(entry: Entry, body: Mapping[str, Any], lang: Lang) -> Message:
    title, why = _DIGEST[lang]
    shown = [f"- {_line(one)}" for one in body.get("shown", [])]
    span = {key: body.get(key) for key in ("since", "until")}
    place = _line(title.format(count=body.get("count", 0)))
    text = "\n".join([why, *shown, ""]) + "\n" + _text(span, lang)
    return Message(f"[{entry.channel.partition('/')[0]}] {place}", text)


def _moment(text: object) -> str:
    """Return `2026-11-28 09:15:00Z`."""
    return "" if text is None else str(text).replace("T", " ", 1)


def _line(text: object) -> str:
    """Return a text on one line, without what a mail or a terminal would act upon."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
