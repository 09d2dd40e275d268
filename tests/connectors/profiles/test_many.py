"""Many devices alike, each with keys of its own, with the connectors as they are."""

from pathlib import Path

import connectors
from connectors.registry import Connectors
from twin.model.loader import load_district

BUILT_IN = Path(connectors.__file__).parent / "profiles"
DISTRICT = "district: d\nname: D\ntimezone: UTC\nlocation: {lat: 0, lon: 0}\nsites: [{id: here}]\n"
RANGE = """\
devices:
  - id: "lamp-{001..400}"
    profile: streetlight-secure-coap
    site: here
    endpoint: "coap://10.20.{4..5}.{1..200}"
    overrides:
      options: {oscore: {sender_id: "00", recipient_id: "{1000..1399}", secret: "${secret:lamp-{001..400}}"}}
"""
TABLE = "tables: [{file: lamps.csv, profile: streetlight-secure-coap, site: here}]\n"
ROWS = """\
id,endpoint,options.oscore.sender_id,options.oscore.recipient_id,options.oscore.secret,points.power.maximum
lamp-1,coap://10.20.4.1,00,01,${secret:lamp-1},60
lamp-2,coap://10.20.4.2,00,02,${secret:lamp-2},
"""


def load(folder, **files):
    (folder / "district.yaml").write_text(DISTRICT)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return load_district(folder, Connectors(), [BUILT_IN]).devices


def test_four_hundred_lamps_with_a_key_each(tmp_path):
    """One entry gives every lamp its address, its id in the security context and the name of its secret."""
    devices = load(tmp_path, devices_yaml=RANGE)
    last = devices["lamp-400"].options.model_dump()["oscore"]

    assert len(devices) == 400
    assert (last["recipient_id"], last["secret"]) == ("1399", "lamp-400")
    assert devices["lamp-400"].points["dimming"].writable


def test_a_table_gives_keys_by_column(tmp_path):
    """Parts of an option and keys of a point are columns; what a cell leaves out is the profile's."""
    devices = load(tmp_path, devices_yaml=TABLE, lamps_csv=ROWS)
    options = [device.options.model_dump()["oscore"] for device in devices.values()]

    assert [option["recipient_id"] for option in options] == ["01", "02"]
    assert [option["secret"] for option in options] == ["lamp-1", "lamp-2"]
    assert [device.points["power"].maximum for device in devices.values()] == [60.0, 115.0]
