"""What drafts are written with: nothing that a device says gets out of its scalar, and no id is given twice."""

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.drafts import CHOOSE, Names, as_key, quoted, remark
from twin.model.catalogue import CATALOGUE
from twin.model.source import Faults
from twin.model.spec import is_id
from twin.model.yaml_source import parse_yaml

# YAML has no lone surrogates, nor does any file of UTF-8.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
HOSTILE = [
    '"}, secret: {quantity: co2}\n  x: {y: "',
    "a: b # c",
    "&anchor *alias !tag",
    "${secret:bms}",
    "\x1b[2J\x07\x00\x85\u2028\u202e",
    "\N{PILE OF POO} ñ \\ ' `",
    "---\n...",
]


@given(TEXTS)
@pytest.mark.parametrize("read", [yaml.safe_load, lambda text: yaml.load(text, yaml.CSafeLoader)])
def test_a_text_comes_back_as_it_was(read, text):
    """Whatever a device calls its things, one line of YAML says exactly that."""
    written = f"{{a: {quoted(text)}, b: 1}}"

    assert len(written.splitlines()) == 1
    assert read(written) == {"a": text, "b": 1}


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_gets_out_of_a_scalar(text):
    """A name that looks like more of a profile stays a name."""
    assert yaml.safe_load(f"a: {{b: {quoted(text)}}}  # {remark(text)}") == {"a": {"b": text}}


def test_what_is_no_text_is_a_fault_with_its_line():
    """A half character does not become another one: whoever reads the draft is told."""
    faults = Faults()
    parse_yaml(Path("draft.yaml"), f"a: 1\nb: {quoted(chr(0xD800))}\n", faults)

    assert [fault.line for fault in faults.found] == [2]


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 1_000_000])
def test_a_remark_is_one_line_of_bounded_length(text):
    """What a terminal would act upon is shown as a question mark."""
    found = remark(text)

    assert found.isprintable()
    assert len(found) <= 160


@given(st.lists(TEXTS | st.sampled_from(["", "A b", "a-b", "a_b_2", "no", "x" * 200]), max_size=40))
def test_every_name_is_an_id_that_no_other_has(texts):
    """Also where a device calls many things alike, or by nothing that an id may hold."""
    names = Names()
    made = [names.make(text) for text in texts]

    assert len(set(made)) == len(made)
    assert all(map(is_id, made))
    assert list(yaml.safe_load("".join(f"{as_key(name)}: 1\n" for name in made)) or {}) == made


def test_the_first_free_text_names_a_point():
    """What is nearest comes first; what lies around it tells things apart that are called alike."""
    names = Names()
    made = [names.make("value", f"{where} value") for where in ("north", "south", "south", "south")]

    assert made == ["value", "south_value", "south_value_2", "south_value_3"]


def test_twenty_thousand_things_of_one_name_take_no_time():
    """A server that calls everything alike holds up nobody."""
    names = Names()
    began = time.process_time()
    for _ in range(20_000):
        names.make("x")

    assert time.process_time() - began < 2


def test_what_is_left_to_choose_is_no_quantity():
    """So a draft fails the check until a person has chosen."""
    assert CHOOSE not in CATALOGUE
