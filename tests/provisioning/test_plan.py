"""Plans: put together, shown, done step by step."""

import json

from provisioning import show
from provisioning.plan import (
    Action,
    Difference,
    ProvisioningError,
    Step,
    apply,
    as_json,
    counts,
    destroy_all,
    digest_of,
    fingerprint,
    plan_all,
)


def step(name: str, action: Action = Action.CREATE, do=None, **more) -> Step:
    return Step("influxdb", "bucket", name, action, do=do, **more)


def refuse() -> None:
    raise ProvisioningError("POST /api/v2/buckets", "answered 401:\n no", "write:orgs/1/buckets")


class TargetStandIn:
    """A target with one step each way."""

    def __init__(self, name: str) -> None:
        self.name = name

    def plan(self) -> list[Step]:
        return [step(f"{self.name} wanted")]

    def destroy(self, *, keep_data: bool) -> list[Step]:
        return [step(f"{self.name} gone {keep_data}", Action.DELETE)]

    def close(self) -> None:
        """There is nothing to release."""


def test_what_others_need_is_made_first_and_removed_last():
    """A plan keeps the order of its targets; a destroy has the opposite one."""
    targets = [TargetStandIn("a"), TargetStandIn("b")]

    assert [one.name for one in plan_all(targets)] == ["a wanted", "b wanted"]
    assert [one.name for one in destroy_all(targets, keep_data=True)] == ["b gone True", "a gone True"]


def test_the_first_error_stops_an_apply():
    """What is done, what failed and what is left are told apart; nothing after the error is tried."""
    done: list[str] = []
    steps = [
        step("a", do=lambda: done.append("a")),
        step("kept", Action.KEEP, words="it is somebody's"),
        step("b", do=refuse),
        step("c", do=lambda: done.append("c")),
    ]
    told: list[str] = []
    outcome = apply(steps, lambda one: told.append(one.name))

    assert (done, told) == (["a"], ["a"])
    assert [one.name for one in outcome.done] == ["a"]
    assert outcome.failed == steps[2]
    assert [one.name for one in outcome.left] == ["c"]
    assert show.outcome_text(outcome).splitlines() == [
        "1 done; stopped at: create bucket b",
        "  POST /api/v2/buckets: answered 401: no; what is missing: write:orgs/1/buckets",
        "1 left, which the next apply does:",
        "  + influxdb bucket c",
    ]


def test_a_plan_is_a_table_with_its_sum():
    """Each step has its sign, each field its line, and the last line counts and names the plan."""
    steps = [
        step("salinas", differences=(Difference("retention", "", "90d"),)),
        step(
            "salinas_15m",
            Action.CHANGE,
            differences=(Difference("retention", "1d", "2d"), Difference("description", "", "x")),
            by_hand=True,
        ),
        step("other", Action.KEEP, words="not ours"),
    ]

    assert show.plan_text(steps).splitlines() == [
        "influxdb",
        "  + bucket salinas     retention: 90d",
        "  ~ bucket salinas_15m changed by hand",
        "                       retention: 1d → 2d",
        "                       description: (none) → x",
        "  = bucket other       not ours",
        f"1 to create, 1 to change, 1 left alone, 1 changed by hand; plan {fingerprint(steps)}",
    ]
    assert show.summary([]) == "nothing to do"
    assert show.summary(steps[2:]) == "nothing to do, 1 left alone"


def test_a_plan_is_named_by_what_it_changes():
    """Notes do not rename a plan; another field, another step or another order do."""
    a, b = step("a"), step("b", differences=(Difference("x", "1", "2"),))

    assert fingerprint([a, b]) == fingerprint([a, step("note", Action.KEEP), b])
    other = [[b, a], [a], [a, step("b", differences=(Difference("x", "1", "3"),))]]
    assert fingerprint([a, b]) not in {fingerprint(one) for one in other}


def test_programs_get_everything():
    """`as_json` has every field of a step, and counts say what there is."""
    steps = [step("a", differences=(Difference("x", "1", "2"),), by_hand=True, words="why")]

    assert json.loads(json.dumps(as_json(steps))) == [
        {
            "target": "influxdb",
            "kind": "bucket",
            "name": "a",
            "action": "create",
            "by_hand": True,
            "words": "why",
            "differences": [{"field": "x", "before": "1", "after": "2"}],
        }
    ]
    assert counts(steps) == {"create": 1, "change": 0, "delete": 0, "keep": 0, "by_hand": 1}


def test_drift_is_what_differs_even_where_it_is_left_alone():
    """A note is no drift; something of ours that is in the way is."""
    note = step("note", Action.KEEP, words="authentication is off")
    foreign = step("foreign", Action.KEEP, differences=(Difference("retention", "1d", "2d"),))
    changed = step("changed", Action.CHANGE)

    assert show.differing([note, foreign, changed]) == [foreign, changed]


def test_a_digest_does_not_depend_on_the_order_of_keys():
    """The same content has the same digest."""
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
