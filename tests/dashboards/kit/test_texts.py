"""Texts in two languages, and names that stay names."""

import pytest

from dashboards.kit.texts import Text, in_markdown, same, shown

HOSTILE = (
    "<script>alert(1)</script>",
    "${__user.login}",
    "$__all",
    "[[site]]",
    "a \"b\" 'c'",
    "x\ny\x00z",
    "a, b : c\\",
)


def test_a_language_left_out_is_a_fault():
    """A text without its Spanish is not made."""

    with pytest.raises(ValueError, match="a language is missing"):
        Text("Power", "")


def test_filling_uses_each_language_for_its_own():
    """A Text filled into a Text speaks the language of the whole."""
    text = Text("{what} of {name}", "{what} de {name}").fill(what=Text("Power", "Potencia"), name="Torre A")

    assert (text.of("en"), text.of("es")) == ("Power of Torre A", "Potencia de Torre A")


@pytest.mark.parametrize("name", HOSTILE)
def test_grafana_finds_no_variable_in_a_name(name):
    """What Grafana takes for a variable (`$x`, `${x}`, `[[x]]`) is none any more, and looks the same."""
    import re

    variable = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}")

    assert not variable.search(shown(name))
    assert shown(name).isprintable() or "\u2060" in shown(name)


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_a_name_as_it_is(name):
    """No tag of HTML and no mark of Markdown is left in a name."""
    text = in_markdown(name)

    assert "<" not in text
    assert "script>" not in text


def test_a_name_of_nothing_is_a_dash():
    """A title is never empty."""

    assert same("\x00").en == "–"
