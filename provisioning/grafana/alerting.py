"""Contact points and alert rules of districts; the organisation's tree of notification policies is not looked at.

Rules are put as a group, and without the header `X-Disable-Provenance`: they count as provisioned over the API. So the
editor of Grafana shows them and does not let anybody change them, which fits dashboards that are not editable. Grafana
lets a rule that is provisioned go back to one that is not, but not to another kind, so this is decided once.

Rules that somebody else put into our group go along as they were found.

A contact point has no room for a mark, and a secret in it cannot be read back. What was wanted of a district's contact
points stands in the annotations of its rules, as two digests; rules are put after them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dashboards.alerts import receiver_name
from dashboards.kit.names import PREFIX, TAG, receiver_uid
from provisioning.grafana.marks import VARIABLE, differences, of_secret
from provisioning.grafana.work import keep, spec_of, step
from provisioning.plan import Action, Difference, digest_of
from twin.model.spec import Named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dashboards.alerts import RuleGroup
    from provisioning.grafana.api import Json
    from provisioning.grafana.work import Work
    from provisioning.plan import Step
    from twin.model.district import District
    from twin.model.provision_spec import ReceiverSpec

POINT = "contact point"
RULE = "alert rule"
RECEIVERS = "barrio_receivers"
"""Annotation of a rule: digests of what is open and of what is secret in the district's contact points."""
_FROM_FILE = "it comes from a file on Grafana's own disk"
_HIDDEN = "(secret)"


def receiver_body(district: str, receiver: ReceiverSpec, secrets: Callable[[str], str]) -> Json:
    """Return a contact point as Grafana's API takes it; `secrets` gives what a name stands for."""
    named = {"uid": receiver_uid(district, receiver.id), "name": receiver_name(district, receiver.id)}
    if receiver.webhook is None:
        settings: Json = {"addresses": ";".join(receiver.email), "singleEmail": False}
        return {**named, "type": "email", "settings": settings, "disableResolveMessage": False}
    url = secrets(receiver.webhook) if isinstance(receiver.webhook, Named) else str(receiver.webhook)
    settings = {"url": url, "httpMethod": "POST"}
    if receiver.secret is not None:
        settings |= {
            "authorization_scheme": "Bearer",
            "authorization_credentials": secrets(receiver.secret),
        }
    return {**named, "type": "webhook", "settings": settings, "disableResolveMessage": False}


def plan_points(work: Work) -> Iterator[Step]:
    """Yield the contact points that are to be made or put back."""
    found = {point.get("uid"): point for point in work.found.points}
    for district in work.districts:
        then, now = _recorded(work, district), _receivers_digest(work, district)
        renewed, by_code = then[1] not in ("", now[1]), then[0] not in ("", now[0])
        for receiver in spec_of(district).receivers:
            body = receiver_body(district.id, receiver, work.secrets)
            secret = _secret_fields(receiver)
            yield from _plan_point(
                work, body, found.get(body["uid"]), secret, renewed=renewed, by_code=by_code
            )


def _plan_point(
    work: Work, body: Json, found: Json | None, secret: frozenset[str], *, renewed: bool, by_code: bool
) -> Iterator[Step]:
    name = body["name"]
    if found is None:
        yield step(POINT, name, Action.CREATE, partial(work.api.create_contact_point, body))
    elif found.get("name") != name:
        yield keep(POINT, name, f"there is one with the uid {body['uid']} that barrio did not make")
    elif found.get("provenance") == "file":
        yield keep(POINT, name, _FROM_FILE)
    else:
        changed = _point_differences(found, body, secret)
        by_hand = bool(changed) and not by_code and not renewed
        if renewed and secret:
            changed = (*changed, Difference("secret", "an older one", "a new one"))
        if changed:
            do = partial(work.api.put_contact_point, body["uid"], body)
            yield step(POINT, name, Action.CHANGE, do, changed=changed, by_hand=by_hand)


def _point_differences(found: Json, body: Json, secret: frozenset[str]) -> tuple[Difference, ...]:
    # Only what is sent is compared: Grafana fills in what a kind of receiver has besides.
    # What is false need not be given back.
    settings = found.get("settings") or {}
    now = {key: settings.get(key, None if wanted else wanted) for key, wanted in body["settings"].items()}
    pair = differences(
        {"type": found.get("type"), "settings": now}, {"type": body["type"], "settings": body["settings"]}
    )
    return tuple(
        Difference(one.field, _HIDDEN, _HIDDEN) if one.field.rpartition(".")[2] in secret else one
        for one in pair
    )


def _secret_fields(receiver: ReceiverSpec) -> frozenset[str]:
    url = {"url"} if isinstance(receiver.webhook, Named) else set()
    return frozenset({*url, "authorization_credentials"} if receiver.secret is not None else url)


def _receivers_digest(work: Work, district: District) -> tuple[str, str]:
    """Return digests of what is open and of what is secret in a district's contact points, empty without any."""
    receivers = spec_of(district).receivers
    if not receivers:
        return "", ""
    open_part = digest_of([each.model_dump(mode="json") for each in receivers])
    named = sorted({name for receiver in receivers for _, name in receiver.secrets()})
    secret = "\n".join(f"{name}={work.secrets(name)}" for name in named)
    return open_part, of_secret(secret, district.id) if secret else "none"


def _recorded(work: Work, district: District) -> tuple[str, str]:
    for rule in work.found.rules:
        if _is_ours(rule, district.id):
            open_part, _, secret = str((rule.get("annotations") or {}).get(RECEIVERS, "")).partition("/")
            return open_part, secret
    return "", ""


def plan_rules(work: Work) -> Iterator[Step]:
    """Yield one step for each district whose rules are not as they should be."""
    by_uid = {rule["uid"]: rule for rule in work.found.rules}
    for district, group in zip(work.districts, work.groups, strict=True):
        wanted = _wanted_rules(work, district, group)
        strange = [rule for rule in wanted if _stranger(by_uid.get(rule["uid"]), district.id)]
        for rule in strange:
            yield keep(RULE, rule["title"], _why_left(by_uid[rule["uid"]]))
        if not strange:
            yield from _plan_group(work, group, wanted, by_uid)


def _plan_group(
    work: Work, group: RuleGroup, wanted: list[Json], by_uid: Mapping[str, Json]
) -> Iterator[Step]:
    found_group = work.found.groups.get(group.folder_uid) or {}
    changed: list[Difference] = []
    by_hand, new = False, 0
    for rule in wanted:
        found = by_uid.get(rule["uid"])
        if found is None:
            new += 1
            changed.append(Difference(rule["title"], "nothing", "an alert rule"))
            continue
        here = differences(_comparable(found, rule), rule)
        changed += [Difference(f"{rule['title']}: {one.field}", one.before, one.after) for one in here]
        mark = (found.get("annotations") or {}).get(VARIABLE)
        by_hand |= bool(here) and mark != _digest(_comparable(found, rule))
    interval = found_group.get("interval")
    if interval not in (None, group.interval_s):
        changed.append(Difference("interval", f"{interval} s", f"{group.interval_s} s"))
        by_hand = True
    if changed:
        action = Action.CREATE if new == len(wanted) else Action.CHANGE
        ours = {rule["uid"] for rule in wanted}
        others = [rule for rule in found_group.get("rules", ()) if rule["uid"] not in ours]
        body = {**group.put(), "rules": [*wanted, *others]}
        do = partial(work.api.put_rule_group, group.folder_uid, group.name, body)
        yield step("alert rules", group.district, action, do, changed=tuple(changed), by_hand=by_hand)


def _wanted_rules(work: Work, district: District, group: RuleGroup) -> list[Json]:
    digests = _receivers_digest(work, district)
    kept = {RECEIVERS: "/".join(digests)} if any(digests) else {}
    found = []
    for rule in group.put()["rules"]:
        body = {**rule, "annotations": {**rule["annotations"], **kept}}
        body["annotations"][VARIABLE] = _digest(body)
        found.append(body)
    return found


def _digest(rule: Mapping[str, Any]) -> str:
    annotations = {key: value for key, value in rule["annotations"].items() if key != VARIABLE}
    return digest_of({**rule, "annotations": annotations, "orgID": 1})


def _comparable(found: Json, wanted: Json) -> Json:
    """Return of a found rule what was sent: Grafana gives ids, times and empty fields back with it."""
    now = {key: found.get(key) for key in wanted}
    # Which organisation it is is not for us to say: it is that of the login.
    now["orgID"] = wanted["orgID"]
    now["annotations"] = found.get("annotations") or {}
    now["labels"] = found.get("labels") or {}
    now["data"] = [
        {key: query.get(key) for key in ("refId", "datasourceUid", "relativeTimeRange", "model")}
        for query in found.get("data", ())
    ]
    if "notification_settings" in wanted:
        settings = found.get("notification_settings") or {}
        now["notification_settings"] = {"receiver": settings.get("receiver")}
    return now


def _is_ours(rule: Mapping[str, Any], district: str) -> bool:
    labels = rule.get("labels") or {}
    return (
        str(rule.get("uid", "")).startswith(PREFIX) and TAG in labels and labels.get("district") == district
    )


def _stranger(rule: Json | None, district: str) -> bool:
    return rule is not None and (not _is_ours(rule, district) or rule.get("provenance") == "file")


def _why_left(rule: Json) -> str:
    if rule.get("provenance") == "file":
        return _FROM_FILE
    return f"there is one with the uid {rule['uid']} that barrio did not make"


def plan_deletes(work: Work) -> Iterator[Step]:
    """Yield the rules and contact points of ours that are not wanted any more."""
    for district, group in zip(work.districts, work.groups, strict=True):
        wanted = {rule.uid for rule in group.rules}
        for rule in _rules_of(work, district.id):
            if rule["uid"] not in wanted:
                yield _delete_rule(work, rule)
        points = {receiver_uid(district.id, each.id) for each in spec_of(district).receivers}
        yield from (
            _delete_point(work, point)
            for point in _points_of(work, district.id)
            if point["uid"] not in points
        )


def destroy(work: Work) -> Iterator[tuple[str, Step]]:
    """Yield what removes rules, then contact points; each with its uid."""
    for district in work.districts:
        for rule in _rules_of(work, district.id):
            yield str(rule["uid"]), _delete_rule(work, rule)
    for district in work.districts:
        for point in _points_of(work, district.id):
            yield str(point["uid"]), _delete_point(work, point)


def _rules_of(work: Work, district: str) -> Iterator[Json]:
    return (
        rule for rule in work.found.rules if _is_ours(rule, district) and rule.get("provenance") != "file"
    )


def _points_of(work: Work, district: str) -> Iterator[Json]:
    """Yield contact points whose uid and name both say that they are of this district."""
    for point in work.found.points:
        receiver = str(point.get("name", "")).removeprefix(receiver_name(district, ""))
        named = receiver and point.get("name") == receiver_name(district, receiver)
        if named and point.get("uid") == receiver_uid(district, receiver):
            yield point


def _delete_rule(work: Work, rule: Json) -> Step:
    return step(RULE, str(rule["title"]), Action.DELETE, partial(work.api.delete_rule, rule["uid"]))


def _delete_point(work: Work, point: Json) -> Step:
    do = partial(work.api.delete_contact_point, point["uid"])
    return step(POINT, str(point["name"]), Action.DELETE, do)
