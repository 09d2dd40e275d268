"""How links are kept: what is tried again, when, and how often that is said."""

import ast
import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from barrio import supervisor
from barrio.supervisor import Supervisor
from tests import ROOT
from tests.barrio.moved import MovedClock, MovedLoop
from tests.barrio.scripted import until
from twin.clock import SystemClock
from twin.errors import TransientError

GONE_S = 3600.0
WITHIN_S = 5.0
SYN_AGAIN_S = (1.0, 3.0)
"""When Linux sends a SYN again that nobody answered (tcp(7), initial timeout of one second, doubled)."""


@dataclass
class Peer:
    """A link to a peer that is away until `back_at`; a try that nobody answers ends after `patience_s`."""

    name: str
    back_at: float
    patience_s: float
    devices: tuple[Any, ...] = ()
    security: str = "none"
    up_at: float = 0.0
    tries: list[float] = field(default_factory=list)

    async def run(self, sink):
        now = asyncio.get_running_loop().time
        began = now()
        self.tries.append(began)
        for wait_s in (0.0, *SYN_AGAIN_S):
            if wait_s >= self.patience_s:
                break
            await asyncio.sleep(began + wait_s - now())
            if now() >= self.back_at:
                self.up_at = now()
                sink.up()
                await asyncio.Event().wait()
        await asyncio.sleep(began + self.patience_s - now())
        raise TransientError(self.name, "no connection")


class Nothing:
    """Gaps, intake and desk of links without points."""

    def silent(self, ids, reason, words, now):
        pass


def kept(make):
    """Run links until all are up, in moved time; returns the links and what was noted."""
    noted = []

    async def main():
        start = asyncio.get_running_loop().time()
        links = [make(number, start) for number in range(20)]
        nothing: Any = Nothing()
        keeper = Supervisor(
            [("test", link) for link in links],
            nothing,
            nothing,
            MovedClock(),
            lambda *note: noted.append(note),
            nothing,
        )
        work = asyncio.create_task(keeper.run())
        while not work.done() and not all(link.up_at for link in links):
            await asyncio.sleep(10)
            assert asyncio.get_running_loop().time() < start + 3 * GONE_S
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        return links

    with asyncio.Runner(loop_factory=MovedLoop) as runner:
        return runner.run(main()), noted


@pytest.mark.parametrize("patience_s", [0.0, 3.0, 4.0], ids=["refused", "silent for 3 s", "silent for 4 s"])
def test_a_peer_that_was_gone_for_an_hour_is_read_again_within_5_s(patience_s):
    """20 of 20, whether tries were refused at once or ran into their time limit, whenever the peer comes back."""
    chance = random.Random(7)
    links, _ = kept(
        lambda n, start: Peer(str(n), start + GONE_S + chance.uniform(0, 10), patience_s or 0.001)
    )

    assert [link.up_at - link.back_at for link in links if link.up_at - link.back_at > WITHIN_S] == []
    assert all(len(link.tries) > 100 for link in links)


def test_waits_grow_and_are_jittered():
    """A peer that is away is not hammered, and twenty that went together do not come back in step."""
    links, _ = kept(lambda n, start: Peer(str(n), start + 60, 0.001))
    waits = [np.diff(link.tries) for link in links]

    assert max(wait[0] for wait in waits) <= supervisor.FIRST_WAIT_S + 0.1
    assert all(wait[5:].min() >= supervisor.MAX_WAIT_S / 2 for wait in waits)
    assert all(wait.max() <= supervisor.MAX_WAIT_S + 0.1 for wait in waits)
    assert len({round(link.tries[-1], 2) for link in links}) > 10


def test_an_outage_is_said_once_when_it_begins_and_once_when_it_ends():
    """However many tries it took."""
    _, noted = kept(lambda n, start: Peer(str(n), start + GONE_S, 0.001))

    assert sorted(kind for kind, *_ in noted) == ["link_down"] * 20 + ["link_up"] * 20


def test_a_link_that_returns_is_a_bug():
    """A coroutine that ends without a reason would leave its devices unread in silence."""

    class Ends(Peer):
        async def run(self, sink):
            return

    with pytest.raises(ExceptionGroup) as caught:
        kept(lambda n, start: Ends(str(n), start, 0.001))

    assert "run() ends only by cancellation" in str(caught.value.exceptions[0])


@dataclass
class Stubborn(Peer):
    """A link that makes something else of its first cancellation: a loss, or an end."""

    tells: bool = True
    told: bool = False

    async def run(self, sink):
        sink.up()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.told:
                raise
            self.told = True
            if self.tells:
                raise TransientError(self.name, "lost just then") from None


@pytest.mark.parametrize("tells", [True, False])
async def test_a_stop_is_heeded_whatever_a_link_makes_of_it(tells):
    """A link that turns its cancellation into a loss is not tried again, and a stop does not wait for it."""
    link: Any = Stubborn("stubborn", 0.0, 0.0, tells=tells)
    nothing: Any = Nothing()
    keeper = Supervisor([("scripted", link)], nothing, nothing, SystemClock(), lambda *_: None, nothing)
    running = asyncio.create_task(keeper.run())
    await until(lambda: keeper.links[0][0].up)
    running.cancel()
    await asyncio.wait({running}, timeout=5)

    assert running.cancelled()


def test_one_place_only_takes_a_bug_for_an_answer():
    """Whoever catches everything raises it again, there or where it is awaited; a bug is never passed over."""
    elsewhere = {
        "connectors/modbus/session.py": "raised by run, since a callback has nobody to raise it to",
        "barrio/notify/daemon.py": "raised where the work of the thread is awaited",
    }
    quiet = [
        str(path.relative_to(ROOT))
        for top in ("barrio", "connectors", "dashboards", "provisioning", "twin")
        for path in sorted((ROOT / top).rglob("*.py"))
        for handler in ast.walk(ast.parse(path.read_text("utf-8")))
        if catches_all(handler) and not any(isinstance(one, ast.Raise) for one in ast.walk(handler))
    ]
    told = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "barrio").rglob("*.py"))
        for handler in ast.walk(ast.parse(path.read_text("utf-8")))
        if catches_all(handler, "Exception")
    ]

    assert sorted(quiet) == sorted(elsewhere)
    assert told == ["barrio/supervisor.py"]


def catches_all(node: ast.AST, *names: str) -> bool:
    """Whether a node is an `except` or a `suppress` of everything, or of `names`."""
    everything = set(names or ("Exception", "BaseException"))
    if isinstance(node, ast.ExceptHandler):
        caught = [] if node.type is None else [node.type]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
        caught = list(node.args)
    else:
        return False
    found = {one.id for part in caught for one in ast.walk(part) if isinstance(one, ast.Name)}
    return bool(found & everything) or (isinstance(node, ast.ExceptHandler) and not caught)
