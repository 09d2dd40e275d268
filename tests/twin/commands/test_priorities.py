"""The priority array against a model of forty lines that is nothing but a list of sixteen."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from twin.commands.priorities import PriorityArray, Slot

LEVELS = st.integers(1, 16)


class Arrays(RuleBasedStateMachine):
    """Any order of commands and releases."""

    def __init__(self):
        super().__init__()
        self.array = PriorityArray()
        self.model: list[Slot | None] = [None] * 16
        self.number = 0

    @rule(level=LEVELS, value=st.sampled_from([0.0, 40.0, "open"]))
    def command(self, level, value):
        self.number += 1
        slot = Slot(self.number, value, "ana", self.number)
        assert self.array.put(level, slot) == self.model[level - 1]
        self.model[level - 1] = slot

    @rule(level=LEVELS)
    def relinquish(self, level):
        assert self.array.relinquish(level) == self.model[level - 1]
        self.model[level - 1] = None

    @invariant()
    def the_strongest_is_the_first_that_is_set(self):
        wanted = next(((at + 1, slot) for at, slot in enumerate(self.model) if slot is not None), None)
        assert self.array.strongest() == wanted
        assert list(self.array) == [(at + 1, slot) for at, slot in enumerate(self.model) if slot is not None]
        assert len(self.array) == sum(slot is not None for slot in self.model)
        assert all(self.array.get(at + 1) == slot for at, slot in enumerate(self.model))


TestArrays = Arrays.TestCase


@pytest.mark.parametrize("level", [0, 17, -1])
def test_there_are_sixteen(level):
    """Another level is a mistake."""
    with pytest.raises(ValueError, match="1 to 16"):
        PriorityArray().put(level, Slot(1, 1.0, "ana", 0))
