"""`docs/services.md`: its tables are those of the models, its example is a district's."""

from __future__ import annotations

import re
from pathlib import Path

from barrio.assembly import load_all, profiles_folder
from connectors.registry import Connectors
from twin.model.loader import built_in_districts
from twin.services.reference import BEGIN, END, reference

PAGE = Path(__file__).parents[3] / "docs" / "services.md"
TEXT = PAGE.read_text(encoding="utf-8")
OTHERS = {"alarms.yaml", "commands.yaml", "datasets.yaml"}
"""Files that name points of the services which the example replaces."""


def test_the_tables_are_in_step():
    """What users read is what the models take; `python -m twin.services.reference` prints it anew."""
    start, end = TEXT.index(BEGIN), TEXT.index(END) + len(END)

    assert TEXT[start:end] == reference()


def test_the_example_is_taken(tmp_path):
    """The file of the page, in the demo district, has no faults."""
    source = built_in_districts() / "ciudad-maderas"
    for file in source.iterdir():
        if file.suffix in {".yaml", ".csv"} and file.name not in OTHERS:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    [example] = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    (tmp_path / "services.yaml").write_text(example)
    [district] = load_all([str(tmp_path)], Path(), Connectors(), profiles_folder())

    assert district.services is not None
    assert len(district.services.tanks) == 4
    assert len(district.services.crowds) == 2
