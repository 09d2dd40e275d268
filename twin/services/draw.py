"""How fast a tank is drawn from, and how well that is known: a robust slope of its falling stretches.

The slope is that of Theil and Sen: the median of the slopes between all pairs of samples, which up to 29 % of arbitrary
samples do not break (Sen 1968, JASA 63, 1379). Pairs are only made within a stretch, so that refills do not count.
The interval is Sen's: the slopes at the ranks that Kendall's S would have to exceed, its variance summed over
stretches (Hirsch, Slack and Smith 1982) and widened where what is left over resembles its neighbour (lag 1). That is
the noise of a sensor. The draw itself is not even either: a level adds up what people draw, so what is left over
wanders, and its steps grow with the time between them. How much they grow widens the interval further. It says where
the mean draw lies in nine of ten cases, as long as the draw goes on as it did; what people do next it cannot say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twin.frame import Values

CONFIDENCE = 0.9
MOST_SAMPLES = 200
FEWEST_SAMPLES = 8
_SHORTEST_STRETCH = 3
_Z = 1.6449
_MAD = 1.4826
_MOST_ALIKE = 0.9
_SMALLEST_RISE = 0.2
"""A rise counts as a refill from this share of the smallest refill on, or from where noise does not make it."""

_NOISES = 6.0
_HOUR_S = 3600.0
_PARTS = 8
_BRIDGE = 1.2 / (1 - 1 / _PARTS)
"""The slope of a random walk varies by 6/5 of its steps; tying its ends together took 1/8 of those measured."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Percent of the tank that are drawn in an hour: the estimate, and the interval that it lies in (nine of ten)."""

    rate: float
    low: float
    high: float
    samples: int
    span_s: float

    def hours_left(self, level: float, empty_at: float) -> Left:
        """Return how long a level lasts until the tank counts as empty."""
        above = max(0.0, level - empty_at)
        return Left(above / self.rate, above / self.high, above / self.low)


@dataclass(frozen=True, slots=True)
class Left:
    """Hours that are left if the draw stays as it was: the estimate, and its interval (nine of ten)."""

    hours: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Why something cannot be said yet, in words for people."""

    words: str


def estimate(time_s: Values, level: Values, refill: float, at_least_s: float) -> Draw | NotKnown:
    """Return the draw from samples in the order of time, float64[n] seconds and percent.

    `refill` is the smallest rise that is a refill, in percent; `at_least_s` how long the level has to have fallen.
    All stretches count alike, unless the newest one is long enough to be judged by itself and contradicts them: a
    leak that was mended before the tank was filled says nothing of what is left now.
    """
    if len(time_s) < FEWEST_SAMPLES:
        return NotKnown(f"not known yet: {len(time_s)} of {FEWEST_SAMPLES} samples")
    stretches = [part for part in falling(level, refill) if part.stop - part.start >= _SHORTEST_STRETCH]
    span_s = float(sum(time_s[part.stop - 1] - time_s[part.start] for part in stretches))
    samples = sum(part.stop - part.start for part in stretches)
    if span_s < at_least_s or samples < FEWEST_SAMPLES:
        words = f"not known yet: {_minutes(span_s)} of {_minutes(at_least_s)} without a rise"
        return NotKnown(words)
    found = _judged(time_s, level, stretches)
    last = stretches[-1]
    if len(stretches) > 1 and _is_enough(time_s, last, at_least_s):
        newest = _judged(time_s, level, [last])
        if newest.steepest > found.flattest or newest.flattest < found.steepest:
            found, span_s, samples = newest, float(time_s[last.stop - 1] - time_s[last.start]), _number(last)
    if found.flattest >= 0:
        return NotKnown("the level does not fall")
    return Draw(
        -_HOUR_S * found.middle, -_HOUR_S * found.flattest, -_HOUR_S * found.steepest, samples, span_s
    )


@dataclass(frozen=True, slots=True)
class _Slopes:
    """Percent in a second: the median slope, and the interval that it lies in (nine of ten)."""

    middle: float
    steepest: float
    flattest: float


def _judged(time_s: Values, level: Values, stretches: list[slice]) -> _Slopes:
    slopes = np.sort(np.concatenate([_slopes(time_s[part], level[part]) for part in stretches]))
    middle = float(np.median(slopes))
    left = [_left_over(time_s[part], level[part], middle) for part in stretches]
    steepest, flattest = _ends(slopes, float(np.sqrt(_variance(stretches) * _likeness(left))))
    wander = _Z * _wander(left) / float(sum(time_s[part.stop - 1] - time_s[part.start] for part in stretches))
    return _Slopes(
        middle,
        middle - float(np.hypot(middle - steepest, wander)),
        middle + float(np.hypot(flattest - middle, wander)),
    )


def _is_enough(time_s: Values, part: slice, at_least_s: float) -> bool:
    return _number(part) >= FEWEST_SAMPLES and time_s[part.stop - 1] - time_s[part.start] >= at_least_s


def _number(part: slice) -> int:
    return int(part.stop - part.start)


def falling(level: Values, refill: float) -> list[slice]:
    """Return the stretches between refills: from each top to the next bottom, in the order of time.

    What follows the newest top is one as well, however little the level has fallen since: a full tank that stands is
    not drawn from as it was before.
    """
    smooth = _smoothed(level)
    noise = _MAD * float(np.median(np.abs(np.diff(level) - np.median(np.diff(level))))) / np.sqrt(2)
    step = max(_NOISES * noise, _SMALLEST_RISE * refill)
    found, start, low, high, rising = [], 0, 0, 0, False
    for at, value in enumerate(smooth.tolist()):
        if rising and value >= smooth[high]:
            high = at
        elif rising and value <= smooth[high] - step:
            rising, start, low = False, high, at
        elif not rising and value < smooth[low]:
            low = at
        elif not rising and value >= smooth[low] + step:
            found.append(slice(start, low + 1))
            rising, high = True, at
    if rising:
        start = low + int(np.argmax(smooth[low : high + 1] >= smooth[high]))
    found.append(slice(start, len(level)))
    return found


def _smoothed(level: Values) -> Values:
    """Return the median of each sample and its neighbours: a single one that is off makes no top and no bottom."""
    padded = np.concatenate((level[:1], level, level[-1:]))
    return np.asarray(np.median(np.stack((padded[:-2], padded[1:-1], padded[2:])), axis=0), np.float64)


def _slopes(time_s: Values, level: Values) -> Values:
    first, second = np.triu_indices(len(time_s), 1)
    apart = time_s[second] - time_s[first]
    real = apart > 0
    slopes: Values = (level[second] - level[first])[real] / apart[real]
    return slopes


def _variance(stretches: list[slice]) -> float:
    """Variance of Kendall's S over stretches, without a trend."""
    numbers = (part.stop - part.start for part in stretches)
    return sum((n * (n - 1) * (2 * n + 5) / 18 for n in numbers), 0.0)


def _left_over(time_s: Values, level: Values, slope: float) -> Values:
    """Return what the slope does not explain, in percent."""
    left = level - slope * (time_s - time_s[0])
    return np.asarray(left - np.median(left), np.float64)


def _likeness(left: list[Values]) -> float:
    """Return by how much the variance grows because what is left over resembles its neighbour."""
    products = squares = 0.0
    for one in left:
        bound = 3 * _MAD * float(np.median(np.abs(one)))
        near = np.clip(one, -bound, bound)
        products += float(np.dot(near[1:], near[:-1]))
        squares += float(np.dot(near, near))
    alike = min(max(products / squares if squares else 0.0, 0.0), _MOST_ALIKE)
    return (1 + alike) / (1 - alike)


def _wander(left: list[Values]) -> float:
    """Return how far what is left over wanders over all samples, in percent (standard deviation).

    Noise has steps of one size at every distance, so only by how much they grow is counted.
    """
    number = sum(len(one) for one in left)
    far = max(2, number // _PARTS)
    near_steps, far_steps = _steps(left, 1), _steps(left, far)
    if not len(near_steps) or not len(far_steps):
        return 0.0
    growth = (_spread(far_steps) ** 2 - _spread(near_steps) ** 2) / (far - 1)
    return float(np.sqrt(max(0.0, growth) * _BRIDGE * number))


def _steps(left: list[Values], lag: int) -> Values:
    return np.concatenate([one[lag:] - one[:-lag] for one in left])


def _spread(steps: Values) -> float:
    return _MAD * float(np.median(np.abs(steps)))


def _ends(slopes: Values, deviation: float) -> tuple[float, float]:
    """Return the slopes at the ranks of the interval; the outermost ones where it is wider than all of them."""
    number = len(slopes)
    lower = (number - _Z * deviation) / 2
    upper = (number + _Z * deviation) / 2
    return float(slopes[max(0, int(lower))]), float(slopes[min(number - 1, int(np.ceil(upper)))])


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
