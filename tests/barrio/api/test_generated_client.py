"""A typed client that others' generator makes of the published file reads what REST says."""

import datetime as dt
import json

import pytest

from tests.barrio.api.served import ran, served
from tests.barrio.api.test_openapi import PUBLISHED
from tests.servers import OPENAPI_CLIENT, need

POINT = "little/probe/energy"
ASKED = {
    "points": "/api/v1/points?limit=5&latest=true",
    "latest": f"/api/v1/latest?point={POINT}",
    "latest_of_point": f"/api/v1/points/{POINT}/latest",
    "history": f"/api/v1/history?point={POINT}&from=-1h",
    "windows": f"/api/v1/history?point={POINT}&from=-2h&every=1h",
    "intervals": f"/api/v1/intervals?point={POINT}&from=-2h&to=now",
    "absent": f"/api/v1/points/{POINT}x/latest",
}
TYPES = {
    "points": "Points",
    "latest": "LatestColumns",
    "latest_of_point": "LatestReading",
    "history": "History",
    "windows": "History",
    "intervals": "Intervals",
    "absent": "Problem",
}


def same(value):
    """What is left of an answer for a comparison: moments to the second, and no ends that are now."""
    if isinstance(value, dict):
        return {name: same(one) for name, one in value.items() if name not in {"from", "to", "source"}}
    if isinstance(value, list):
        return [same(one) for one in value]
    try:
        return dt.datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value
    except ValueError:
        return value


@pytest.mark.timeout(180)
async def test_a_generated_client_reads_what_rest_says(tmp_path):
    """The newest, history, windows and intervals of a register have the same values, in types of their own."""
    need("openapi-client")
    python = OPENAPI_CLIENT / ".venv/bin/python"
    generator = str(python.parent / "openapi-python-client")
    made = tmp_path / "made" / "barrio_client"
    made.parent.mkdir()
    words = ["generate", "--path", str(PUBLISHED), "--output-path", str(made), "--meta", "none"]
    code, said = await ran(
        generator, *words, "--config", str(OPENAPI_CLIENT / "config.yaml"), cwd=tmp_path, within_s=90
    )
    assert code == 0, said
    assert "WARNING" not in said.upper(), said

    async with served(tmp_path / "town") as (found, url):
        asked = [str(OPENAPI_CLIENT / "read.py"), str(made.parent), url, found.tokens["operator"], POINT]
        code, said = await ran(str(python), *asked, cwd=tmp_path, within_s=60)
        assert code == 0, said
        read = json.loads(said)
        wanted = {name: (await found.ask("operator", "GET", asked)).json() for name, asked in ASKED.items()}

    assert {name: one[0] for name, one in read.items()} == TYPES
    assert {name: one[1] for name, one in read.items()} == {**dict.fromkeys(TYPES, 200), "absent": 404}
    assert {name: same(one[2]) for name, one in read.items()} == same(wanted)
    assert read["latest_of_point"][2]["value"] == 5.0
    assert read["history"][2]["series"][0]["value"] == [5.0]
