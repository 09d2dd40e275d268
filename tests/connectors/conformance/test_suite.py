"""The suite sees what is wrong: the connector of the template, broken in one place, fails the check that is meant."""

import importlib
import sys
from unittest import SkipTest

import pytest
from pydantic import create_model

from barrio.commands.new import template
from connectors.conformance.suite import Suite
from connectors.registry import Connectors
from tests.connectors.conformance.broken import BROKEN
from twin.errors import TransientError
from twin.model.spec import SecretName


@pytest.fixture(scope="module")
def wordline():
    """The template's package and subject, imported from where they stand."""
    paths = [str(template()), str(template() / "tests")]
    sys.path[:0] = paths
    subject = importlib.import_module("subject")
    module, codec = (importlib.import_module(f"barrio_wordline.{name}") for name in ("connector", "codec"))
    yield module, codec, subject.WordlineSubject
    for name in ("barrio_wordline", "subject", "loopback"):
        for known in [one for one in sys.modules if one.partition(".")[0] == name]:
            del sys.modules[known]
    for path in paths:
        sys.path.remove(path)


def suite_on(made):
    """Return the suite with a subject of its own."""

    class Trial(Suite):
        subject = made

    return Trial()


# What is broken leaves things behind.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("broken", "check", "case"), BROKEN)
def test_broken_connector_fails(broken, check, case, wordline, monkeypatch):
    """A connector that is broken in one place fails the check that is about it."""
    module, codec, subject = wordline
    broken(monkeypatch, module, codec)

    with pytest.raises((AssertionError, OSError, TimeoutError)):
        getattr(suite_on(subject()), f"test_{check}")(**case)


def test_unregistered_connector_fails(wordline):
    """A connector that no entry point names is not found by those who installed it."""
    _, _, subject = wordline
    assert "wordline" not in Connectors()

    with pytest.raises(AssertionError, match="no entry point"):
        suite_on(subject()).test_is_registered()


def test_secret_that_is_told_fails(wordline, monkeypatch):
    """A secret in the words of an error is found."""
    module, _, subject = wordline
    dial = module.dial

    async def talkative(endpoint, timeout_s):
        try:
            return await dial(endpoint, timeout_s)
        except TransientError as away:
            raise TransientError(away.peer, f"{away.words} with password hunter2") from away

    monkeypatch.setattr(module, "dial", talkative)

    guarded = type("Guarded", (subject,), {"secrets": {"bms": "hunter2"}})
    with pytest.raises(AssertionError, match="a secret was told"):
        suite_on(guarded()).test_tells_no_secret()


def test_what_is_lacking_is_left_out(wordline):
    """What a connector does not claim is left out, with words, and not passed."""
    _, _, subject = wordline

    with pytest.raises(SkipTest, match="discover"):
        suite_on(subject()).test_discovers()


def test_subject_without_cases_fails(wordline):
    """A subject that names no wrong reply has not been tried."""
    _, _, subject = wordline

    blank = type("Blank", (subject,), {"wrong_replies": {}})
    with pytest.raises(AssertionError, match="at least one wrong reply"):
        suite_on(blank()).test_wrong_reply_gives_no_value()


def test_secret_that_is_not_tried_is_left_out(wordline, monkeypatch):
    """A connector whose options take secrets is not proven to keep them while its subject uses none."""
    module, _, subject = wordline
    options = create_model("Guarded", __base__=module.WordlineOptions, password=(SecretName | None, None))
    monkeypatch.setattr(module.WordlineConnector, "options_model", options)

    with pytest.raises(SkipTest, match="the subject has none in use"):
        suite_on(subject()).test_tells_no_secret()
