"""What the documentation shows is what barrio takes."""

import re
import shutil
from pathlib import Path

from barrio.assembly import load_all, profiles_folder
from connectors.registry import Connectors
from twin.model.loader import built_in_districts

PAGE = Path(__file__).parents[2] / "docs" / "district.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
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


def section(title: str) -> str:
    """Return what stands under a heading of the page, up to the next one."""
    return re.split(r"^#+ ", PAGE.read_text(encoding="utf-8").partition(f"{title}\n")[2], flags=re.MULTILINE)[
        0
    ]


def test_ranges_and_overrides_of_the_page_are_a_district(tmp_path):
    """The entries with ranges and the table with columns of overrides, in the example's district, have no faults."""
    for name, text in EXAMPLE.findall(PAGE.read_text(encoding="utf-8")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    [(_, ranges)] = BLOCK.findall(section("### Ranges"))
    [(_, table)] = BLOCK.findall(section("### Tables and their overrides"))
    (tmp_path / "tanks.csv").write_text(table)
    entry = "tables: [{file: tanks.csv, profile: water-tank, site: tower-a}]\n"
    (tmp_path / "devices.yaml").write_text(ranges + entry)
    (tmp_path / "district.yaml").write_text(
        (tmp_path / "district.yaml").read_text().replace("cistern-north", "tank-1")
    )
    [district] = load_all([str(tmp_path)], Path(), Connectors(), profiles_folder())

    assert len(district.devices) == 400 + 32 + 20 + 2
    assert district.devices["room-107"].options.model_dump()["prefix"] == "Floor1.Room107"
    assert (district.devices["tank-2"].poll_s, district.devices["tank-2"].points["level"].scale) == (
        30.0,
        0.1,
    )


def test_secrets_of_the_page_are_names(tmp_path):
    """The option of the section on secrets is one, and holds no more than a name."""
    [(_, overrides)] = BLOCK.findall(section("## Secrets"))
    profile = tmp_path / "profiles" / "hall.yaml"
    profile.parent.mkdir()
    profile.write_text(
        "profile: hall\nprotocol: opcua\nkind: Hall\noptions: {user: barrio}\n"
        "points: {supply: {quantity: air_temperature, node: 'nsu=urn:x;s=T'}}\n"
    )
    entry = (
        "devices:\n  - id: hall\n    profile: hall\n    site: here\n    endpoint: opc.tcp://10.0.0.1\n    "
    )
    (tmp_path / "devices.yaml").write_text(entry + overrides)
    (tmp_path / "district.yaml").write_text(
        "district: d\nname: D\ntimezone: UTC\nlocation: {lat: 0, lon: 0}\nsites: [{id: here, kind: Hall}]\n"
    )
    [district] = load_all([str(tmp_path)], Path(), Connectors(), profiles_folder())

    assert district.devices["hall"].options.model_dump()["password"] == "bms"


def test_the_further_files_of_the_readme_are_right(tmp_path):
    """What the README shows of derived points, alarms, commands and services fits the demo district without a fault."""
    text = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    (block,) = [body for _, body in BLOCK.findall(text) if body.startswith("# derived.yaml")]
    _, *parts = re.split(r"^# (\w+)\.yaml\n", block, flags=re.MULTILINE)
    lists = {"derived": "derived", "alarms": "alarms", "commands": "commands", "services": "supply"}
    more = {
        "alarms": "- {id: lamp-silent, for: {kind: Streetlight}, silent: 30s}\n",
        "services": 'suppliers:\n- {id: aguas, webhook: "https://supplier.example/orders"}\n',
    }
    shutil.copytree(built_in_districts() / "ciudad-maderas", tmp_path / "town")
    # It gives away computed points that the README's files do not compute.
    (tmp_path / "town" / "datasets.yaml").unlink()
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        (tmp_path / "town" / f"{name}.yaml").write_text(f"{lists[name]}:\n{body}{more.get(name, '')}")
    [district] = load_all([str(tmp_path / "town")], Path(), Connectors(), profiles_folder())

    assert set(parts[::2]) == lists.keys()
    assert district.services is not None
    assert len(district.services.tanks) == 4
