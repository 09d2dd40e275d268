"""SunSpec: the chain of models that a device says it has, and the profiles of the library that read them.

The map begins with the word `SunS` at one of three addresses; then come models, each with its id, the length of what
follows and that many registers, up to a model of id 0xFFFF. What a model holds is not known here: the profiles of the
library were checked against the published models, register by register.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from connectors.modbus.asker import numbers
from connectors.modbus.pdu import read
from connectors.modbus.registers import LAST_ADDRESS, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connectors.modbus.asker import Asker

# Where pysunspec2 1.3.7 (sunspec2/modbus/client.py) looks, and what ends its chain.
BASES = (40000, 50000, 0)
_MARK = b"SunS"
_END = 0xFFFF
COMMON = 1
MOST_MODELS = 64

# Of model 1 (sunspec2/models/json/model_1.json): maker and model, 16 registers each, then 8 of options, 8 of version.
_TEXTS = (("vendor", 0, 16), ("model", 16, 16), ("version", 40, 8))
_TEXTS_SIZE = 48

LIBRARY = Path(__file__).parent.parent / "profiles"
_PROFILE = re.compile(r"sunspec-[a-z]+-(?P<model>[0-9]+)(?P<short>-short)?-modbus")
# Where the model of a profile begins: behind `SunS` and a model 1 of 66 registers, or of 65 without its pad.
_LONG_PLACE, _SHORT_PLACE = 40070, 40069


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a chain: `start` is the register of its id, `length` counts what follows its two first ones."""

    number: int
    start: int
    length: int

    @property
    def stop(self) -> int:
        """The register after its last."""
        return self.start + 2 + self.length


@dataclass(frozen=True, slots=True)
class Chain:
    """What a device has from `base` on; `words` say why the chain does not end as it should, "" if it does."""

    base: int
    models: Sequence[Model]
    texts: Mapping[str, str]
    words: str = ""

    @property
    def stop(self) -> int:
        """The register after the last of its models."""
        return max([self.base + 2, *(model.stop for model in self.models)])


@dataclass(frozen=True, slots=True)
class Match:
    """A profile of the library that reads a model once all of its registers are moved by `shift`."""

    profile: str
    model: Model
    shift: int


async def chain_of(asker: Asker) -> Chain | None:
    """Return the chain of models, None where there is none."""
    for base in BASES:
        if await asker.ask(read(asker.unit, Table.HOLDING, base, 2)) == _MARK:
            return await _walk(asker, base)
    return None


async def _walk(asker: Asker, base: int) -> Chain:
    models: list[Model] = []
    texts: dict[str, str] = {}
    at = base + 2
    while len(models) < MOST_MODELS and at < LAST_ADDRESS:
        head = await asker.ask(read(asker.unit, Table.HOLDING, at, 2))
        if not isinstance(head, bytes):
            return Chain(base, models, texts, f"holding:{at} should begin a model: {head.words}")
        number, length = numbers(head, 2, of_bits=False)
        if number == _END:
            return Chain(base, models, texts)
        model = Model(number, at, length)
        if model.stop > LAST_ADDRESS + 1:
            return Chain(
                base, models, texts, f"model {number} at holding:{at} says that it has {length} registers"
            )
        models.append(model)
        if number == COMMON and not texts and length >= _TEXTS_SIZE:
            texts |= await _texts(asker, at + 2)
        at = model.stop
    return Chain(base, models, texts, f"the chain of models does not end after {len(models)} of them")


async def _texts(asker: Asker, start: int) -> dict[str, str]:
    found = await asker.ask(read(asker.unit, Table.HOLDING, start, _TEXTS_SIZE))
    if not isinstance(found, bytes):
        return {}
    texts = {name: _text(found[2 * at : 2 * (at + size)]) for name, at, size in _TEXTS}
    return {name: text for name, text in texts.items() if text}


def _text(content: bytes) -> str:
    return content.partition(b"\0")[0].decode("utf-8", "replace").strip()


def matches(models: Iterable[Model], library: Path = LIBRARY) -> list[Match]:
    """Return the profiles that read these models, in the order of the chain, one for each model that has any."""
    profiles: dict[int, list[tuple[int, str]]] = {}
    for path in sorted(library.glob("sunspec-*.yaml")):
        if found := _PROFILE.fullmatch(path.stem):
            place = _SHORT_PLACE if found["short"] else _LONG_PLACE
            profiles.setdefault(int(found["model"]), []).append((place, path.stem))
    return [
        min(
            (Match(name, model, model.start - place) for place, name in profiles[model.number]), key=_distance
        )
        for model in models
        if model.number in profiles
    ]


def _distance(match: Match) -> tuple[bool, int]:
    """Put a profile that fits as it stands before one that does not, and one without a parent before a variant."""
    return match.shift != 0, len(match.profile)


def moved(match: Match, library: Path = LIBRARY) -> dict[str, dict[str, str]]:
    """Return the keys of each point of the profile that change where its model begins elsewhere."""
    profile = yaml.safe_load((library / f"{match.profile}.yaml").read_text("utf-8"))
    return {
        name: {key: _moved(point[key], match.shift) for key in ("register", "scale_factor") if key in point}
        for name, point in profile["points"].items()
    }


def _moved(register: str, shift: int) -> str:
    table, _, address = register.partition(":")
    return f"{table}:{int(address) + shift}"
