"""What `docs/utilities.md` shows is what a reader gets, in every language, and it is what the meters counted."""

from __future__ import annotations

import csv
import re
import sys
from decimal import Decimal

import httpx
import pytest

from tests.barrio.utilities import page, powerquery, town
from tests.servers import need

ENERGY = ("energy-1", "energy-2", "energy-3")
COUNTED = {town.path_of(device): town.total(device) for device in ENERGY}
_SUM = re.compile(r"(playas/energy-\d/energy)[ ,][^\n]*?(\d+\.\d{3})\b")


def printed(running, language):
    """Return the examples of a language with what each printed; those of R need it."""
    if language == "r":
        need("rscript")
    return running.printed(language)


def sums(outputs, words):
    """Return the first number with three decimals behind each meter, in what the example with these words printed."""
    [text] = [said for example, said in outputs if words in example.text]
    return {path: Decimal(number) for path, number in _SUM.findall(text)}


def test_every_example_runs():
    """The page has no example in a language that is not run or, where it cannot be, parsed and asked."""
    found = page.examples(page.PAGE.read_text(encoding="utf-8"))

    assert {one.language for one in found} == {*page.COMMANDS, "powerquery"}
    assert len(found) > 25


@pytest.mark.parametrize("language", sorted(page.COMMANDS))
def test_examples_print_what_the_page_shows(running, language):
    """Each prints just what stands below it, and nothing where nothing stands."""
    differ = [
        f"line {one.line}, shown:\n{one.shown}\nprinted:\n{said}"
        for one, said in printed(running, language)
        if not page.same(one.shown or "", said)
    ]

    assert not differ, "\n".join(differ)


def test_totals_are_what_the_meters_counted(running):
    """Curl and pandas print the same totals, and these are what the test let the meters count."""
    assert sums(printed(running, "sh"), "cut -d, -f1,3,7") == COUNTED
    assert sums(printed(running, "python"), "of_registers") == COUNTED


def test_totals_of_r_are_what_the_meters_counted(running):
    """They are sums of what `read.csv` made of the rows."""
    assert sums(printed(running, "r"), "aggregate(") == COUNTED


def test_the_query_for_excel_asks_and_sums_up(running):
    """What it asks for, with the token as a password, has the columns that it names; its sums are what was counted."""
    [example] = page.of("powerquery")
    read = powerquery.parse(example.text.replace(page.ADDRESS, running.url))
    asked = powerquery.request(read)
    answer = httpx.get(
        asked.url,
        params=dict(asked.query),
        headers=dict(asked.headers),
        auth=("any", running.token),
        trust_env=False,
    )
    rows = list(csv.DictReader(answer.text.splitlines()))

    assert answer.status_code == 200, answer.text
    assert set(powerquery.columns(read)) <= rows[0].keys()
    assert len(rows) == len(ENERGY) * town.QUARTERS_OF_MARCH
    assert powerquery.grouped(read).of(rows) == {(path, "kW.h"): total for path, total in COUNTED.items()}


def test_a_query_that_is_none_is_refused():
    """The parser would say so of the page's."""
    with pytest.raises(AssertionError, match="Expected to find"):
        powerquery.parse("let Answer = in Answer")


def test_outputs_are_compared(tmp_path, monkeypatch):
    """Other text is not the same, a blank at the end is; `…` is anything; a script that fails is no output."""
    monkeypatch.setattr(page, "of", lambda _: [page.Example("python", "import nothing_like_it", "", 1)])

    assert page.same("a …\nb", "a 1\nb  ")
    assert not page.same("a …\nb", "a 1\nc")
    assert not page.same("a", "ab")
    assert page.COMMANDS["python"] == [sys.executable]
    with pytest.raises(AssertionError, match="nothing_like_it"):
        page.run("python", "", tmp_path)
    with pytest.raises(ValueError, match="without an example"):
        page.examples("```text\nalone\n```\n")
