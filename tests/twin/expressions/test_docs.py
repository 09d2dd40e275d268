"""The page on expressions says what is: its examples are checked, its tables generated."""

import re
from functools import cache
from pathlib import Path

import pytest

import connectors
from connectors.registry import Connectors
from tests import ROOT
from twin.derived.reference import BEGIN, END, FILTERS, reference
from twin.derived.spec import DerivedFileSpec
from twin.expressions.checked import ExpressionError, check_text
from twin.expressions.scope import Scope
from twin.expressions.selection import KEYS
from twin.model.ground import Ground
from twin.model.loader import built_in_districts, load_district
from twin.model.reading import Reading

PAGE = (ROOT / "docs/expressions.md").read_text(encoding="utf-8")


def table(head: str) -> list[tuple[str, str, str]]:
    """Return the rows of a table of the page."""
    after = PAGE.split(head, 1)[1].split("\n\n", 1)[0]
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \| (.*?) \|$", after, re.MULTILINE)
    return [(on, text, said) for on, text, said in rows]


@cache
def ground() -> Ground:
    """Return the ground of the district that comes with barrio."""
    folder = built_in_districts() / "ciudad-maderas"
    found = load_district(folder, Connectors(), [Path(connectors.__file__).parent / "profiles"])
    return Ground(found.id, found.zone, found.location, found.sites, found.devices, found.graph)


@pytest.mark.parametrize(("on", "text", "gives"), table("| on | expression | gives |"))
def test_examples(on, text, gives):
    """Every example of the page is an expression in the demo district and gives what the page says."""
    assert check_text(text, Scope(ground(), on)).unit_kind == gives


@pytest.mark.parametrize(("on", "text", "because"), table("| on | refused | because |"))
def test_refused_examples(on, text, because):
    """Every example of what is refused is refused in the words of the page."""
    with pytest.raises(ExpressionError) as found:
        check_text(text, Scope(ground(), on))

    assert because in str(found.value)


def test_there_are_examples():
    """The page has examples of both."""
    assert len(table("| on | expression | gives |")) >= 15
    assert len(table("| on | refused | because |")) >= 8


def test_the_tables_are_those_of_the_code():
    """The generated part is what the code says now: `python -m twin.derived.reference`."""
    assert PAGE[PAGE.index(BEGIN) : PAGE.index(END) + len(END)] == reference()


def test_every_filter_is_told():
    """No condition of a filter is left out of the page."""
    assert {re.split(r" (?:within|=|X)", form)[0] for form in FILTERS} == set(KEYS)


def test_the_file_of_the_page_is_one(tmp_path):
    """The example of `derived.yaml` has the shape of one."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "derived.yaml"
    path.write_text(text)
    source = Reading().yaml(path)

    assert source is not None
    assert len(DerivedFileSpec.model_validate(source.data).derived) == 2
