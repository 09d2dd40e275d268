"""The page for integrators says what the models read."""

import re
from pathlib import Path

import pytest

from twin.model.loader import ALARMS_FILE, COMMANDS_FILE, DATASETS_FILE, DERIVED_FILE, SERVICES_FILE
from twin.model.reference import BEGIN, END, reference

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "district.md").read_text(encoding="utf-8")


def test_page_has_every_key():
    """The tables of keys are those of the models, with their defaults and descriptions."""
    start, end = PAGE.index(BEGIN), PAGE.index(END) + len(END)

    assert PAGE[start:end] == reference()


def test_every_key_is_described():
    """No key is left without a meaning."""

    assert "| None |" not in reference()
    assert "Annotated" not in reference()


@pytest.mark.parametrize("file", [DERIVED_FILE, ALARMS_FILE, COMMANDS_FILE, SERVICES_FILE, DATASETS_FILE])
def test_every_further_file_leads_to_its_keys(file):
    """Each file that a district may have is named on the page, with a page that has its lists of keys."""
    [pages] = re.findall(rf"^\| `{re.escape(file)}` \| .* \| (.*) \|$", PAGE, re.MULTILINE)
    [first, *_] = re.findall(r"\]\((\w+\.md)\)", pages)

    assert re.search(r"^\| `(for|on)` \|", (DOCS / first).read_text(encoding="utf-8"), re.MULTILINE)
