"""`barrio explain` and `barrio discover`: by scripted connectors, so that only the command is on trial."""

import pytest

from barrio.commands import device as command
from barrio.errors import AskError, UnknownName
from barrio.settings import Settings
from connectors.abilities import Draft
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, write_district
from twin.notes import Notes


class Talkative(ScriptedConnector):
    """Explains from its notes, and finds what its options say."""

    def explain(self, device, home):
        return f"{device.device.id}: {home.notes.get('learned', 'nothing learned')}"

    async def discover(self, endpoint, options, home):
        return Draft(f"profile: {endpoint.host}\n", [f"options {dict(options)}"])


@pytest.fixture
def connector(monkeypatch, tmp_path):
    """The one connector that is installed, and the profiles beside the small district."""
    found = Connectors({})
    found.add(Talkative())
    monkeypatch.setattr(command, "Connectors", lambda: found)
    monkeypatch.setattr(command, "profiles_folder", lambda: tmp_path)
    return found["scripted"]


@pytest.fixture
def little(tmp_path):
    return str(write_district(tmp_path / "little"))


def test_explain_uses_what_the_platform_learned(connector, little, tmp_path):
    """What a platform noted in the data folder is what the explanation stands on."""
    settings = Settings(data=tmp_path)
    assert command.explain(settings, [little], "scripted", "little/probe") == "probe: nothing learned"
    notes = Notes(tmp_path / "notes.sqlite")
    notes.open()
    notes.put("scripted", "learned", "holding:7 is refused")
    notes.close()

    assert command.explain(settings, [little], "scripted", "little/probe") == "probe: holding:7 is refused"


@pytest.mark.parametrize("path", ["little/prob", "probe", "little/probe/temperature"])
def test_a_device_that_does_not_exist(connector, little, tmp_path, path):
    """The nearest device is offered."""
    with pytest.raises(UnknownName, match="there is no device"):
        command.explain(Settings(data=tmp_path), [little], "scripted", path)


def test_a_protocol_that_does_not_exist(connector, little, tmp_path):
    """The nearest protocol is offered."""
    with pytest.raises(UnknownName, match="did you mean scripted"):
        command.explain(Settings(data=tmp_path), [little], "scriptd", "little/probe")


def test_discover_reads_options_as_a_profile_has_them(connector, tmp_path):
    """Numbers are numbers and words are words."""
    text, remarks = command.discover(
        Settings(data=tmp_path), "scripted", "scripted://10.0.0.9", ["depth=3", "insecure=a trial"]
    )

    assert text == "profile: 10.0.0.9\n"
    assert remarks == ["options {'depth': 3, 'insecure': 'a trial'}"]


@pytest.mark.parametrize(
    ("endpoint", "options", "words"),
    [
        ("http://10.0.0.9", [], "ENDPOINT: scheme 'http'"),
        ("scripted://10.0.0.9", ["depth"], "--option: 'depth' is not KEY=VALUE"),
        ("scripted://10.0.0.9", ["a=[1"], "--option: a:"),
    ],
)
def test_what_cannot_be_is_said(connector, tmp_path, endpoint, options, words):
    """The error names the argument that is wrong."""
    with pytest.raises(AskError) as caught:
        command.discover(Settings(data=tmp_path), "scripted", endpoint, options)

    assert str(caught.value).startswith(words)


def test_a_draft_never_replaces_a_file(tmp_path):
    """What somebody may have worked on stays."""
    path = tmp_path / "draft.yaml"
    command.write_draft(path, "profile: a\n")
    with pytest.raises(AskError, match="file exists"):
        command.write_draft(path, "profile: b\n")

    assert path.read_text() == "profile: a\n"
