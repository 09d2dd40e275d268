"""The same counts once more, in plain Python over raw readings: one reading, one slot, one gap after the other."""

from collections import Counter
from itertools import pairwise

from twin.completeness.classes import SlotClass
from twin.quality import Level, Reason

NS = 1_000_000_000
ESTIMATED = {Reason.INCOMPLETE, Reason.INPUT_UNCERTAIN, Reason.AGE_UNKNOWN}


def class_of(reason):
    """What one reading makes of its slot."""
    if reason.level is Level.BAD:
        return SlotClass.BAD
    if reason.level is Level.UNCERTAIN:
        return SlotClass.ESTIMATED if reason in ESTIMATED else SlotClass.UNCERTAIN
    return {Reason.LATE: SlotClass.LATE, Reason.BACKFILLED: SlotClass.BACKFILLED}.get(
        reason, SlotClass.ON_TIME
    )


def recount(raw, gaps, tenures, start, stop):
    """Slots by class, longest stretch (ns), ns by reason and ns filled of one point from `start` to `stop`.

    `raw` is a list of (time, reason), `gaps` and `tenures` are those of the point.
    """
    slots: Counter[SlotClass] = Counter()
    reasons: Counter[Reason] = Counter()
    longest = filled = 0
    for tenure in tenures:
        begin, end = max(start, tenure.since), stop if tenure.until is None else min(stop, tenure.until)
        number = (end - begin) // tenure.slot
        if number <= 0:
            continue
        for slot in range(number):
            low = begin + slot * tenure.slot
            high = low + tenure.slot
            found = [class_of(reason) for time, reason in raw if low <= time < high]
            inside = any(gap.filled and gap.start <= low and high <= gap.stop for gap in gaps)
            slots[min(found) if found else SlotClass.HELD if inside else SlotClass.MISSING] += 1
        usable = [time for time, reason in raw if begin <= time < end and class_of(reason) < SlotClass.BAD]
        longest = max(longest, *(after - before for before, after in pairwise([begin, *usable, end])))
        for gap in gaps:
            lasted = min(end, gap.stop or end) - max(begin, gap.start)
            if lasted > 0 and gap.filled:
                filled += lasted
            elif lasted > 0:
                reasons[gap.reason] += lasted
    return slots, longest, reasons, filled
