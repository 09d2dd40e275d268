"""What the README shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import connectors.opcua
from connectors.registry import Connectors
from twin.model.loader import load_district

README = (Path(connectors.opcua.__file__).parent / "README.md").read_text()
DISTRICT = """
district: demo
name: Demo
timezone: America/Mexico_City
location: {lat: 20, lon: -100}
sites: [{id: hospital}]
"""
OTHERS = """
  - {id: hall, profile: meter-hall, site: hospital, endpoint: "opc.tcp://10.20.0.31:4840"}
  - {id: tanks, profile: tank-farm, site: hospital, endpoint: "opc.tcp://10.20.0.32:4840"}
"""


def test_the_examples_pass_the_check(tmp_path):
    """The profiles and the device that the README shows make a district without faults."""
    files = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", README, re.DOTALL))
    devices = files.pop("devices.yaml")
    (tmp_path / "profiles").mkdir()
    for name, text in files.items():
        (tmp_path / "profiles" / name).write_text(text)
    (tmp_path / "devices.yaml").write_text(devices + OTHERS)
    (tmp_path / "district.yaml").write_text(DISTRICT)
    district = load_district(tmp_path, Connectors(), [])

    assert set(files) == {"ahu-opcua.yaml", "meter-hall.yaml", "tank-farm.yaml"}
    assert set(district.devices) == {"ahu-3", "hall", "tanks"}
