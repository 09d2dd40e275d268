"""Patterns of paths."""

import time

import pytest

from barrio.history.chosen import _fits


def fits(pattern: str, path: str) -> bool:
    """Whether a path has the form of a pattern."""
    return _fits([part.split("*") for part in pattern.split("/")], path.split("/"))


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a/*/c", "a/b/c", True),
        ("a/*/c", "a//c", True),
        ("a/*", "a/b/c", False),
        ("*/*/*", "a/b/c", True),
        ("a/lamp-*/on", "a/lamp-007/on", True),
        ("a/lamp-*/on", "a/lam-007/on", False),
        ("a/*7/on", "a/lamp-007/on", True),
        ("a/l*p-*7/on", "a/lamp-007/on", True),
        ("a/l*0*0*7/on", "a/lamp-007/on", True),
        ("a/l*0*0*0*7/on", "a/lamp-007/on", False),
        ("a/aa*aa/c", "a/aaa/c", False),
        ("a/**/c", "a/b/c", True),
        ("a/b/c", "a/b/c", True),
        ("a/[b]/c", "a/b/c", False),
        ("a/./c", "a/b/c", False),
    ],
)
def test_a_star_stands_for_anything_in_a_part(pattern, path, expected):
    """It never stands for a slash, and nothing else has a meaning of its own."""
    assert fits(pattern, path) is expected


def test_no_pattern_takes_long():
    """The worst pattern takes no longer than the path is long."""
    begun = time.process_time()

    assert not fits("*a" * 140 + "b", "a" * 300)
    assert time.process_time() - begun < 0.01
