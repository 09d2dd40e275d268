"""InfluxDB 1.x: a real 1.6.7 with authentication on, and one with it off."""

import itertools
import stat

import pytest

from provisioning.influx import Admin, InfluxTarget
from provisioning.influx1_calls import Calls
from provisioning.plan import ProvisioningError, apply
from tests.provisioning.conftest import do, refusal, said
from tests.provisioning.guarded import ADMIN, PASSWORD
from tests.provisioning.influx_stand_in import InfluxStandIn
from tests.twin.store.standin import Answer, StandIn
from twin.store.influxql import identifier, literal

FORBIDDEN, NO_CONTENT = 403, 204


@pytest.fixture
def target1(guarded, tokens, new_target):
    """A function that gives the target of the guarded server."""

    def make(*districts, user: str = ADMIN, password: str = PASSWORD) -> InfluxTarget:
        found: InfluxTarget = new_target(Admin(guarded.url, password, user, timeout_s=10), districts, tokens)
        return found

    return make


def login(tokens, name: str) -> tuple[str, str]:
    user, _, password = (tokens.read(name) or "").partition(":")
    return user, password


def durations(guarded, district: str) -> dict[str, str]:
    """Return the duration of each default policy."""
    found = {}
    for name in (district, f"{district}_15m", f"{district}_1h", f"{district}_1d"):
        answer = guarded.query(f'SHOW RETENTION POLICIES ON "{name}"').json()
        [row] = answer["results"][0]["series"][0]["values"]
        found[name] = row[1]
    return found


def test_a_district_gets_databases_and_users(guarded, target1, make_district, tokens):
    """Databases with their retention, users with their rights, files that are their owner's; a second time nothing."""
    target = target1(make_district("uno"))
    do(target.plan())

    assert durations(guarded, "uno") == {
        "uno": "2160h0m0s",
        "uno_15m": "48h0m0s",
        "uno_1h": "17520h0m0s",
        "uno_1d": "0s",
    }
    assert tokens.names() == [
        "uno.15m.read",
        "uno.1d.read",
        "uno.1h.read",
        "uno.raw.read",
        "uno.utility-cea.read",
        "uno.write",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tokens.folder.iterdir()} == {0o600}
    assert login(tokens, "uno.write")[0] == "barrio.uno.write"
    assert target.plan() == []


def test_users_can_do_their_own_and_nothing_else(guarded, target1, make_district, tokens):
    """Who reads one database reads no other and writes none; who writes a district writes no other and makes none."""
    do(target1(make_district("dos"), make_district("otra")).plan())
    writer, reader = login(tokens, "dos.write"), login(tokens, "dos.15m.read")
    utility = login(tokens, "dos.utility-cea.read")

    assert guarded.write("dos", "flow value=1", *writer) == NO_CONTENT
    assert guarded.write("dos_15m", "flow mean=2", *writer) == NO_CONTENT
    assert guarded.query("SELECT * FROM flow", *writer, db="dos").json()["results"][0]["series"]
    assert guarded.write("otra", "flow value=1", *writer) == FORBIDDEN
    assert guarded.query("SELECT * FROM flow", *reader, db="dos_15m").json()["results"][0]["series"]
    assert guarded.query("SELECT * FROM flow", *reader, db="dos").status_code == FORBIDDEN
    assert guarded.write("dos_15m", "flow mean=3", *reader) == FORBIDDEN
    assert guarded.query("SELECT * FROM flow", *utility, db="dos_15m").json()["results"][0]["series"]
    assert guarded.query("SELECT * FROM flow", *utility, db="dos_1h").status_code == FORBIDDEN
    for who in (writer, reader, utility):
        assert guarded.query('CREATE DATABASE "more"', *who).status_code == FORBIDDEN
        assert guarded.query("SHOW USERS", *who).status_code == FORBIDDEN


def test_retention_follows_the_code(guarded, target1, make_district):
    """Retention goes down to less than a shard was long, and up to for ever, where shards become long again."""
    do(target1(make_district("tres", retention="{}")).plan())
    short = target1(make_district("tres", retention="{raw: 6h}"))
    [step] = short.plan()

    assert (str(step), step.differences[0].before, step.differences[0].after) == (
        "change database tres",
        "for ever",
        "6h",
    )
    do([step])
    assert short.plan() == []
    assert durations(guarded, "tres")["tres"] == "6h0m0s"
    ever = target1(make_district("tres", retention="{}"))
    do(ever.plan())
    assert ever.plan() == []
    row = guarded.query('SHOW RETENTION POLICIES ON "tres"').json()["results"][0]["series"][0]["values"][0]
    assert row[1:3] == ["0s", "168h0m0s"]


def test_rights_that_somebody_changed_are_put_back(guarded, target1, make_district):
    """What was granted too much or taken away is in the plan, an admin among them, and is put back."""
    target = target1(make_district("cuatro"))
    do(target.plan())
    for statement in (
        'GRANT ALL ON "cuatro" TO "barrio.cuatro.15m.read"',
        'GRANT ALL PRIVILEGES TO "barrio.cuatro.1h.read"',
        'REVOKE WRITE ON "cuatro_1d" FROM "barrio.cuatro.write"',
        'DROP USER "barrio.cuatro.1d.read"',
    ):
        guarded.query(statement).raise_for_status()
    steps = target.plan()

    assert [(str(one), one.differences[0].before) for one in steps] == [
        (
            "change user barrio.cuatro.write",
            "read and write cuatro, cuatro_15m, cuatro_1h; read cuatro_1d",
        ),
        ("change user barrio.cuatro.15m.read", "read and write cuatro; read cuatro_15m"),
        ("change user barrio.cuatro.1h.read", "read cuatro_1h, and administers the server"),
        ("create user barrio.cuatro.1d.read", ""),
    ]
    do(steps)
    assert target.plan() == []


def test_a_password_that_is_lost_or_wrong_is_made_anew(guarded, target1, make_district, tokens):
    """A file that is gone, and one whose password the server does not take, are replaced; the others stay."""
    target = target1(make_district("cinco"))
    do(target.plan())
    kept = tokens.read("cinco.1d.read")
    tokens.remove("cinco.write")
    tokens.write("cinco.raw.read", "barrio.cinco.raw.read:from-an-old-backup")
    steps = target.plan()

    assert said(steps) == [
        "change password barrio.cinco.write",
        "change password barrio.cinco.raw.read",
    ]
    assert tokens.changing("cinco.raw.read")
    do(steps)
    assert guarded.write("cinco", "flow value=1", *login(tokens, "cinco.write")) == NO_CONTENT
    assert tokens.read("cinco.1d.read") == kept
    assert target.plan() == []


@pytest.mark.parametrize("after", [False, True], ids=["before it was done", "after it was done"])
def test_a_broken_apply_is_continued_by_the_next(guarded, target1, make_district, tokens, monkeypatch, after):
    """Whichever statement fails, done or not, the next apply ends where one without a failure does."""
    target = target1(make_district(f"seis-{after:d}", utilities="utilities: []\n"))
    real = Calls.do
    # Of seventeen: databases, barrio's user and its rights, a reader, the last.
    for call in (1, 4, 5, 6, 10, 17):
        # Making databases anew takes a while: they stay where it is users that fail.
        there = 4 if call > 4 else 0
        do(target.destroy(keep_data=there > 0))
        numbers = itertools.count(there + 1)

        def broken(self, statement, shown="", numbers=numbers, call=call):
            cut = next(numbers) == call
            if cut and not after:
                raise ProvisioningError(shown or statement, "the connection was cut")
            real(self, statement, shown)
            if cut:
                raise ProvisioningError(shown or statement, "the connection was cut")

        with monkeypatch.context() as patched:
            patched.setattr(Calls, "do", broken)
            outcome = apply(target.plan())
        do(target.plan())

        assert outcome.error is not None, call
        assert target.plan() == [], call
        assert (
            guarded.write(f"seis-{after:d}", "a b=1", *login(tokens, f"seis-{after:d}.write")) == NO_CONTENT
        )


def test_destroy_keeps_readings_unless_told(guarded, target1, make_district, tokens):
    """Users of the district go; databases only when asked, and no other district's, however alike its name."""
    one, alike = make_district("siete"), make_district("siete-norte")
    do(target1(one, alike).plan())
    target = target1(one)
    do(target.destroy(keep_data=True))

    assert [name for name in tokens.names() if name.startswith("siete.")] == []
    names = {row[0] for row in guarded.query("SHOW DATABASES").json()["results"][0]["series"][0]["values"]}
    assert {"siete", "siete_15m", "siete_1h", "siete_1d"} <= names
    do(target.destroy(keep_data=False))
    assert target.destroy(keep_data=False) == []
    assert target1(alike).plan() == []


def test_what_goes_wrong_is_one_line_with_the_call_and_the_right(guarded, target1, make_district, tokens):
    """A wrong password, nobody, and a user who does not administer the server."""
    district = make_district("ocho")
    do(target1(district).plan())
    user, password = login(tokens, "ocho.write")
    admin = "a valid BARRIO_ADMIN_USER with its password as BARRIO_ADMIN_TOKEN"

    assert refusal(target1(district, password="canary-wrong")) == (
        f"SHOW DATABASES: answered 401: authorization failed; what is missing: {admin}"
    )
    assert refusal(target1(district, user="", password="")).startswith("SHOW DATABASES: answered 401: ")
    assert refusal(target1(district, user=user, password=password)) == (
        "SHOW USERS: answered 403: error authorizing query: barrio.ocho.write not authorized to execute statement "
        "'SHOW USERS', requires admin privilege; "
        "what is missing: that of an admin user (GRANT ALL PRIVILEGES TO …)"
    )


def test_a_server_that_asks_nobody_is_said(new_target, influxdb, make_district, tokens):
    """Where authentication is off users are made all the same, and the plan says that they have no effect."""
    target = new_target(Admin(influxdb.url), [make_district("nueve")], tokens)
    steps = target.plan()

    assert said(steps)[0] == f"keep server {influxdb.url}"
    assert "authentication is off" in steps[0].words
    do(steps)
    assert said(target.plan()) == [f"keep server {influxdb.url}"]
    do(target.destroy(keep_data=False))


def test_a_default_policy_of_another_name_is_kept(guarded, target1, make_district):
    """Retention is that of the default policy, whatever it is called: readings are in that one."""
    for statement in (
        'CREATE DATABASE "diez"',
        'CREATE RETENTION POLICY "mine" ON "diez" DURATION 1d REPLICATION 1 DEFAULT',
        'DROP RETENTION POLICY "autogen" ON "diez"',
        'CREATE DATABASE "diez_1d"',
        'DROP RETENTION POLICY "autogen" ON "diez_1d"',
    ):
        guarded.query(statement).raise_for_status()
    target = target1(make_district("diez"))
    steps = [one for one in target.plan() if one.kind == "database"]

    assert [(str(one), one.differences[0].before, one.words) for one in steps if one.action == "change"] == [
        ("change database diez", "1d", "its default policy is mine"),
        ("change database diez_1d", "none", ""),
    ]
    do(target.plan())
    assert target.plan() == []


def test_no_secret_is_in_what_is_said(target1, make_district, tokens):
    """Neither plans nor errors hold a password, also where the statement that fails is the one with it in it."""
    target = target1(make_district("once"))
    steps = target.plan()
    do(steps)
    outcome = apply(steps)
    secrets = [PASSWORD, *(login(tokens, name)[1] for name in tokens.names())]
    texts = [repr(steps), repr(outcome), str(outcome.error), refusal(target1(password="canary-wrong"))]

    assert not [text for text in texts for secret in (*secrets, "canary-wrong") if secret in text]


def test_an_answer_that_is_none_is_one_line(new_target, make_district, tokens):
    """A proxy's page, an answer of another shape, and a server that is away by the second question."""
    district = make_district("doce")

    def of(url: str) -> str:
        return refusal(new_target(Admin(url, "x", "y", timeout_s=2), [district], tokens))

    with StandIn(version="1.8.10") as odd:
        odd.answer = Answer(200, b"<html>")
        assert of(odd.url) == "SHOW DATABASES: answered 200, which is not what an InfluxDB says"
        odd.answer = Answer(200, b'{"results": [{"series": [{"columns": ["other"], "values": [["x"]]}]}]}')
        assert of(odd.url).startswith("SHOW DATABASES: the answer was not understood: ")
        odd.answer = Answer(500, b'{"error": "no more memory"}')
        assert of(odd.url) == "SHOW DATABASES: no more memory"
    with InfluxStandIn("1.8.10") as other:
        assert of(other.url).startswith("SHOW DATABASES: answered 401: ")


def test_a_user_of_another_name_is_somebody_elses(guarded, target1, make_district, tokens):
    """What begins as our names do and is none of them stays, in plans and in a destroy."""
    target = target1(make_district("trece"))
    do(target.plan())
    for name in ("barrio.trece.mine", "barrio.trece./../../x.read", "barrio.trece.utility-a/b.read"):
        guarded.query(f"CREATE USER \"{name}\" WITH PASSWORD 'x'").raise_for_status()

    assert target.plan() == []
    do(target.destroy(keep_data=False))
    left = [row[0] for row in guarded.query("SHOW USERS").json()["results"][0]["series"][0]["values"]]
    assert len([name for name in left if name.startswith("barrio.trece.")]) == 3


def test_names_and_texts_are_quoted():
    """A quote, a backslash and a line end in a name or a text do not end it."""
    assert identifier('a"b\\c\n') == '"a\\"b\\\\c\\n"'
    assert literal("a'b\\c\n") == "'a\\'b\\\\c\\n'"
