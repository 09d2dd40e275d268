"""Faults of a model in the words of the person who wrote the file."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, field_validator, model_validator

from twin.model.source import Faults, Place, Source
from twin.model.validation import validate


class Pair(BaseModel):
    """Two keys that do not go together."""

    one: str = ""
    two: str = ""

    @field_validator("two")
    @classmethod
    def _not_two(cls, value: str) -> str:
        if value == "two":
            raise ValueError("expected another one")
        return value

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.one and self.two:
            raise ValueError("one and two do not go together")
        return self


def words(data: dict[str, str]) -> list[str]:
    faults = Faults()
    validate(Pair, data, Place(Source(Path("a.yaml"), data, {}), ()), faults)
    return [fault.message for fault in faults.found]


def test_what_was_found_is_said_of_one_key() -> None:
    """A value that cannot be is shown."""

    assert words({"two": "two"}) == ["expected another one, found 'two'"]


def test_keys_that_do_not_go_together_are_named_once() -> None:
    """That all of them together are a mapping is nothing to tell anybody."""

    assert words({"one": "a", "two": "b"}) == ["one and two do not go together"]
