"""The page for integrators says what the models read."""

from pathlib import Path

from twin.model.reference import BEGIN, END, reference

PAGE = (Path(__file__).parents[3] / "docs" / "district.md").read_text(encoding="utf-8")


def test_page_has_every_key():
    """The tables of keys are those of the models, with their defaults and descriptions."""
    start, end = PAGE.index(BEGIN), PAGE.index(END) + len(END)

    assert PAGE[start:end] == reference()


def test_every_key_is_described():
    """No key is left without a meaning."""

    assert "| None |" not in reference()
    assert "Annotated" not in reference()
