"""`barrio demo`: the simulator in a process of its own, the platform in this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live as Screen

from barrio import logs
from barrio.api.server import address, bind
from barrio.assembly import load_all, profiles_folder
from barrio.commands.simulate import check_speed, sorted_out
from barrio.demo.chronicle import Chronicle
from barrio.demo.ports import free_base
from barrio.demo.story import WATCHED, Operator, faults_of
from barrio.demo.view import Events, View
from barrio.errors import AskError
from barrio.platform import Platform
from barrio.service import keep, run_loop, stop_on_signals
from barrio.settings import Settings, load_settings
from barrio.simulator.addresses import ports_of
from barrio.simulator.process import SimulatorProcess
from barrio.simulator.stand_in import stood_in
from barrio.status import snapshot
from connectors.registry import Connectors
from twin.clock import SystemClock
from twin.errors import StartError
from twin.model.spec import parse_duration

if TYPE_CHECKING:
    import socket

    from twin.model.district import District

DRAW_S = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command, as they were given."""

    district: str
    duration: str | None
    as_json: bool
    data: Path | None
    listen: str | None
    store: str | None
    base_port: int | None
    seed: int
    speed: float
    faults: list[str]
    story: bool = True


def demo(asked: Asked, console: Console | None = None) -> None:
    """Run the demo until it has lasted long enough or is stopped; says what it did when all is at rest."""
    for_s = _duration(asked.duration)
    check_speed(asked.speed)
    settings = load_settings(listen=asked.listen, store=asked.store, base_port=asked.base_port)
    logs.set_up(settings.log_level, settings.log_format)
    connectors = Connectors()
    district = load_all([asked.district], Path(), connectors, profiles_folder())[0]
    sorted_out(asked.faults, [district])
    with _data_folder(asked) as folder, _socket(settings, explicit=asked.listen is not None) as listening:
        own = replace_data(settings, folder)
        body = run_loop(_Demo(asked, own, connectors, district, listening, console or Console()).run(for_s))
    if asked.as_json:
        sys.stdout.write(json.dumps(body) + "\n")
        sys.stdout.flush()


def replace_data(settings: Settings, folder: Path) -> Settings:
    """Return the settings with another data folder."""
    return settings.model_copy(update={"data": folder})


def _duration(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise AskError("--for", f"{error}, found {text!r}") from None
    if seconds <= 0:
        raise AskError("--for", f"must be longer than nothing, found {text!r}")
    return seconds


@contextlib.contextmanager
def _data_folder(asked: Asked) -> Iterator[Path]:
    """Yield the folder that was asked for, or a fresh one that is removed afterwards."""
    if asked.data is not None:
        yield asked.data
        return
    with tempfile.TemporaryDirectory(prefix="barrio-demo-") as folder:
        _say(f"the data are in {folder} and removed at the end; --data DIR keeps them")
        yield Path(folder)


def _socket(settings: Settings, *, explicit: bool) -> socket.socket:
    """Return the HTTP socket; another port when the usual one is taken and nobody insisted on it."""
    try:
        return bind(settings.address)
    except StartError as error:
        if explicit:
            raise
        listening = bind(replace(settings.address, port=0))
        _say(f"{error}; HTTP is at {address(listening)} instead")
        return listening


def _say(words: str) -> None:
    sys.stderr.write(f"barrio: {words}\n")


@dataclass(slots=True)
class _Demo:
    """One demo, everything of it decided."""

    asked: Asked
    settings: Settings
    connectors: Connectors
    district: District
    listening: socket.socket
    console: Console
    told: tuple[str, ...] = ()

    async def run(self, for_s: float | None) -> dict[str, Any]:
        stop = stop_on_signals()
        base = free_base(self.settings.base_port, ports_of(self.district))
        here = stood_in([self.district], base)
        self.told = faults_of(self.district) if self.asked.story else ()
        async with await self._simulator(base):
            platform = Platform(here, self.settings, self.connectors, SystemClock())
            chronicle = Chronicle(platform)
            async with platform:
                await self._watched(platform, chronicle, stop, for_s)
                return report(platform) | {"story": [entry.as_json() for entry in chronicle.entries]}

    async def _simulator(self, base: int) -> SimulatorProcess:
        if not self.asked.as_json:
            _say(f"starting the simulator of {self.district.name}: {len(self.district.devices)} devices")
        return await SimulatorProcess.start(
            self.district.folder,
            base_port=base,
            seed=self.asked.seed,
            speed=self.asked.speed,
            faults=[*self.told, *self.asked.faults],
        )

    async def _watched(
        self, platform: Platform, chronicle: Chronicle, stop: asyncio.Event, for_s: float | None
    ) -> None:
        """Run the platform, with a live view where there is a terminal to draw on."""
        beside = [chronicle.run()] if for_s is None else [chronicle.run(), asyncio.sleep(for_s)]
        if self.told:
            beside.append(Operator(platform, self.district, chronicle).run())
        if self.asked.as_json or not self.console.is_terminal:
            if not self.asked.as_json:
                _say(f"answering at {address(self.listening)}, also in a browser")
            await keep(platform, self.listening, stop, *beside)
            return
        events = Events()
        logs.set_up(self.settings.log_level, "text", events)
        title = f"Barrio: {self.district.name}"
        where, data = address(self.listening), str(self.settings.data)
        watched = tuple(f"{self.district.id}/{point}" for point in WATCHED) if self.told else ()
        view = View(platform, where, data, events, title, called(), watched)
        with Screen(console=self.console, auto_refresh=False, vertical_overflow="crop") as screen:
            await keep(platform, self.listening, stop, *beside, _draw(view, screen))
        logs.set_up(self.settings.log_level, self.settings.log_format)
        self.console.print(last_words(report(platform)))


async def _draw(view: View, screen: Screen) -> None:
    while True:
        screen.update(view.draw(), refresh=True)
        await asyncio.sleep(DRAW_S)


def called() -> str:
    """Return how this process was called, so that the view can say what to type next."""
    return sys.argv[0] if Path(sys.argv[0]).name == "barrio" else "barrio"


def report(platform: Platform) -> dict[str, Any]:
    """Return what the demo did; null where a protocol stored nothing."""
    body = snapshot(platform)
    found = {name: platform.first_stored_s.get(name) for name in platform.catalogue.protocols}
    return body | {"first_stored_s": found}


def last_words(body: dict[str, Any]) -> str:
    """Return the end of a demo in one line."""
    readings = body["readings"]
    books = "the books balance" if body["balanced"] else "the books DO NOT balance"
    return (
        f"{readings['received']:,} readings received, {readings['unchanged']:,} unchanged, "
        f"{readings['stored']:,} stored, {readings['waiting']:,} waiting: {books}"
    )
