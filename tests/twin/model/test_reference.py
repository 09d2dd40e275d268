"""The page for integrators says what the models read, and its example loads."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, Field

from tests.twin.model import folders
from twin.model.loader import load_district
from twin.model.reference import BEGIN, END, reference
from twin.model.spec import Spec

PAGE = (Path(__file__).parents[3] / "docs" / "district.md").read_text(encoding="utf-8")


class Address(Spec):
    """The protocols' keys that the example uses."""

    register_: str = Field(default="", alias="register")
    type: str = ""
    order: str = ""
    path: str = ""


class StandIn:
    """A stand-in for a protocol that finds nothing wrong."""

    point_model: type[BaseModel] = Address
    options_model: type[BaseModel] = Spec

    def __init__(self, name: str, schemes: Mapping[str, int]) -> None:
        self.name = name
        self.schemes = schemes

    def check(self, device: object) -> Iterator[tuple[str, str]]:
        """Yield nothing."""
        return iter(())


def test_page_has_every_key():
    """The tables of keys are those of the models, with their defaults and descriptions."""
    start, end = PAGE.index(BEGIN), PAGE.index(END) + len(END)

    assert PAGE[start:end] == reference()


def test_every_key_is_described():
    """No key is left without a meaning."""

    assert "| None |" not in reference()
    assert "Annotated" not in reference()


def test_the_example_loads(tmp_path):
    """What the page shows is a whole district."""
    blocks = re.findall(r"`([a-z/-]+\.(?:yaml|csv))`\n\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    folders.write(tmp_path, dict(blocks))
    for name in ("tank", "lamp"):
        (tmp_path / "profiles" / f"{name}.yaml").unlink()
    schemas = {"modbus": StandIn("modbus", {"modbus+tcp": 502}), "coap": StandIn("coap", {"coap": 5683})}
    district = load_district(tmp_path, schemas, [])

    assert len(blocks) == 5
    assert next(point.path for _, point in district.points()) == "ciudad-maderas/cistern-north/level"
    assert len(district.devices) == 4
