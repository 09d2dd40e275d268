"""`docs/commanding.md`: its tables are those of the models, its example is a district's, every reason is in it."""

from __future__ import annotations

import re
from pathlib import Path

from barrio.assembly import load_all, profiles_folder
from connectors.registry import Connectors
from twin.commands.command import State, Why
from twin.commands.reference import BEGIN, END, reference
from twin.model.loader import built_in_districts

PAGE = Path(__file__).parents[3] / "docs" / "commanding.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_in_step():
    """What users read is what the models take; `python -m twin.commands.reference` prints it anew."""
    start, end = TEXT.index(BEGIN), TEXT.index(END) + len(END)

    assert TEXT[start:end] == reference()
    assert "None" not in reference()


def test_the_example_is_taken(tmp_path):
    """The file of the page, in the demo district, has no faults."""
    source = built_in_districts() / "ciudad-maderas"
    for name in ("district.yaml", "devices.yaml", "lamps.csv", "derived.yaml"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    [example] = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    (tmp_path / "commands.yaml").write_text(example)
    [district] = load_all([str(tmp_path)], Path(), Connectors(), profiles_folder())

    assert district.commands is not None
    assert {policy.rule.id for policy in district.commands.policies.values()} == {"dim", "contactor", "inlet"}


def test_every_state_and_reason_is_explained():
    """Nobody is refused for a reason that the page does not have."""
    page = set(re.findall(r"`([a-z_]+)`", TEXT))

    assert {state.value for state in State} - page == set()
    assert {why.value for why in Why} - page == set()
