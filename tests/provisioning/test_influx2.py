"""InfluxDB 2.x, against the stand-in: what it is asked for, and that a broken apply is mended by the next."""

import itertools
import stat

import httpx
import pytest

from provisioning.influx import Admin
from provisioning.plan import Action, ProvisioningError, apply
from tests.provisioning.conftest import do, refusal, said
from tests.provisioning.influx_stand_in import ORG, InfluxStandIn, Right
from tests.twin.store.standin import Answer, StandIn

UTILITY = "utilities: [{{id: cea, resolutions: [{}]}}]\n"
NAMES = ("salinas", "salinas_15m", "salinas_1h", "salinas_1d")
FILES = [
    "salinas.15m.read",
    "salinas.1d.read",
    "salinas.1h.read",
    "salinas.raw.read",
    "salinas.utility-cea.read",
    "salinas.write",
]


def test_a_district_gets_buckets_and_tokens(influx2, target2, district, tokens):
    """A bucket for each resolution with its retention, a token for each who needs one, and a second time nothing."""
    target = target2(district)
    do(target.plan())

    assert {name: one.retention_s // 86_400 for name, one in influx2.named().items()} == {
        "salinas": 90,
        "salinas_15m": 2,
        "salinas_1h": 730,
        "salinas_1d": 0,
    }
    assert tokens.names() == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in tokens.folder.iterdir()} == {0o600}
    calls = len(influx2.calls)
    assert target.plan() == []
    assert influx2.calls[calls:] == [
        "GET /ping",
        "GET /api/v2/orgs",
        "GET /api/v2/buckets",
        "GET /api/v2/authorizations",
    ]


def test_a_token_is_good_for_no_more_than_it_has_to_be(influx2, target2, district, tokens):
    """Barrio reads and writes its four buckets, Grafana reads one with each token, the utility those it was given."""
    influx2.add_bucket("other")
    do(target2(district).plan())
    may = {
        name: [
            f"{action} {bucket}"
            for bucket in (*NAMES, "other", "_monitoring")
            for action in ("read", "write")
            if influx2.may(tokens.read(name) or "", action, bucket)
        ]
        for name in FILES
    }

    assert may == {
        "salinas.write": [f"{action} {name}" for name in NAMES for action in ("read", "write")],
        "salinas.raw.read": ["read salinas"],
        "salinas.15m.read": ["read salinas_15m"],
        "salinas.1h.read": ["read salinas_1h"],
        "salinas.1d.read": ["read salinas_1d"],
        "salinas.utility-cea.read": ["read salinas_15m", "read salinas_1d"],
    }
    marked = influx2.marked()
    assert len(marked) == len(FILES)
    assert all(right.type == "buckets" for one in marked.values() for right in one.rights)


def test_an_all_access_token_is_enough(influx2, target2, district):
    """A token with the rights of one organisation administers it; no operator is needed."""
    target = target2(district, token=influx2.all_access())
    do(target.plan())

    assert target.plan() == []


def test_retention_follows_the_code(influx2, target2, make_district, district):
    """Another retention in the files changes the bucket, also down to less than its shards were long."""
    do(target2(district).plan())
    changed = target2(make_district(retention="{raw: 6h, 15m: 2d}"))
    steps = changed.plan()

    assert [
        (str(one), one.differences[0].before, one.differences[0].after, one.by_hand) for one in steps
    ] == [
        ("change bucket salinas", "90d", "6h", False),
        ("change bucket salinas_1h", "730d", "for ever", False),
    ]
    do(steps)
    assert (influx2.bucket("salinas").retention_s, influx2.bucket("salinas").shard_s) == (21_600, 3600)
    assert changed.plan() == []


def test_a_change_by_hand_is_told_and_put_back(influx2, target2, district):
    """A retention that somebody changed, and a token that somebody switched off, are said to be by hand."""
    target = target2(district)
    do(target.plan())
    influx2.bucket("salinas_15m").retention_s = 5 * 86_400
    influx2.marked()["salinas read-raw"].status = "inactive"
    steps = target.plan()

    assert [(str(one), one.by_hand, one.differences[0].before) for one in steps] == [
        ("change bucket salinas_15m", True, "5d"),
        ("change token salinas.raw.read", True, "inactive"),
    ]
    do(steps)
    assert influx2.bucket("salinas_15m").retention_s == 2 * 86_400
    assert influx2.marked()["salinas read-raw"].status == "active"
    assert target.plan() == []


def test_what_is_not_marked_is_never_touched(influx2, target2, district):
    """A bucket of our name without a mark stays as it is and is said; adopted, it is ours."""
    foreign = influx2.add_bucket("salinas", "by the operator", retention_s=86_400)
    steps = target2(district).plan()

    assert str(steps[0]) == "keep bucket salinas"
    assert [one.field for one in steps[0].differences] == ["retention", "description"]
    do(steps)
    assert (foreign.description, foreign.retention_s) == ("by the operator", 86_400)
    [kept] = target2(district).plan()
    assert (kept.action, kept.do) == (Action.KEEP, None)
    do(target2(district, adopt=True).plan())
    assert (foreign.retention_s, foreign.description.startswith("barrio district=salinas")) == (
        90 * 86_400,
        True,
    )
    assert target2(district).plan() == []


def test_another_districts_mark_cannot_be_adopted(influx2, target2, district):
    """A bucket that is marked for another district is left alone whatever is asked."""
    influx2.add_bucket("salinas", "barrio district=other resolution=raw digest=x")
    step = target2(district, adopt=True).plan()[0]

    assert (step.action, "district other" in step.words) == (Action.KEEP, True)


def test_a_lost_token_is_made_anew(influx2, target2, district, tokens):
    """A file that is gone, or holds something else, cannot be asked for: the plan says so and replaces the token."""
    target = target2(district)
    do(target.plan())
    before = tokens.read("salinas.write")
    tokens.remove("salinas.write")
    tokens.write("salinas.raw.read", "restored-from-an-old-backup")
    steps = target.plan()

    assert said(steps) == ["change token salinas.write", "change token salinas.raw.read"]
    assert [one.words.partition(":")[0] for one in steps] == [
        "its token is not in the tokens folder",
        "the token in its file is another one",
    ]
    assert tokens.changing("salinas.write")
    do(steps)
    assert not influx2.may(before or "", "write", "salinas")
    assert influx2.may(tokens.read("salinas.write") or "", "write", "salinas")
    assert set(influx2.count_marked().values()) == {1}
    assert target.plan() == []


def test_a_utility_gets_other_resolutions_by_a_new_token(influx2, target2, make_district, tokens):
    """Rights cannot be changed: a new token takes the old one's place, which is turned away from then on."""
    do(target2(make_district()).plan())
    old = tokens.read("salinas.utility-cea.read") or ""
    more = target2(make_district(utilities="utilities: [{id: cea, resolutions: [1h, 1d]}]\n"))
    [step] = more.plan()

    assert (str(step), step.differences[0].before, step.differences[0].after) == (
        "change token salinas.utility-cea.read",
        "read salinas_15m, salinas_1d",
        "read salinas_1d, salinas_1h",
    )
    do([step])
    assert not influx2.may(old, "read", "salinas_1d")
    assert influx2.may(tokens.read("salinas.utility-cea.read") or "", "read", "salinas_1h")
    assert more.plan() == []


def test_a_utility_that_is_not_named_any_more_loses_its_token(influx2, target2, make_district, tokens):
    """Its authorization and its file go; other districts' and other people's stay."""
    influx2.token(Right("read", "buckets"), description="somebody's own")
    do(target2(make_district(), make_district("norte")).plan())
    fewer = target2(make_district(utilities="utilities: []\n"))
    steps = fewer.plan()

    assert said(steps) == ["delete token salinas.utility-cea.read"]
    do(steps)
    assert "salinas.utility-cea.read" not in tokens.names()
    assert "norte.utility-cea.read" in tokens.names()
    assert "norte utility-cea" in influx2.marked()
    assert "somebody's own" in {one.description for one in influx2.authorizations.values()}


def test_a_bucket_that_is_gone_is_made_again_with_its_tokens(influx2, target2, district, tokens):
    """Rights are on the id of a bucket, so that a bucket of the same name needs new tokens."""
    target = target2(district)
    do(target.plan())
    del influx2.buckets[influx2.bucket("salinas_1d").id]
    steps = target.plan()

    assert said(steps) == [
        "create bucket salinas_1d",
        "change token salinas.write",
        "change token salinas.1d.read",
        "change token salinas.utility-cea.read",
    ]
    do(steps)
    assert influx2.may(tokens.read("salinas.1d.read") or "", "read", "salinas_1d")
    assert target.plan() == []


@pytest.mark.parametrize("refuse", [True, False], ids=["refused", "cut after it was done"])
def test_a_broken_apply_is_continued_by_the_next(new_target, tmp_path, district, refuse):
    """Whichever call fails, done or not, the next apply ends where one without a failure does."""
    from provisioning.influx import Admin
    from provisioning.tokens import Tokens

    broken = 0
    for call in range(1, 60):
        with InfluxStandIn() as server:
            tokens = Tokens(tmp_path / str(call))
            target = new_target(Admin(server.url, server.operator, org=ORG, timeout_s=5), [district], tokens)
            server.fail_at(call, refuse=refuse)
            try:
                broken += apply(target.plan()).error is not None
            except ProvisioningError:
                broken += 1
            unharmed = server.heal()
            do(target.plan())

            assert target.plan() == [], call
            assert set(server.count_marked().values()) == {1}, call
            assert tokens.names() == FILES, call
            assert server.may(tokens.read("salinas.write") or "", "write", "salinas"), call
            assert all(
                server.may(tokens.read(f"salinas.{one}.read") or "", "read", f"salinas_{one}")
                for one in ("15m", "1h", "1d")
            ), call
        if unharmed:
            break

    assert broken == call - 1
    assert broken == 4 + 4 + 2 * len(FILES)


def test_a_broken_replacement_never_leaves_a_dead_token(influx2, target2, make_district, tokens):
    """Wherever replacing a token breaks off, the token in its file is good; the next apply ends the work."""
    resolutions = itertools.cycle(["15m", "1h"])
    do(target2(make_district(utilities=UTILITY.format("1d"))).plan())
    for call, refuse in itertools.product((1, 2, 3), (True, False)):
        target = target2(make_district(utilities=UTILITY.format(next(resolutions))))
        [step] = target.plan()
        influx2.fail_at(call, refuse=refuse)

        assert apply([step]).error is not None, (call, refuse)
        assert influx2.knows(tokens.read("salinas.utility-cea.read") or ""), (call, refuse)
        do(target.plan())
        assert target.plan() == []
        assert influx2.count_marked()["barrio district=salinas role=utility-cea"] == 1


def test_destroy_keeps_readings_unless_told(influx2, target2, make_district, tokens):
    """Tokens of the districts go; buckets go only when asked, marked ones only, and no other district's."""
    influx2.add_bucket("salinas", "not ours")
    both = (make_district(), make_district("norte"))
    do(target2(*both).plan())
    target = target2(both[0])
    do(target.destroy(keep_data=True))

    assert sorted(name for name in tokens.names() if name.startswith("salinas")) == []
    assert {*NAMES} <= {*influx2.named()}
    assert not [name for name in influx2.marked() if name.startswith("salinas ")]
    do(target.destroy(keep_data=False))
    assert sorted(influx2.named()) == ["norte", "norte_15m", "norte_1d", "norte_1h", "salinas"]
    assert target2(both[1]).plan() == []
    assert said(target.destroy(keep_data=False)) == ["keep bucket salinas"]


def test_what_goes_wrong_is_one_line_with_the_call_and_the_right(influx2, target2, district):
    """No token, an unknown one, another organisation, and each right that is missing."""
    org = influx2.org
    reader = influx2.token(Right("read", "orgs"), Right("read", "authorizations"), Right("read", "users"))
    buckets_only = influx2.token(
        Right("read", "orgs"),
        Right("read", "authorizations"),
        Right("read", "users"),
        Right("read", "buckets"),
        Right("write", "buckets"),
    )

    assert refusal(target2(district, token="canary-unknown")) == (
        "GET /api/v2/orgs: answered 401: unauthorized access: BARRIO_ADMIN_TOKEN is not a token of this server; "
        "what is missing: a valid admin token"
    )
    assert refusal(target2(district, token=influx2.token(Right("read", "buckets")))) == (
        "GET /api/v2/orgs: the token may not see an organisation 'city'; what is missing: read:orgs"
    )
    blind = influx2.token(Right("read", "orgs"))
    assert refusal(target2(district, token=blind)).endswith(
        f"; what is missing: read:orgs/{org}/authorizations"
    )
    refused = apply(target2(district, token=reader).plan())
    assert str(refused.error) == (
        f"POST /api/v2/buckets (salinas): answered 401: write:orgs/{org}/buckets is unauthorized; "
        f"what is missing: write:orgs/{org}/buckets"
    )
    refused = apply(target2(district, token=buckets_only).plan())
    assert str(refused.error).endswith(f"; what is missing: write:orgs/{org}/authorizations")
    assert [one.kind for one in refused.done] == ["bucket"] * 4


def test_rights_that_cannot_be_given_are_named(influx2, target2, district):
    """Who makes a token gives no more than they have: the refusal says what that was."""
    org = influx2.org
    steps = target2(district).plan()
    do(steps[:4])
    weak = influx2.token(
        *(Right("read", one) for one in ("orgs", "authorizations", "users", "buckets")),
        Right("write", "authorizations"),
        Right("write", "users"),
    )
    outcome = apply(target2(district, token=weak).plan())

    assert outcome.error is not None
    assert outcome.error.right.startswith(f"write:orgs/{org}/buckets/")


def test_an_unknown_organisation_is_named(new_target, influx2, tokens, district):
    """The organisation of the settings is not there: the server's own words."""
    from provisioning.influx import Admin

    target = new_target(Admin(influx2.url, influx2.operator, org="village"), [district], tokens)

    words = 'answered 404: organization name "village" not found: BARRIO_STORE_ORG names the organisation'
    assert refusal(target) == f"GET /api/v2/orgs: {words}"


def test_who_is_no_influxdb_or_not_there_is_one_line(new_target, tokens, district):
    """Nothing listens, something else answers, a version that is not known, an answer that is not JSON."""
    from provisioning.influx import Admin

    def of(url: str) -> str:
        return refusal(new_target(Admin(url, "canary", org=ORG, timeout_s=2), [district], tokens))

    with InfluxStandIn() as server:
        gone = server.url

    assert of(gone).startswith(f"GET /ping: {gone}: cannot be reached: ")
    with StandIn() as other:
        other.ping = Answer(200, b"<html>hello</html>")
        assert "not an InfluxDB: /ping answered 200" in of(other.url)
    with StandIn(version="4.0.0") as newer:
        assert "InfluxDB '4.0.0' is not known here" in of(newer.url)
    with StandIn() as odd:
        odd.answer = Answer(200, b"<html>a proxy's page</html>")
        assert of(odd.url).startswith("GET /api/v2/orgs: ")
    assert of("http://user:canary@h:8086").startswith("BARRIO_STORE: ")


def test_many_buckets_are_all_found(influx2, target2, district):
    """A server with more buckets than fit a page does not hide ours on a later one."""
    for number in range(230):
        influx2.add_bucket(f"a{number:03}")
    do(target2(district).plan())

    assert target2(district).plan() == []


def test_no_secret_is_in_what_is_said(influx2, target2, district, tokens):
    """Neither plans nor errors nor descriptions on the server hold a token."""
    target = target2(district)
    steps = target.plan()
    do(steps)
    secrets = [influx2.operator, *(tokens.read(name) or "" for name in FILES)]
    texts = [repr(steps), repr(target), *(one.description for one in influx2.authorizations.values())]
    texts += [refusal(target2(district, token="canary-unknown"))]
    tokens.remove("salinas.write")
    influx2.fail_at(6, refuse=True)
    texts.append(str(apply(target.plan()).error))

    assert not [text for text in texts for secret in (*secrets, "canary-unknown") if secret in text]


def test_the_stand_in_hides_tokens_as_2_9_does(influx2, target2, district):
    """No listing shows a token: what was not written down when it was made is gone."""
    do(target2(district).plan())
    answer = httpx.get(
        f"{influx2.url}/api/v2/authorizations",
        headers={"Authorization": f"Token {influx2.operator}"},
        trust_env=False,
    )

    assert all("token" not in one for one in answer.json()["authorizations"])


def test_a_mark_that_somebody_forged_is_none(influx2, target2, district, tokens):
    """A role that would name another file, and one that there is not, are somebody else's."""
    do(target2(district).plan())
    for role in ("utility-/../../x", "owner", "read-5m"):
        influx2.token(
            Right("read", "buckets"), description=f"barrio district=salinas role={role} digest=x token=y"
        )

    assert target2(district).plan() == []
    assert all(one.name in FILES for one in target2(district).destroy(keep_data=True) if one.kind == "token")


def test_shards_stay_as_they_are_while_retention_does(influx2, target2, district):
    """Taking over a bucket of the right retention does not touch how long somebody made its shards."""
    mine = influx2.add_bucket("salinas", retention_s=90 * 86_400)
    mine.shard_s = 3 * 86_400
    do(target2(district, adopt=True).plan())

    assert (mine.retention_s, mine.shard_s) == (90 * 86_400, 3 * 86_400)


@pytest.mark.parametrize("token", ["canary\nsecond line", "canary\0", "canary€", "canary "])
def test_a_token_that_no_header_carries_is_not_spelled_out(target2, district, token):
    """HTTP libraries put a header that they refuse into their words: it is refused before them, in words of ours."""
    line = refusal(target2(district, token=token))

    assert line.startswith("BARRIO_ADMIN_TOKEN: it holds a line break")
    assert "canary" not in line


def test_tokens_that_others_may_read_are_in_the_plan(target2, district, tokens):
    """The plan says so first, and there is nothing to do and no drift for it."""
    do(target2(district).plan())
    (tokens.folder / "salinas.write").chmod(0o644)
    tokens.folder.chmod(0o755)
    (step,) = target2(district).plan()

    assert step.action is Action.KEEP
    assert "everybody on this machine may read salinas.write" in step.words
    assert not step.differences


def test_no_organisation_is_not_any(influx2, new_target, district, tokens):
    """A server that is asked for an organisation without a name gives them all, and the first is not ours."""
    line = refusal(new_target(Admin(influx2.url, influx2.operator, org=""), [district], tokens))

    assert line.startswith("GET /api/v2/orgs: the token may not see an organisation ''")


def test_what_somebody_else_removed_meanwhile_is_no_error(influx2, target2, district, tokens):
    """Two that destroy at once, or renew a token at once: the second finds that it is gone, and goes on."""
    do(target2(district).plan())
    steps = target2(district).destroy(keep_data=False)
    do(target2(district).destroy(keep_data=False))

    do(steps)
    assert influx2.named() == {}
