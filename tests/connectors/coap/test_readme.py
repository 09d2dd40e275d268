"""The README's examples pass `barrio check`, and it leaves nothing out."""

from __future__ import annotations

import re

import pytest

from connectors.coap.config import CoapOptions, CoapPoint
from connectors.registry import Connectors
from tests import ROOT
from twin.model.loader import load_district

README = (ROOT / "connectors" / "coap" / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"```yaml\n# (\S+)\n(.*?)```", README, re.DOTALL)


def test_the_examples_are_without_fault(tmp_path):
    """All of them together are a district."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "district.yaml").write_text(
        "district: d\nname: D\ntimezone: UTC\nlocation: {lat: 0, lon: 0}\nsites: [{id: avenue-1}]\n"
    )
    for name, text in EXAMPLES:
        (tmp_path / name).write_text(text)

    district = load_district(tmp_path, Connectors(), [])

    assert len(EXAMPLES) == 4
    assert list(district.devices) == ["lamp-017", "lamp-018", "bin-003"]


@pytest.mark.parametrize("name", sorted({*CoapPoint.model_fields, *CoapOptions.model_fields}))
def test_each_key_is_explained(name):
    """A point's keys and the options all stand in the README."""
    assert f"`{name}`" in README
