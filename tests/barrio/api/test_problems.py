"""What is said of a body or a parameter that cannot be."""

import json
from enum import StrEnum
from http import HTTPStatus
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from barrio.api.problems import LONGEST, fault_words, problem


class Colour(StrEnum):
    red = "red"
    green = "green"
    blue = "blue"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    under: str
    start: str = Field(default="", alias="from")
    colour: Colour = Colour.red
    some: Literal[Colour.red, Colour.green] = Colour.red
    count: int = Field(default=1, ge=1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "is missing"),
        ({"under": "a", "undr": "a"}, "there is no key 'undr' (did you mean under?)"),
        ({"under": "a", "form": "a"}, "there is no key 'form' (did you mean from?)"),
        ({"under": "a", "start": "-1d"}, "there is no key 'start' (did you mean from?)"),
        ({"under": "a", "stop": "now"}, "there is no key 'stop'"),
        ([1], "should be an object, found [1]"),
        ({"under": "a", "xyz": "a"}, "there is no key 'xyz'"),
        (
            {"under": "a", "colour": "grene"},
            "should be 'red', 'green' or 'blue', found 'grene' (did you mean green?)",
        ),
        ({"under": "a", "some": "Blue"}, "should be 'red' or 'green', found 'Blue'"),
        ({"under": "a", "count": 0}, "should be greater than or equal to 1, found 0"),
    ],
)
def test_words_name_what_may_be_and_what_was_probably_meant(body, words):
    """Members of enumerations stand as they are written, never as the program names them."""
    with pytest.raises(ValidationError) as caught:
        Body.model_validate(body)

    assert fault_words(caught.value.errors()[0], Body) == words


@pytest.mark.parametrize(
    ("body", "kind", "parameter", "words"),
    [
        (
            b'{"under": "little"}',
            "application/x-www-form-urlencoded",
            "Content-Type",
            "Content-Type: should be application/json, found 'application/x-www-form-urlencoded'",
        ),
        (b'{"under": "little"}', "", "Content-Type", "Content-Type: should be application/json, found ''"),
        (
            b'{"under": ',
            "application/json",
            "body",
            "body: is no JSON: expecting value after 10 characters",
        ),
        (
            b"[" * 60_000,
            "application/json",
            "body",
            "body: is no JSON in UTF-8, or is nested too deeply",
        ),
        (
            b'{"under": "\xff"}',
            "application/json",
            "body",
            "body: is no JSON in UTF-8, or is nested too deeply",
        ),
    ],
)
async def test_a_body_that_cannot_be_read_is_told_why(stage, body, kind, parameter, words):
    """What curl sends with `-d` alone says that it is a form: then the header is what is wrong, and not the object."""
    answer = await stage.http.post("/api/v1/exports", content=body, headers={"Content-Type": kind})

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert answer.json()["detail"] == words
    assert answer.json()["parameter"] == parameter


@pytest.mark.parametrize("path", ["gaps?point=little", "history?point=little/probe/temperature"])
async def test_names_of_times_that_others_use_lead_to_those_that_there_are(stage, path):
    """No letter of `stop` is in `to`."""
    for given, meant in {"start": "from", "stop": "to", "end": "to", "since": "from", "until": "to"}.items():
        answer = await stage.http.get(f"/api/v1/{path}&{given}=now")

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert answer.json()["detail"] == f"{given}: there is no parameter '{given}' (did you mean {meant}?)"


def test_what_was_sent_is_not_repeated_at_any_length():
    """The middle of a long text is left out; what was meant, at its end, stays."""
    answer = problem(HTTPStatus.BAD_REQUEST, f"{'x' * 30_000} (did you mean y?)", parameter="z" * 30_000)
    body = json.loads(bytes(answer.body))

    assert len(body["detail"]) < LONGEST + 10
    assert body["detail"].endswith("(did you mean y?)")
    assert len(body["parameter"]) < LONGEST + 10
