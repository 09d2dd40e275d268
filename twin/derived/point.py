"""A derived point: where it belongs, and the expression that gives its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.model.spec import Spec

if TYPE_CHECKING:
    from twin.expressions.checked import Checked
    from twin.model.district import Point


class Nowhere(Spec):
    """The address of a derived point: it has none, no device is asked for it."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A point of a device or site (`owner`) that is computed.

    `expression` gives numbers in the quantity's unit. `require` is the share of a selection's points, and of a window's
    time, that must be usable; NaN where the rule of the language stands.
    """

    owner: str
    point: Point
    expression: Checked
    require: float
