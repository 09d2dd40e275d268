"""Words of YAML as people mean them, and lines."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from twin.model.source import Faults
from twin.model.yaml_source import parse_yaml, resolve


@pytest.mark.parametrize(
    "word",
    [
        "on",
        "off",
        "yes",
        "no",
        "On",
        "y",
        "12:30",
        "1:2:3",
        "2026-01-01",
        "1_000",
        "0123",
        "007",
        "1.2.3",
        "0b1",
        "+",
        "-",
        ".",
        "e5",
        "0x",
        "nan",
        "inf",
        "=",
        "<<",
    ],
)
def test_text_stays_text(word):
    """Words that YAML 1.1 takes for truth values, times and dates are text."""

    assert resolve(word) == word


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("+5", 5),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", float("-inf")),
    ],
)
def test_numbers_and_truth_values(word, value):
    """What is a number or a truth value in YAML 1.2 is one here."""

    assert (resolve(word), type(resolve(word))) == (value, type(value))


@given(st.floats(allow_nan=False) | st.integers(-(2**64), 2**64) | st.booleans() | st.none())
def test_what_a_program_writes_is_read_back(value):
    """Plain values that YAML tools write come back as they were."""
    source = parse_yaml(Path("a.yaml"), yaml.safe_dump({"a": value}), Faults())

    assert source is not None
    assert source.data == {"a": value}


def test_the_global_loader_is_left_alone():
    """Other users of the YAML library in this process see no difference."""

    assert yaml.safe_load("on") is True


def test_quotes_make_text():
    """A quoted word is never anything but text."""
    source = parse_yaml(Path("a.yaml"), "a: \"1\"\nb: 'true'\nc: |\n  5\n", Faults())

    assert source is not None
    assert source.data == {"a": "1", "b": "true", "c": "5\n"}


def test_every_path_has_its_line():
    """A path leads to the line on which its key or item stands, also over blank lines and comments."""
    source = parse_yaml(Path("a.yaml"), "# head\na:\n\n  - x\n  - {b: 1,\n     c: 2}\n1: y\n", Faults())

    assert source is not None
    assert [source.line(where) for where in [("a",), ("a", 0), ("a", 1, "b"), ("a", 1, "c"), ("1",)]] == [
        2,
        4,
        5,
        6,
        7,
    ]
    assert source.line(("a", 1, "missing", "deeper")) == 5


def test_deep_nesting_ends_early():
    """A million brackets are refused without using up the stack."""
    faults = Faults()

    assert parse_yaml(Path("a.yaml"), "[" * 1_000_000, faults) is None
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("text", "advised"),
    [
        ("{id: lamp-{001..400}, site: here}", True),
        ("{id: a, password: ${secret:bms}}", True),
        ("{node: s={prefix}.Level}", True),
        ('{id: "lamp-{001..400}", site: here]', False),
        ("{id: a, site: [b}", False),
    ],
)
def test_braces_without_quotes_are_recognised(text, advised):
    """Whoever forgets the quotes around a range, a secret or a placeholder is told to put them."""
    faults = Faults()
    parse_yaml(Path("devices.yaml"), text, faults)

    assert len(faults) == 1
    assert ("in quotes" in faults.found[0].message) == advised
