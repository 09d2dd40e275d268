"""Plans: what is wanted against what is found, as steps that a person can read and a program can do.

There is no file of state. A target (an InfluxDB, a Grafana) compares what the code wants with what it finds, each
time anew, and gives steps in the order in which they are to be done. So an apply that broke off continues where it
stopped, and a second one has nothing to do. What was changed by hand is told from what the code changed by a digest of
what was put there last, which is kept in the thing itself.

A step that changes nothing is `KEEP`: something stands in the way that is not ours, or data that a destroy spares.
What is as it should be gives no step at all.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from twin.errors import BarrioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class ProvisioningError(BarrioError):
    """Raised when a server cannot be asked, or refuses; one line that names the call and what right is missing.

    `call` is what was asked (`POST /api/folders`, `GRANT READ ON "salinas" TO …`), never with a secret in it. `words`
    say what came back. `right` is what the credentials lack (`write:orgs/…/buckets`), empty where that is not the
    reason.
    """

    def __init__(self, call: str, words: str, right: str = "") -> None:
        self.call = call
        self.words = " ".join(words.split())
        self.right = right
        missing = f"; what is missing: {right}" if right else ""
        super().__init__(f"{call}: {self.words}{missing}")


def sendable(variable: str, secret: str) -> str:
    """Return a token that a header can carry; ProvisioningError, without it, for one that a library would spell out.

    HTTP libraries put a header that they refuse into their error, as a file with two lines would have it.
    """
    if not (secret.isascii() and secret.isprintable()) or secret != secret.strip():
        raise ProvisioningError(variable, "it holds a line break, or another character that no token has")
    return secret


class Action(StrEnum):
    """What a step does."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    KEEP = "keep"
    """Left alone, for the reason that the step's words give; `do` is None."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it should be: as found, and as wanted. Never a secret."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do at a target.

    `target` is the target's name, `kind` what it is (`bucket`, `token`, `folder`), `name` which one. `by_hand` says
    that somebody changed it since it was last put there. `words` say why, where that does not go without saying.
    `do` does it, raising `ProvisioningError`; None for what is only said. It is called at most once and after the
    steps before it.
    """

    target: str
    kind: str
    name: str
    action: Action
    differences: tuple[Difference, ...] = ()
    by_hand: bool = False
    words: str = ""
    do: Callable[[], None] | None = field(default=None, compare=False, repr=False)

    @property
    def changes(self) -> bool:
        """Whether anything is another after it."""
        return self.action is not Action.KEEP

    def __str__(self) -> str:
        """What is done, on one line: `create bucket salinas_15m`."""
        return f"{self.action} {self.kind} {self.name}"


class Target(Protocol):
    """A server that is kept in the state that the code says.

    `name` is `influxdb` or `grafana`. Both methods ask the server and change nothing; they raise `ProvisioningError`
    when it cannot be asked. What is made of districts that the target was not given is never in a step.
    """

    name: str

    def plan(self) -> list[Step]:
        """Return what is not as it should be, in the order in which it is to be done."""

    def destroy(self, *, keep_data: bool) -> list[Step]:
        """Return what of the districts is to be removed, marked things only; readings stay with `keep_data`."""

    def close(self) -> None:
        """Release the connections; steps cannot be done any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of steps: those that are done, and where one failed, which, why, and what is left after it."""

    done: tuple[Step, ...]
    failed: Step | None = None
    left: tuple[Step, ...] = ()
    error: ProvisioningError | None = None


def plan_all(targets: Iterable[Target]) -> list[Step]:
    """Return the steps of all targets: what others need first, so an InfluxDB stands before a Grafana."""
    return [step for target in targets for step in target.plan()]


def destroy_all(targets: Sequence[Target], *, keep_data: bool) -> list[Step]:
    """Return the steps that remove what is ours, in the opposite order of targets."""
    return [step for target in reversed(targets) for step in target.destroy(keep_data=keep_data)]


def apply(steps: Sequence[Step], tell: Callable[[Step], None] = lambda _: None) -> Outcome:
    """Do steps one by one, telling of each that is done; the first error ends it.

    What failed may be half done: the next plan finds out.
    """
    todo = [step for step in steps if step.do is not None]
    for number, step in enumerate(todo):
        try:
            if step.do is not None:
                step.do()
        except ProvisioningError as error:
            return Outcome(tuple(todo[:number]), step, tuple(todo[number + 1 :]), error)
        tell(step)
    return Outcome(tuple(todo))


def counts(steps: Iterable[Step]) -> Mapping[str, int]:
    """Return how many steps create, change, delete and keep, and how many meet what somebody changed by hand."""
    found = list(steps)
    actions = Counter(step.action for step in found)
    return {action.value: actions[action] for action in Action} | {
        "by_hand": sum(step.by_hand for step in found)
    }


def as_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return steps as plain data, for `--json`."""
    return [
        {
            "target": step.target,
            "kind": step.kind,
            "name": step.name,
            "action": step.action.value,
            "by_hand": step.by_hand,
            "words": step.words,
            "differences": [
                {"field": one.field, "before": one.before, "after": one.after} for one in step.differences
            ],
        }
        for step in steps
    ]


def fingerprint(steps: Iterable[Step]) -> str:
    """Return a short name for exactly these steps: an apply that is given it does them and no others."""
    text = json.dumps(as_json(step for step in steps if step.changes), sort_keys=True)
    return sha256(text.encode()).hexdigest()[:12]


def digest_of(what: object) -> str:
    """Return the digest of what is put somewhere, to be kept with it: of JSON data, whatever the order of keys."""
    text = json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:16]
