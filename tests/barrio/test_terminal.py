"""What devices and servers say reaches a terminal as text."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from barrio import cli
from barrio.commands import ask, check
from barrio.settings import Settings
from barrio.terminal import plain
from twin.errors import TransientError

ATTACK = "pump\x1b]52;c;cm0gLXJm\x07 \u202edlog\x9b2J\nok"
HARMLESS = "pump�]52;c;cm0gLXJm� �dlog�2J�ok"


def test_signs_that_steer_a_terminal_are_marked():
    """Escape sequences, line ends and turned writing are shown as marks; words of people stay as they are."""
    assert plain(ATTACK) == HARMLESS
    assert plain("año · 21 °C — \N{PILE OF POO}") == "año · 21 °C — \N{PILE OF POO}"


def test_an_error_keeps_its_lines_and_nothing_else(monkeypatch, capsys):
    """A fault a line, whatever a server or the name of a file says in it."""

    def fails():
        raise TransientError("opc.tcp://10.0.0.1:4840", ATTACK)

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit):
        cli.main()

    assert capsys.readouterr().err == f"barrio: opc.tcp://10.0.0.1:4840: {HARMLESS[:-3]}\nbarrio: ok\n"


def test_answers_of_the_platform_are_shown_as_text(monkeypatch):
    """Alarms, strangers and reasons come from devices; their words are shown, not acted upon."""
    one = {"at": "2026-01-01T00:00:00Z", "device": "d/pump", "severity": 1, "active": None, "words": ATTACK}
    monkeypatch.setattr(ask, "answers", None)
    monkeypatch.setattr(ask, "run_loop", lambda asked: asked.close() or {"events": [one]})

    assert ask.events(Settings(), [], {}, machine=False).splitlines()[1].endswith(HARMLESS)
    assert HARMLESS in ask.events(Settings(), [], {}, machine=True)


async def test_what_a_device_calls_itself_is_shown_as_text():
    """A trial of the links repeats the device's own name."""

    async def probe():
        return ATTACK

    link = SimpleNamespace(name="modbus+tcp://10.0.0.1:502", probe=probe)

    assert await check._probe(cast("Any", link), asyncio.Semaphore(1)) == (
        f"modbus+tcp://10.0.0.1:502: answers: {HARMLESS}",
        True,
    )
