"""Wordline against the conformance suite of Barrio."""

from connectors.conformance.suite import Suite

from subject import WordlineSubject


class TestWordline(Suite):
    """Every check of the suite; tests of your own may stand beside them."""

    subject = WordlineSubject()
