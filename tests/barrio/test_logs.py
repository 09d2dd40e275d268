"""Logs: one event a line, for people or for machines."""

import io
import json
import logging
import re

import pytest
import structlog

from barrio import logs

pytestmark = pytest.mark.usefixtures("logs_as_before")


def said(form: str, level: str = "info") -> list[str]:
    """The lines of two events."""
    out = io.StringIO()
    logs.set_up(level, form, out)
    log = structlog.get_logger("barrio")
    log.info("store.batch_written", rows=5000)
    log.warning("link.down", link="modbus+tcp://10.0.0.1:502", words="no answer within 3 s")
    return out.getvalue().splitlines()


def test_text():
    """Text has the time, the level, the event and its facts; facts with blanks are quoted."""
    first, second = said("text")

    assert re.fullmatch(r"\d\d:\d\d:\d\d info     store.batch_written  rows=5000", first)
    assert second.endswith("warning  link.down  link=modbus+tcp://10.0.0.1:502 words='no answer within 3 s'")


def test_json():
    """JSON has the same facts, each under its name."""
    found = json.loads(said("json")[1])

    assert (found["event"], found["level"], found["words"]) == (
        "link.down",
        "warning",
        "no answer within 3 s",
    )
    assert found["timestamp"].endswith("Z")


def test_levels():
    """What is below the level is not said."""
    assert len(said("text", "warning")) == 1


def test_a_value_cannot_forge_a_line():
    """A line break in a fact stays inside its quotes."""
    out = io.StringIO()
    logs.set_up("info", "text", out)
    structlog.get_logger().info("x", words="one\n12:00:00 info  forged")

    assert out.getvalue().count("\n") == 1


def test_libraries_are_quiet():
    """What libraries say of every client that comes and goes is not our log's."""
    out = io.StringIO()
    logs.set_up("info", "text", out)
    for name in ("asyncua.client", "coap.client", "uvicorn.error"):
        logging.getLogger(name).error("something")

    assert out.getvalue() == ""
