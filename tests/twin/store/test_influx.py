import base64
import dataclasses
import json
import time
from email.utils import formatdate

import httpx
import numpy as np
import pytest

from tests.contract.store import MINUTE, STATES, T0, WARM, catalogue, ids, rows
from tests.servers import free_port
from tests.twin.store.standin import Answer, StandIn
from twin.frame import join
from twin.store import influxql
from twin.store.influx import InfluxStore
from twin.store.influx_http import Access, login_of
from twin.store.port import Aggregate, NotAStore, StoreBusy, StoreDenied, StoreRefused, StoreTooLarge

NASTY_DEVICE = catalogue("d")[-1].device
ONE = rows(WARM, (T0, 21.5))


@pytest.fixture
def standin():
    with StandIn() as server:
        server.answers["/api/v2/buckets"] = Answer(200, b'{"buckets": [{"name": "d", "retentionRules": []}]}')
        for path in ("/api/v2/buckets", "/query"):
            server.answers[path] = Answer(
                server.answers.get(path, Answer(200, b"{}")).status,
                server.answers.get(path, Answer(200, b'{"results": [{}]}')).body,
                {"Content-Type": "application/json"},
            )
        yield server


@pytest.fixture
def opened(standin):
    made = []

    def open_store(**options):
        made.append(InfluxStore(standin.url, token="t0ken", org="city", timeout_s=1.0, **options))
        made[-1].open(catalogue("d"), STATES)
        return made[-1]

    yield open_store
    for store in made:
        store.close()


def test_writes_of_2(standin, opened):
    """InfluxDB 2 gets line protocol at its own path, with the bucket, the organisation, the precision and the token."""
    opened().write(ONE)
    asked = standin.asked("/api/v2/write")[0]

    assert asked.query == {"bucket": ["d"], "org": ["city"], "precision": ["ns"]}
    assert asked.headers["Authorization"] == "Token t0ken"
    assert asked.body == b"air_temperature,district=d,site=s,device=hall,point=warm value=21.5 %d" % T0


@pytest.mark.parametrize(
    ("version", "path"),
    [("1.6.7~rc0", "/write"), ("1.12.4", "/write"), ("v2.7.12", "/api/v2/write"), ("3.9.0", "/api/v2/write")],
)
def test_the_version_decides_the_path(standin, opened, version, path):
    """The write path follows from the version that /ping names, however it is written."""
    standin.ping = Answer(200, b"{}", {"X-Influxdb-Version": version})
    opened().write(ONE)

    assert len(standin.asked(path)) == 1


def test_one_database_a_district(standin, opened):
    """A batch of two districts goes to two databases, each reading to its own; the prefix stands before both."""
    standin.ping = Answer(204, headers={"X-Influxdb-Version": "3.9.0"})
    store = opened(database_prefix="city_")
    far = [dataclasses.replace(one, id=one.id + 50, district="e") for one in catalogue("d")]
    store.open([*catalogue("d"), *far], STATES)
    store.write(join([ONE, rows(WARM + 50, (T0, 1)), rows(WARM, (T0 + 1, 2))]))
    asked = standin.asked("/api/v2/write")

    assert [(one.query["bucket"], one.body.count(b"\n") + 1) for one in asked] == [
        (["city_d"], 2),
        (["city_e"], 1),
    ]
    assert b"district=e" in asked[1].body


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(400, b'{"error":"partial write: field type conflict dropped=1"}'), StoreRefused),
        (Answer(422, b'{"message":"outside retention"}'), StoreRefused),
        (Answer(401, b'{"message":"unauthorized"}'), StoreDenied),
        (Answer(403), StoreDenied),
        (Answer(404, b'{"message":"bucket \\"d\\" not found"}'), StoreBusy),
        (Answer(413, b"too large"), StoreTooLarge),
        (Answer(429), StoreBusy),
        (Answer(500, b'{"message":"internal"}'), StoreBusy),
        (Answer(502, b"<html>bad gateway</html>"), StoreBusy),
        (Answer(503), StoreBusy),
        (Answer(200, b"<html>welcome</html>"), StoreBusy),
        (Answer(202), StoreBusy),
        (Answer(302, headers={"Location": "http://elsewhere/"}), StoreBusy),
        (Answer(418), StoreBusy),
        (Answer(204, slow_s=1.5), StoreBusy),
    ],
)
def test_what_an_answer_means(standin, opened, answer, error):
    """Only 204 in time is success; each other answer has its meaning, and what is not understood may be tried again."""
    store = opened()
    standin.answers["/api/v2/write"] = answer
    with pytest.raises(error) as raised:
        store.write(ONE)

    assert type(raised.value) is error or error is StoreBusy
    assert isinstance(raised.value, StoreRefused) == issubclass(error, StoreRefused)
    assert str(raised.value).startswith(standin.url)
    assert "t0ken" not in str(raised.value)


def test_the_servers_words_are_kept(standin, opened):
    """What the server said stands in the error, for the dead letters."""
    store = opened()
    standin.answers["/api/v2/write"] = Answer(400, b'{"error":"partial write: type conflict\\n dropped=1"}')
    with pytest.raises(StoreRefused, match="answered 400: partial write: type conflict dropped=1"):
        store.write(ONE)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("7", 7, 7),
        ("DATE", 50, 60),
        ("PAST", 0, 0),
        ("soon", None, None),
        ("9" * 400, 300, 300),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300, 300),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None, None),
    ],
)
def test_retry_after(standin, opened, text, low, high):
    """The wait that a server asks for is told, be it seconds or a date, up to five minutes."""
    store = opened()
    dates = {"DATE": formatdate(time.time() + 60, usegmt=True), "PAST": formatdate(0, usegmt=True)}
    standin.answers["/api/v2/write"] = Answer(503, headers={"Retry-After": dates.get(text, text)})
    with pytest.raises(StoreBusy) as raised:
        store.write(ONE)
    wait = raised.value.retry_after_s

    assert wait == low or (low is not None and low <= wait <= high)


def test_away(standin, opened):
    """A server that was there and is gone is busy, for writes, for reads and when it is opened again."""
    store = opened()
    store.write(ONE)
    standin.die()
    for call in (
        lambda: store.write(ONE),
        store.latest,
        lambda: store.open(catalogue("d"), STATES),
    ):
        with pytest.raises(StoreBusy, match="cannot be reached"):
            call()


def test_absent_from_the_start():
    """Nobody there is no reason to give up."""
    store = InfluxStore(f"http://127.0.0.1:{free_port()}", timeout_s=1)
    with pytest.raises(StoreBusy, match="cannot be reached"):
        store.open(catalogue("d"), STATES)
    store.close()


@pytest.mark.parametrize("url", ["influx", "ftp://host", "http://", "postgres://localhost:5432"])
def test_an_address_that_is_none(url):
    """What is no address is refused at once, in words."""
    with pytest.raises(NotAStore, match="is not the address of an InfluxDB"):
        InfluxStore(url)


@pytest.mark.parametrize(
    "ping", [Answer(200, b"<html>hello</html>"), Answer(404), Answer(302, headers={"Location": "/"})]
)
def test_something_else_answers(standin, opened, ping):
    """What does not answer /ping as InfluxDB does is not a store."""
    standin.ping = ping
    with pytest.raises(NotAStore, match="not an InfluxDB"):
        opened()


@pytest.mark.parametrize(
    ("status", "error"), [(401, StoreDenied), (403, StoreDenied), (503, StoreBusy), (429, StoreBusy)]
)
def test_ping_that_is_refused(standin, opened, status, error):
    """A server that asks for credentials, or is busy, is not taken for something else."""
    standin.ping = Answer(status)
    with pytest.raises(error):
        opened()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (
            Answer(200, b'{"results":[{"error":"error parsing query"}]}'),
            StoreBusy,
            "the query failed: error parsing",
        ),
        (Answer(200, b"<html>"), StoreBusy, "not understood"),
        (Answer(200, b"[1]"), StoreBusy, "not understood"),
        (
            Answer(
                200,
                b'{"results":[{"series":[{"name":"air_temperature","tags":{"device":"hall","point":"warm"}}]}]}',
            ),
            StoreBusy,
            "not understood",
        ),
        (Answer(200, b'{"results":[{"series":[7]}]}'), StoreBusy, "not understood"),
        (Answer(401, b'{"error":"authorization failed"}'), StoreDenied, "authorization failed"),
        (Answer(503), StoreBusy, "503"),
    ],
)
def test_a_query_that_fails(standin, opened, answer, error, words):
    """A query may fail inside a 200; an answer that is not understood is not an empty one."""
    store = opened()
    standin.answers["/query"] = answer
    with pytest.raises(error, match=words):
        store.latest(ids(WARM))


def test_reads_say_who_asks(standin, opened):
    """Reads use the one form of credentials that every version takes, and a missing database has no readings."""
    store = opened()
    standin.answers["/query"] = Answer(
        200, b'{"results":[{"statement_id":0,"error":"database not found: d"}]}'
    )
    found = store.latest(ids(WARM))

    assert len(found) == 0
    assert (
        standin.asked("/query")[-1].headers["Authorization"]
        == "Basic " + base64.b64encode(b"barrio:t0ken").decode()
    )


def test_a_bucket_that_is_missing_is_made(standin, opened):
    """On InfluxDB 2 a missing bucket is created; without the right to do so the words say which."""
    answer = Answer(403, b'{"message":"forbidden"}', {"Content-Type": "application/json"})
    standin.answers["/api/v2/buckets"] = answer
    with pytest.raises(
        StoreDenied, match="the token may not find or create the bucket 'd' in the organisation 'city'"
    ):
        opened()
    standin.answers["/api/v2/buckets"] = Answer(
        200, b'{"buckets":[],"name":"d","retentionRules":[]}', {"Content-Type": "application/json"}
    )
    standin.answers["/api/v2/orgs"] = Answer(
        200, b'{"orgs":[{"id":"0a","name":"city"}]}', {"Content-Type": "application/json"}
    )
    opened()
    made = [one for one in standin.asked("/api/v2/buckets") if one.method == "POST"]

    assert [b'"name": "d"' in one.body or b'"name":"d"' in one.body for one in made] == [True]


def test_3_core_deletes_nothing(standin, opened):
    """InfluxDB 3 Core has no delete; that is said, not passed over."""
    standin.ping = Answer(200, b"{}", {"X-Influxdb-Version": "3.9.0"})
    with pytest.raises(StoreRefused, match="deletes no readings"):
        opened().delete(ids(WARM), 0, T0)


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("barrio.d.write:pass", ("barrio.d.write", "pass")),
        ("barrio.d.write:pa:ss:", ("barrio.d.write", "pa:ss:")),
        ("user:", ("user", "")),
        (":pass", ("", "pass")),
        (":", ("", "")),
        ("dG9rZW4_-w==", None),
        ("apiv3_dG9rZW4", None),
        ("", None),
    ],
)
def test_a_colon_tells_a_login_from_a_token(text, login):
    """What stands before the first colon is the user; a text without one is a token."""
    assert login_of(text) == login


def test_secrets_do_not_show():
    """Neither token nor password is in the text of the credentials."""
    assert "s3cret" not in repr(Access(token="s3cret", user="u", password="s3cret"))


@pytest.mark.parametrize("token", ["s3cret\nsecond line", "s3crñt"])
def test_a_token_that_no_header_carries_is_not_spelled_out(standin, token):
    """HTTP libraries put a header that they refuse into their words, and those go into logs; nothing is dropped."""
    store = InfluxStore(standin.url, token=token, org="city", timeout_s=1.0)
    with pytest.raises(StoreDenied, match="no token has") as caught:
        store.open(catalogue("d"), STATES)
    store.close()

    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://u:s3cret@host:port", "http://u:s3cret@[::1", "ftp://u:s3cret@host"])
def test_a_password_in_an_address_is_not_shown(url):
    """Also where the address cannot be taken apart."""
    with pytest.raises(NotAStore) as caught:
        InfluxStore(url)

    assert "s3cret" not in str(caught.value)


def test_identifiers_and_literals():
    """Quotes, backslashes and line ends of names stay inside their quotes."""
    assert influxql.identifier('a"; DROP MEASUREMENT x\n') == '"a\\"; DROP MEASUREMENT x\\n"'
    assert influxql.literal("' OR 1=1 --\\") == "'\\' OR 1=1 --\\\\'"


def test_a_database_that_vanishes_is_made_again(influxdb, request):
    """A database that was dropped while running is made again by the next write."""
    store = InfluxStore(influxdb.url, database_prefix="vanish_")
    store.open(catalogue("d"), STATES)
    list(store._http.query("", 'DROP DATABASE "vanish_d"'))
    store.write(ONE)
    found = store.latest()
    store.close()

    assert found.value.tolist() == [21.5]


def test_a_real_partial_write_is_refused(influxdb):
    """A type conflict among good readings is refused with the server's words."""
    store = InfluxStore(influxdb.url, database_prefix="conflict_")
    store.open(catalogue("d"), STATES)
    store._http.write("conflict_d", b"air_temperature,device=x value=true 1")
    with pytest.raises(StoreRefused, match="partial write"):
        store._http.write(
            "conflict_d", b"air_temperature,device=x value=1.0 1\nair_temperature,device=y value=2.0 2"
        )
    store.close()


def test_line_protocol_on_a_second_store(victoria):
    """VictoriaMetrics, another implementation, takes the same lines on the path of InfluxDB 2."""
    store = InfluxStore(victoria.url, api="2", create=False)
    store.open(catalogue("vm"), STATES)
    now = time.time_ns() // MINUTE * MINUTE - 10 * MINUTE
    store.write(join([rows(WARM, (now, 21.5), (now + MINUTE, 22.0)), rows(900, (now, -3.25))]))
    store.close()
    victoria.flush()
    query = {"match[]": '{__name__="air_temperature_value"}'}
    answer = httpx.get(f"{victoria.url}/api/v1/export", params=query, trust_env=False)
    found = {one["metric"]["device"]: one for one in map(json.loads, answer.text.splitlines())}

    assert found["hall"]["values"] == [21.5, 22.0]
    assert found["hall"]["timestamps"] == [now // 1_000_000, (now + MINUTE) // 1_000_000]
    assert {device: one["values"] for device, one in found.items()} == {
        "hall": [21.5, 22.0],
        NASTY_DEVICE: [-3.25],
    }
    assert found["hall"]["metric"]["district"] == "vm"


def test_many_windows_of_many_series(influxdb):
    """More series than fit one query, and more cells than fit one portion, come back whole."""
    store = InfluxStore(influxdb.url, database_prefix="many_")
    base = catalogue("many")[0]
    series = [dataclasses.replace(base, id=k, device=f"d{k}") for k in range(1, 131)]
    store.open(series, {})
    times = T0 + MINUTE * np.arange(120)
    store.write(join([rows(k, *[(int(t), k) for t in times]) for k in range(1, 131)]))
    found = store.windows(
        np.arange(1, 131, dtype=np.int32), np.append(times, times[-1] + MINUTE), [Aggregate.SUM]
    )
    latest = store.latest()
    store.close()

    assert all(found[k].columns["sum"].tolist() == [k] * 120 for k in range(1, 131))
    assert latest.value.tolist() == list(range(1, 131))
