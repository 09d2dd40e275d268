"""The whole OpenAPI file, asked with whatever fits it and whatever does not: no 5xx, and nothing undeclared.

It runs Schemathesis against the real server, with the same seed each time. A longer run
by hand: EXAMPLES=25 PHASES=examples,coverage,fuzzing WITHIN_S=900.
"""

import json
import os
import sysconfig
from pathlib import Path

import pytest

from tests.barrio.api.served import ran, served

EXAMPLES = os.environ.get("EXAMPLES", "3")
WITHIN_S = float(os.environ.get("WITHIN_S", "90"))
PHASES = os.environ.get("PHASES", "examples,fuzzing")
ENDLESS = ("/api/v1/stream",)
"""They do not end: tests/barrio/live asks for them over sockets."""
LEFT_OUT = {
    "positive_data_acceptance": "times, durations, names and cursors are texts of which a schema does not say all",
    "missing_required_header": "there is none",
    "use_after_free": "it is of the stateful phase, which is not run: nothing here is made of random texts",
    "ensure_resource_availability": "likewise",
}
CONFIG = """\
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 431]

[[operations]]
include-path = "/api/v1/commands/release"
# GET there is that of /api/v1/commands/{number} with a number that is none: 400, and `Allow` names it.
checks.unsupported_method.enabled = false
checks.allow_header_conformance.enabled = false
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("caller", ["public", "operator"])
async def test_nothing_comes_that_is_not_declared(tmp_path, monkeypatch, caller):
    """Each operation answers with a declared status, type, header and shape; it refuses what does not fit."""
    monkeypatch.setattr("barrio.access.door.PUBLIC_PER_MINUTE", 1_000_000)
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    async with served(tmp_path / "town") as (town, url):
        words = [
            str(Path(sysconfig.get_path("scripts")) / "schemathesis"),
            *("--config-file", str(config), "run", f"{url}/openapi.json"),
            *("--phases", PHASES, "--max-examples", EXAMPLES, "--seed", "6", "--continue-on-failure"),
            *("--no-color", "--no-shrink", "--suppress-health-check", "all"),
            *("--generation-database", "none", "--request-timeout", "10", "--warnings", "off"),
            *("--report", "json", "--report-json-path", str(tmp_path / "report.json")),
            *(word for path in ENDLESS for word in ("--exclude-path", path)),
            *("--exclude-checks", ",".join(LEFT_OUT)),
        ]
        if caller in town.tokens:
            words += ["-H", f"Authorization: Bearer {town.tokens[caller]}"]
        code, said = await ran(*words, cwd=tmp_path, within_s=WITHIN_S)

    assert code == 0, said[-10_000:]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["operations"]["tested"] == report["operations"]["total"] - len(ENDLESS)
    assert report["errors"] == []
