"""Commands, releases, leases, restarts and links that come and go, in any order, against a model of thirty lines.

The model is a list of sixteen levels and the value before; the device must show the strongest of them whenever its
link is up and everything has settled, and the journal must know of every value that the device was sent.
"""

import asyncio
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.twin.commands.stage import LAMP_1, NS, ROLES, RULES, Field, Moved, Stage, district_of
from twin.chain import verify
from twin.commands.command import Refusal, State

LEVELS = st.integers(8, 16)
VALUES = st.sampled_from([20.0, 40.0, 60.0, 100.0])
BEFORE = 90.0


class AnyOrder(RuleBasedStateMachine):
    """One lamp."""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.district = district_of(self.folder / "district", RULES)
        self.clock, self.field = Moved(), Field()
        self.field.values[LAMP_1] = BEFORE
        self.levels: dict[int, tuple[float, int]] = {}
        self.stage = self.started()

    def started(self) -> Stage:
        stage = Stage(self.folder, self.district, self.clock, self.field)
        self.runner.run(stage.desk.restore())
        stage.show(LAMP_1, self.field.values[LAMP_1])
        return stage

    def teardown(self):
        self.runner.run(self.stage.close())
        assert verify(self.stage.audit.path).sound
        self.runner.close()
        shutil.rmtree(self.folder)

    @property
    def up(self) -> bool:
        return not self.field.away

    @rule(level=LEVELS, value=VALUES, lease=st.sampled_from([0, 5, 50]))
    def command(self, level, value, lease):
        command = self.runner.run(self.stage.ask(value=value, priority=level, lease_s=lease))
        if not self.up:
            assert command.reason == "link_down"
            return
        assert command.state in {State.CONFIRMED, State.WAITING}
        self.levels[level] = value, self.clock.now + lease * NS if lease else 2**62
        assert (command.state is State.WAITING) == (min(self.levels) < level)

    @rule(level=LEVELS)
    def release(self, level):
        held = level in self.levels
        with nullcontext() if held else pytest.raises(Refusal, match="nobody holds"):
            self.runner.run(self.stage.desk.release(LAMP_1, level, "ben", ROLES))
        self.levels.pop(level, None)

    @rule(seconds=st.sampled_from([1, 6, 61]))
    def time_passes(self, seconds):
        self.tick(seconds)

    @precondition(lambda self: self.up)
    @rule()
    def link_goes(self):
        self.field.away[LAMP_1] = "timed out"

    @precondition(lambda self: not self.up)
    @rule()
    def link_comes(self):
        self.field.away.clear()

    @rule()
    def restart(self):
        self.runner.run(self.stage.close())
        self.stage = self.started()

    def tick(self, seconds):
        self.runner.run(self.stage.tick(seconds))
        self.stage.show(LAMP_1, self.field.values[LAMP_1])
        self.levels = {level: slot for level, slot in self.levels.items() if self.clock.now < slot[1]}

    @invariant()
    def the_device_shows_the_strongest(self):
        self.tick(1)
        if self.up:
            for _ in range(3):
                self.tick(61 if self.stage.desk.desired() and self.stage.desk.desired()[0].owed else 0)
        standing = [one for one in self.stage.desk.desired() if one.priority <= 16]
        wanted = self.levels[min(self.levels)][0] if self.levels else BEFORE
        assert [one.value for one in standing] == ([wanted] if self.levels else [])
        if self.up:
            assert self.field.values[LAMP_1] == wanted
            assert not self.stage.desk.desired() or not self.stage.desk.desired()[0].owed


AnyOrder.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyOrder = AnyOrder.TestCase
