"""A plan for people: a line for each step, its fields below each other, and what it comes to."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from provisioning.plan import Action, Outcome, Step, counts, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SIGNS = {Action.CREATE: "+", Action.CHANGE: "~", Action.DELETE: "-", Action.KEEP: "="}
_VERBS = {
    Action.CREATE: "to create",
    Action.CHANGE: "to change",
    Action.DELETE: "to delete",
    Action.KEEP: "left alone",
}
_NOTHING = "(none)"
_WIDEST = 44


def plan_text(steps: Sequence[Step]) -> str:
    """Return a plan as a table, by target, and its sum with the name that `apply --expect` takes."""
    lines: list[str] = []
    for target, some in groupby(steps, key=lambda step: step.target):
        lines += [target, *_table(list(some))]
    return "\n".join([*lines, summary(steps)])


def summary(steps: Sequence[Step]) -> str:
    """Return how many steps do what, on one line."""
    number = counts(steps)
    parts = [f"{number[action.value]} {_VERBS[action]}" for action in Action if number[action.value]]
    if number["by_hand"]:
        parts.append(f"{number['by_hand']} changed by hand")
    if not any(step.changes for step in steps):
        return ", ".join(["nothing to do", *parts])
    return f"{', '.join(parts)}; plan {fingerprint(steps)}"


def step_text(step: Step) -> str:
    """Return a step that is done, on one line."""
    return f"  {_SIGNS[step.action]} {step.target} {step.kind} {step.name}"


def outcome_text(outcome: Outcome) -> str:
    """Return what is done and, where a step failed, what is left."""
    done = f"{len(outcome.done)} done"
    if outcome.failed is None:
        return done if outcome.done else "nothing to do"
    lines = [f"{done}; stopped at: {outcome.failed}", f"  {outcome.error}"]
    if outcome.left:
        lines.append(f"{len(outcome.left)} left, which the next apply does:")
        lines += [step_text(step) for step in outcome.left]
    return "\n".join(lines)


def _table(steps: Sequence[Step]) -> Iterator[str]:
    kinds = max(len(step.kind) for step in steps)
    names = min(max(len(step.name) for step in steps), _WIDEST)
    indent = " " * (kinds + names + 6)
    for step in steps:
        first, *more = _details(step) or [""]
        yield f"  {_SIGNS[step.action]} {step.kind:<{kinds}} {step.name:<{names}} {first}".rstrip()
        yield from (f"{indent}{detail}".rstrip() for detail in more)


def _details(step: Step) -> list[str]:
    changed = step.action is not Action.CREATE
    found = ["changed by hand"] if step.by_hand else []
    found += [
        f"{one.field}: {_or_nothing(one.before)} → {_or_nothing(one.after)}"
        if changed
        else f"{one.field}: {one.after}"
        for one in step.differences
    ]
    return found + ([step.words] if step.words else [])


def _or_nothing(text: str) -> str:
    return text or _NOTHING


def differing(steps: Iterable[Step]) -> list[Step]:
    """Return the steps that say that something is not as the code says, those left alone among them."""
    return [step for step in steps if step.changes or step.differences]
