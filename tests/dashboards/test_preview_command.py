"""`barrio dashboards preview`: pictures from the InfluxDB of the settings, or one line that says why not."""

import httpx
import pytest
from pydantic import SecretStr

from barrio.commands.preview import Asked, preview, sources_of
from barrio.errors import AskError
from barrio.settings import Settings
from dashboards.kit.names import source_uid
from tests.dashboards.districts import demo
from twin.errors import StartError
from twin.resolution import Resolution


def settings(url: str, **more: object) -> Settings:
    return Settings(store=url, **more)  # type: ignore[arg-type]


def test_each_page_is_a_picture(influxdb, tmp_path):
    """A file for each page that was asked for, and a line that says what was found."""
    with httpx.Client(base_url=influxdb.url, trust_env=False) as client:
        for one in Resolution:
            client.post("/query", data={"q": f'CREATE DATABASE "{one.database("ciudad-maderas")}"'})
    asked = Asked(["ciudad-maderas"], ("quality", "device"), "es", "-2d", "now", "svg")
    lines = list(preview(settings(influxdb.url), asked, tmp_path / "new" / "pictures"))

    assert [line.split("  ")[0].rsplit("/", 1)[-1] for line in lines] == [
        "ciudad-maderas-quality.svg",
        "ciudad-maderas-device.svg",
    ]
    assert all("panels asked" in line and "failed" not in line for line in lines)
    assert "Calidad de los datos" in (tmp_path / "new/pictures/ciudad-maderas-quality.svg").read_text("utf-8")


def test_nothing_is_drawn_without_an_influxdb(influxdb, tmp_path):
    """The embedded store answers no Grafana; a server without the databases is said once, with its own words."""
    with pytest.raises(StartError, match="an InfluxDB"):
        list(preview(settings("duckdb"), Asked(["ciudad-maderas"]), tmp_path))
    with pytest.raises(StartError, match="does not answer"):
        list(preview(settings("http://127.0.0.1:9"), Asked(["ciudad-maderas"], ("home",)), tmp_path))

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(["ciudad-maderas"], ("hoem",)), "--page: there is no page 'hoem'"),
        (Asked(["ciudad-maderas"], lang="fr"), "--lang: 'fr' is none of en, es"),
        (Asked(["ciudad-maderas"], form="pdf"), "--format: 'pdf' is none of png, svg"),
        (Asked(["ciudad-maderas"], since="yesterday"), "--from: 'yesterday' is not a time"),
    ],
)
def test_what_cannot_be_is_said(asked, words, influxdb, tmp_path):
    """A page, language, format or time that there is not."""
    with pytest.raises(AskError) as caught:
        list(preview(settings(influxdb.url), asked, tmp_path))

    assert words in str(caught.value)


def test_each_database_is_read_with_its_own_token(tmp_path):
    """The read token of a resolution goes before that of writing, and that before the store's."""
    district = demo()
    (tmp_path / "ciudad-maderas.raw.read").write_text("reader:secret-1\n")
    (tmp_path / "ciudad-maderas.write").write_text("token-2\n")
    found = sources_of(
        [district], settings("http://i:8086", tokens=tmp_path, store_token=SecretStr("token-3"))
    )
    without = sources_of([district], settings("http://i:8086", store_token=SecretStr("token-3")))

    assert [
        (found[source_uid(district.id, one)].user, found[source_uid(district.id, one)].secret)
        for one in (Resolution.RAW, Resolution.HOUR)
    ] == [("reader", "secret-1"), ("barrio", "token-2")]
    assert without[source_uid(district.id, Resolution.RAW)].secret == "token-3"
    assert "token-3" not in repr(without)
