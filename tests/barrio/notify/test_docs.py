"""What `docs/notifications.md` says is so."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from barrio.notify.webhook import signature
from tests.moved import NS, START
from twin.model.source import Faults, Place
from twin.model.validation import validate
from twin.model.yaml_source import parse_yaml
from twin.notify_spec import ChannelSpec, EmailSpec

PAGE = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text("utf-8")
BODY = b'{"title":"Cisterna A1"}'


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]  # type: ignore[index]


def test_every_key_of_a_channel_is_in_the_reference():
    """Keys of channels and of mail, as they are written in files."""
    fields = {**ChannelSpec.model_fields, **EmailSpec.model_fields}
    names = {info.alias or name for name, info in fields.items()}
    rows = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))

    assert names <= rows


def test_the_example_is_one():
    """The channels of the page have no faults."""
    faults = Faults()
    source = parse_yaml(Path("alarms.yaml"), block("yaml"), faults)
    assert source is not None
    data: Any = source.data
    found = [validate(ChannelSpec, raw, Place(source, ()), faults) for raw in data["notify"]]

    assert faults.found == []
    assert [one.way for one in found if one] == ["webhook", "email", "apprise"]
    assert json.loads(block("json"))["data"]["priority"] == "high"


def test_the_check_in_python_tells_genuine_from_not(monkeypatch):
    """The function of the page takes our signature, and no other, older or changed one."""
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102 - the page is ours
    now_s = START // NS
    monkeypatch.setattr("time.time", lambda: float(now_s))
    right = signature("key", now_s, BODY)

    assert names["genuine"]("key", right, BODY)
    assert not names["genuine"]("other", right, BODY)
    assert not names["genuine"]("key", right, BODY + b" ")
    assert not names["genuine"]("key", signature("key", now_s - 301, BODY), BODY)
    assert not names["genuine"]("key", signature("key", now_s + 301, BODY), BODY)
    for header in (
        "",
        "t=",
        "v1=0",
        "t=x,v1=0",
        f"t={now_s}",
        f"t={now_s},v1=é",
        "t=-1,v1=0",
        "t=" + "9" * 5_000,
    ):
        assert not names["genuine"]("key", header, BODY)


def test_the_check_in_a_shell_tells_genuine_from_not(tmp_path):
    """The lines of the page say `genuine` of our signature only."""
    (tmp_path / "body").write_bytes(BODY)

    def said(secret):
        environment = {"SECRET": secret, "SIGNATURE": signature("key", 17, BODY), "PATH": "/usr/bin:/bin"}
        run = subprocess.run(
            ["sh", "-c", block("sh")],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return run.stdout.strip()

    assert said("key") == "genuine"
    assert said("other") == ""
