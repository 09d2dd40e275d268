"""`barrio explain` and `barrio discover`: by scripted connectors, so that only the command is on trial."""

import pytest

from barrio.commands import device as command
from barrio.errors import AskError, UnknownName
from barrio.settings import Settings
from connectors.abilities import Draft
from connectors.registry import Connectors
from tests.barrio.scripted import Options, ScriptedConnector, write_district
from twin.model.spec import SecretName
from twin.notes import Notes


class Looks(Options):
    """How the scripted device is looked at."""

    depth: int = 1
    insecure: str = ""
    password: SecretName | None = None


class Talkative(ScriptedConnector):
    """Explains from its notes, and finds what its options say."""

    options_model = Looks

    def explain(self, device, home):
        return f"{device.device.id}: {home.notes.get('learned', 'nothing learned')}"

    async def discover(self, endpoint, options, home):
        return Draft(
            f"profile: {endpoint.host}\n", [f"options {dict(options)}", "\x1b[2Jname\nof a stranger"]
        )


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
    """The nearest device is offered, and the whole path of one that was named without its district."""
    with pytest.raises(UnknownName, match=r"there is no device .*did you mean little/probe"):
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
    assert remarks[0] == "options {'depth': 3, 'insecure': 'a trial'}"


def test_remarks_are_safe_to_show(connector, tmp_path):
    """What a device said cannot steer a terminal, nor pretend to be a line of ours."""
    _, remarks = command.discover(Settings(data=tmp_path), "scripted", "scripted://10.0.0.9", [])

    assert remarks[1] == "�[2Jname�of a stranger"


@pytest.mark.parametrize("option", ["password=hunter2", "pasword=hunter2", "depth=hunter2 ", "hunter2"])
def test_an_option_that_is_wrong_is_one_line(connector, tmp_path, option):
    """A password on the command line is refused, and not shown again."""
    with pytest.raises(AskError) as caught:
        command.discover(Settings(data=tmp_path), "scripted", "scripted://10.0.0.9", [option])

    assert str(caught.value).startswith("--option: ")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value) or option.startswith("depth")


@pytest.mark.parametrize(
    ("endpoint", "options", "words"),
    [
        ("http://10.0.0.9", [], "ENDPOINT: scheme 'http'"),
        ("scripted://10.0.0.9", ["depth"], "--option: one of them is not KEY=VALUE"),
        ("scripted://10.0.0.9", ["a=[1"], "--option: a:"),
    ],
)
def test_what_cannot_be_is_said(connector, tmp_path, endpoint, options, words):
    """The error names the argument that is wrong."""
    with pytest.raises(AskError) as caught:
        command.discover(Settings(data=tmp_path), "scripted", endpoint, options)

    assert str(caught.value).startswith(words)


def test_a_draft_is_called_after_its_file(tmp_path):
    """A file in `profiles/` is right as it was written; one whose name no profile can have keeps the draft's."""
    draft = "# A draft\nprofile: discovered\npoints:\n  a: {path: x}\nprofile: of a device\n"
    command.write_draft(tmp_path / "ahu-3.yaml", draft)
    command.write_draft(tmp_path / "My draft.yaml", draft)

    assert (tmp_path / "ahu-3.yaml").read_text() == draft.replace("discovered", "ahu-3")
    assert (tmp_path / "My draft.yaml").read_text() == draft


def test_a_draft_never_replaces_a_file(tmp_path):
    """What somebody may have worked on stays."""
    path = tmp_path / "draft.yaml"
    command.write_draft(path, "profile: draft\n")
    with pytest.raises(AskError, match="file exists"):
        command.write_draft(path, "profile: b\n")

    assert path.read_text() == "profile: draft\n"
