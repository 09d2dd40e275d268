"""What the documentation shows is what barrio takes."""

import re
from pathlib import Path

from barrio.assembly import load_all, profiles_folder
from connectors.registry import Connectors

PAGE = Path(__file__).parents[2] / "docs" / "district.md"
EXAMPLE = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_the_example_district_is_one(tmp_path):
    """The files of `docs/district.md`, copied from the page, are a district without faults."""
    for name, text in EXAMPLE.findall(PAGE.read_text(encoding="utf-8")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    [district] = load_all([str(tmp_path)], Path(), Connectors(), profiles_folder())

    assert set(district.devices) > {
        "cistern-north",
        "cistern-south",
        "lamp-001",
        "lamp-002",
        "post-001",
        "post-400",
    }
    assert len(district.devices) == 404
    assert "ciudad-maderas/cistern-north/level" in {point.path for _, point in district.points()}
