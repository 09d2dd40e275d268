"""The table of states after ISA-18.2 / IEC 62682, and a small model of it against the engine."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.twin.alarms.stage import NS, staged
from twin.alarms.alarm import Key
from twin.alarms.states import TABLE, Happening, NotPossible, State, after, refusal

# From each state (rows) by each happening (columns): the next state, - where there is no way. ISA-18.2, the alarm
# state transition diagram: normal, unacknowledged, acknowledged, returned to normal unacknowledged, shelved, and
# suppressed by design.
DIAGRAM = """
              raised   returned  acknowledged  shelved  unshelved  suppressed  escalated
normal        active   -         -             shelved  -          suppressed  -
active        -        returned  acknowledged  shelved  -          suppressed  active
acknowledged  -        normal    -             shelved  -          suppressed  -
returned      active   -         normal        shelved  -          suppressed  -
shelved       -        -         -             shelved  normal     -           -
suppressed    active   normal    -             shelved  -          -           -
"""


def test_the_table_is_the_diagram():
    """Every way that the standard draws is there, and no other."""
    head, *rows = DIAGRAM.strip("\n").splitlines()
    drawn = {
        (State(row.split()[0]), Happening(name)): State(cell)
        for row in rows
        for name, cell in zip(head.split(), row.split()[1:], strict=True)
        if cell != "-"
    }

    assert {key: state for key, state in TABLE.items() if key[1] is not Happening.REMOVED} == drawn


def test_an_alarm_that_needs_no_acknowledgement():
    """It is taken for acknowledged when it is raised, so it never waits for anybody."""
    raised = after(State.NORMAL, Happening.RAISED, needs_ack=False)

    assert raised is State.ACKNOWLEDGED
    assert after(raised, Happening.RETURNED, needs_ack=False) is State.NORMAL


@pytest.mark.parametrize(
    ("state", "happening", "words"),
    [
        (State.NORMAL, Happening.ACKNOWLEDGED, "alarm 17 is normal: there is nothing to acknowledge"),
        (
            State.ACKNOWLEDGED,
            Happening.ACKNOWLEDGED,
            "alarm 17 is acknowledged: there is nothing left to acknowledge",
        ),
        (State.SHELVED, Happening.ACKNOWLEDGED, "alarm 17 is shelved: unshelve it first"),
        (State.SUPPRESSED, Happening.ACKNOWLEDGED, "alarm 17 is suppressed: acknowledge its cause"),
        (State.ACTIVE, Happening.UNSHELVED, "alarm 17 is active: it is not shelved"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(state, happening, words):
    """A person reads why."""
    assert refusal(17, state, happening) == words


class Model(RuleBasedStateMachine):
    """One alarm without delays that may have a cause, against a model of few lines."""

    def __init__(self):
        super().__init__()
        import tempfile
        from pathlib import Path

        self._folder = tempfile.TemporaryDirectory()
        text = (
            "alarms:\n"
            "  - {id: low, on: tank-1, point: level, below: 20 %, hold: 0, settle: 0}\n"
            "  - {id: closed, on: lamp-1, point: power, is: off, explains: {rules: [low], through: feeds}}\n"
        )
        relation = "relations: [{type: feeds, from: lamp-1, to: tank-1}]\n"
        from tests.twin.model.folders import DISTRICT

        start, _, rest = DISTRICT.partition("relations:\n")
        files = {"district.yaml": start + relation + rest.partition("\n")[2]}
        self.found = staged(Path(self._folder.name), text, files)
        self.state, self.low, self.cause, self.until = "normal", False, False, 0.0
        self.number = 0

    def teardown(self):
        self.found.close()
        self._folder.cleanup()

    def settle(self):
        """What follows by itself from the condition and the cause."""
        if self.state == "shelved" and self.found.clock.s >= self.until:
            self.state = "normal"
        if self.low and self.cause and self.state != "shelved":
            self.state = "suppressed"
        elif self.low and self.state in {"normal", "returned", "suppressed"}:
            self.state = "active"
        elif not self.low:
            follows = {"active": "returned", "acknowledged": "normal", "suppressed": "normal"}
            self.state = follows.get(self.state, self.state)

    @rule(low=st.booleans())
    def level(self, low):
        self.low = low
        self.found.say("tank-1/level", 10.0 if low else 50.0)
        self.settle()

    @rule(off=st.booleans())
    def power(self, off):
        self.cause = off
        self.found.say("lamp-1/power", "off" if off else "on")
        self.settle()
        self.found.wait(0.5)
        self.settle()

    @rule(seconds=st.sampled_from([1, 30, 100]))
    def wait(self, seconds):
        for _ in range(seconds):
            self.found.wait(1)
            self.settle()

    @rule()
    def acknowledge(self):
        allowed = self.state in {"active", "returned"}
        if self.do("acknowledge", allowed):
            self.state = "acknowledged" if self.state == "active" else "normal"

    @precondition(lambda self: self.number or self.state != "normal")
    @rule(seconds=st.sampled_from([10, 60]))
    def shelve(self, seconds):
        until = self.found.clock.now_ns() + seconds * NS
        if self.do("shelve", True, until):
            self.state, self.until = "shelved", self.found.clock.s + seconds

    @rule()
    def unshelve(self):
        if self.do("unshelve", self.state == "shelved"):
            self.state = "normal"
            self.settle()

    @rule()
    def restart(self):
        self.found = self.found.again()
        self.found.wait(0.25)
        self.found.say("lamp-1/power", "off" if self.cause else "on")
        self.found.say("tank-1/level", 10.0 if self.low else 50.0)
        self.found.wait(0.5)
        self.settle()

    def do(self, what, allowed, *more):
        """Ask for something; returns whether it was done, as it should have been."""
        place = self.found.alarms.register.all.places[Key("riverside", "low", "tank-1")]
        self.number = self.found.alarms.register.number(place)
        try:
            getattr(self.found.alarms, what)(self.number, *more, who="ana")
        except NotPossible:
            assert not allowed, f"{what} was refused in {self.state}"
            return False
        assert allowed, f"{what} was done in {self.state}"
        return True

    @invariant()
    def agree(self):
        assert self.found.state("low") == self.state


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
