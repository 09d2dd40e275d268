"""Barrio with the tokens that apply made, and with none that may do more."""

import json

import pytest

from barrio.assembly import store_of
from barrio.settings import Settings
from barrio.store_access import KeptAccess
from provisioning.influx import Admin
from tests.barrio.processes import barrio, demo
from tests.contract.store import T0, TEMPERATURE, WARM, rows
from tests.provisioning.conftest import do
from tests.provisioning.guarded import ADMIN, PASSWORD
from tests.provisioning.influx_stand_in import ORG
from tests.servers import free_port_range
from twin.store.influx import InfluxStore
from twin.store.port import Series, StoreDenied


def test_the_file_of_a_district_is_good_for_its_four_databases(tmp_path):
    """A token for 2.x, user and password for 1.x, nothing where there is no file; a new one is used from then on."""
    (tmp_path / "salinas.write").write_text("first\n")
    (tmp_path / "norte.write").write_text("barrio.norte.write:pa:ss\n")
    access = KeptAccess(tmp_path, "city")
    names = ["salinas", "salinas_15m", "salinas_1h", "salinas_1d"]

    found = [access(name) for name in names]
    assert [(one.token, one.org) for one in found if one is not None] == [("first", "city")] * 4
    other = access("norte_1d")
    assert other is not None
    assert (other.token, other.user, other.password) == ("", "barrio.norte.write", "pa:ss")
    assert access("sur") is None
    (tmp_path / "new").write_text("second")
    (tmp_path / "new").rename(tmp_path / "salinas.write")
    again = access("salinas_1h")
    assert again is not None
    assert again.token == "second"
    assert "second" not in repr(again)


def test_a_file_that_cannot_be_read_is_a_store_that_denies(tmp_path):
    """Nothing is dropped because of it: the words name the file."""
    (tmp_path / "salinas.write").mkdir()
    with pytest.raises(StoreDenied, match=r"salinas\.write: cannot be read: Is a directory"):
        KeptAccess(tmp_path, "city")("salinas")


def series(district: str) -> Series:
    return Series(WARM, f"{district}/hall/warm", district, "hall", "hall", "warm", TEMPERATURE)


def test_a_store_that_may_make_nothing_finds_what_was_made(new_target, guarded, make_district, tokens):
    """On 1.x a user who may only write opens the store, writes and reads back; a database that is missing is said."""
    do(
        new_target(
            Admin(guarded.url, PASSWORD, ADMIN), [make_district("papel", retention="{}")], tokens
        ).plan()
    )
    settings = Settings(store=guarded.url, tokens=tokens.folder, store_user="nobody")
    store = store_of(settings, tokens.folder)
    store.open([series("papel")], {})
    store.write(rows(WARM, (T0, 2.5)))

    assert store.latest().value.tolist() == [2.5]
    store.close()
    guarded.query('DROP DATABASE "papel"').raise_for_status()
    store = store_of(settings, tokens.folder)
    with pytest.raises(StoreDenied, match=r"there is no database 'papel' .* \(barrio apply does\)"):
        store.open([series("papel")], {})
    store.close()


def test_a_store_with_a_made_token_needs_no_other_on_2_x(influx2, target2, district, tokens):
    """The token finds its bucket and writes; where the bucket is gone the words say who makes it."""
    do(target2(district).plan())
    settings = Settings(store=influx2.url, store_org=ORG, tokens=tokens.folder)
    store = store_of(settings, tokens.folder)
    store.open([series("salinas")], {})
    store.write(rows(WARM, (T0, 2.5)))
    store.close()

    assert len(influx2.bucket("salinas").lines) == 1
    influx2.buckets.pop(influx2.bucket("salinas").id)
    store = store_of(settings, tokens.folder)
    with pytest.raises(StoreDenied, match=r"may not find or create the bucket 'salinas' .*barrio apply does"):
        store.open([series("salinas")], {})
    store.close()


def test_another_districts_token_writes_nothing(new_target, guarded, make_district, tokens):
    """What one district's user would write into another is refused, and kept for when somebody has acted."""
    districts = [make_district("rojo"), make_district("azul")]
    do(new_target(Admin(guarded.url, PASSWORD, ADMIN), districts, tokens).plan())
    tokens.write("azul.write", tokens.read("rojo.write") or "")
    store = InfluxStore(guarded.url, access_of=KeptAccess(tokens.folder, ""), create=False)
    store.open([series("azul")], {})
    with pytest.raises(StoreDenied, match='not authorized to write to database "azul"'):
        store.write(rows(WARM, (T0, 1.0)))
    store.close()


def test_barrio_runs_with_what_apply_made(guarded, tmp_path):
    """Apply, then the demo with the made token alone: all readings are stored, and Grafana's user reads them."""
    tokens = tmp_path / "tokens"
    common = {"BARRIO_STORE": guarded.url, "BARRIO_TOKENS": str(tokens)}
    applied = barrio(
        "apply",
        "ciudad-maderas",
        "--only",
        "influxdb",
        cwd=tmp_path,
        **common,
        BARRIO_ADMIN_USER=ADMIN,
        BARRIO_ADMIN_TOKEN=PASSWORD,
    )
    ran = demo(
        *("--no-story", "--base-port", str(free_port_range(100))),
        cwd=tmp_path,
        until=lambda status: status["readings"]["stored"] > 300,
        **common,
    )

    assert applied.returncode == 0, applied.stderr
    assert ran.returncode == 0, ran.stderr
    body = json.loads(ran.stdout)
    assert body["readings"]["stored"] > 300
    assert (body["readings"]["waiting"], body["balanced"]) == (0, True)
    user, _, password = (tokens / "ciudad-maderas.raw.read").read_text().strip().partition(":")
    answer = guarded.query('SELECT count("value") FROM /.*/', user, password, db="ciudad-maderas").json()
    assert len(answer["results"][0]["series"]) > 10
    said = applied.stdout + applied.stderr + ran.stdout + ran.stderr
    secrets = [path.read_text().strip().partition(":")[2] for path in tokens.iterdir()]
    assert not [one for one in (*secrets, PASSWORD) if one in said]
