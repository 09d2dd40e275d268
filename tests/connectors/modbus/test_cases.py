"""What devices have answered, a folder each: the points, the bytes of the answer, and what they mean.

A report of a wrong value becomes a folder here.
"""

import json
import math
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml

from connectors.conformance.recording import bind, device
from connectors.modbus import connector
from connectors.modbus.codec import BlockCodec
from connectors.modbus.config import Order
from connectors.modbus.plan import plan
from twin.quality import Reason

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_an_answer_means_what_it_meant(case):
    """Every point of the case has its value, its quality and its words."""
    points = yaml.safe_load((case / "points.yaml").read_text())
    payload = bytes.fromhex((case / "answer.hex").read_text())
    [[block]] = [group.blocks for group in plan(bind(device(connector, "modbus+tcp://127.0.0.1", points)))]
    codec = BlockCodec(block, Order.ABCD)

    found = codec.decode(payload)

    assert len(payload) == block.payload_size
    quality = np.zeros(len(codec.ids), np.uint8) if found.quality is None else found.quality
    told = {
        bound.point.name: (
            None if math.isnan(found.values[at]) else float(found.values[at]),
            Reason(int(quality[at])).slug,
            found.details.get(at, ""),
        )
        for at, bound in enumerate(codec.points)
    }
    expected = yaml.safe_load((case / "expected.yaml").read_text())
    assert told == {
        name: (value, reason, "".join(words)) for name, (value, reason, *words) in expected.items()
    }


def test_the_addresses_of_the_inverter_are_sunspec_s():
    """Offsets, types and scale factors of the case agree with the model that pysunspec2 carries."""
    model = json.loads(files("sunspec2").joinpath("models/json/model_103.json").read_text())
    at, places = 40069, {}
    for point in model["group"]["points"]:
        places[point["name"]] = at, point
        at += point["size"]
    names = {
        "current": "A",
        "voltage_ab": "PPVphAB",
        "voltage_a": "PhVphA",
        "power": "W",
        "frequency": "Hz",
        "energy": "WH",
        "dc_voltage": "DCV",
        "cabinet": "TmpCab",
        "heat_sink": "TmpSnk",
        "transformer": "TmpTrns",
    }
    case = next(path for path in CASES if path.name == "inverter_at_night")
    points = yaml.safe_load((case / "points.yaml").read_text())

    for name, keys in points.items():
        start, point = places[names[name]]
        assert keys["register"] == f"holding:{start}"
        assert keys.get("type", "uint16") == point["type"].replace("acc", "uint")
        if "scale_factor" in keys:
            assert keys["scale_factor"] == f"holding:{places[point['sf']][0]}"
