"""Libraries that are not there while others look for them."""

import importlib
import sys

import pytest

from barrio.absent import absent

NAME = "antigravity_of_barrio"


def test_a_library_is_not_there_meanwhile_and_is_afterwards(tmp_path, monkeypatch):
    (tmp_path / f"{NAME}.py").write_text("there = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    with absent(NAME), pytest.raises(ImportError):
        importlib.import_module(NAME)

    assert importlib.import_module(NAME).there
    with absent(NAME):
        assert importlib.import_module(NAME).there
    assert sys.modules.pop(NAME).there
