import pytest

from barrio.homes import Secrets, homes, named
from twin.errors import StartError
from twin.model.spec import SecretName, Spec


class Inner(Spec):
    key: SecretName


class Options(Spec):
    user: str = ""
    password: SecretName | None = None
    oscore: Inner | None = None


def test_a_secret_comes_from_the_environment_first(monkeypatch, tmp_path):
    """The variable goes before the file."""
    (tmp_path / "bms-read").write_text("from the file\n")
    assert Secrets(tmp_path)("bms-read") == "from the file"
    monkeypatch.setenv("BARRIO_SECRET_BMS_READ", "from the variable")

    assert Secrets(tmp_path)("bms-read") == "from the variable"


@pytest.mark.parametrize("folder", [True, False])
def test_a_secret_that_is_not_set_says_how_to_set_it(tmp_path, folder):
    """The error names the variable."""
    with pytest.raises(StartError, match="BARRIO_SECRET_BMS"):
        Secrets(tmp_path if folder else None)("bms")


@pytest.mark.parametrize("from_file", [True, False])
def test_an_empty_secret_is_none(monkeypatch, tmp_path, from_file):
    """A variable that was never filled, or a file of one blank line, is no password."""
    if from_file:
        (tmp_path / "bms").write_text("\n")
    else:
        monkeypatch.setenv("BARRIO_SECRET_BMS", "")

    with pytest.raises(
        StartError, match=f"'bms' is empty: {tmp_path / 'bms' if from_file else 'BARRIO_SECRET_BMS'}"
    ):
        Secrets(tmp_path)("bms")


@pytest.mark.parametrize("name", ["../bms", "a/b", "A", "", "a\n", "..", "a.b", "x" * 65, "${secret:a}"])
def test_a_secret_s_name_leads_nowhere_else(name):
    """A name is a word: it cannot leave the folder of secrets."""
    with pytest.raises(ValueError, match="secrets never stand in files"):
        Options.model_validate({"password": f"${{secret:{name}}}"})


def test_secrets_are_found_wherever_options_name_them():
    """Also inside of nested options; what is no secret is not."""
    options = Options.model_validate(
        {"user": "${secret:no}", "password": "${secret:a}", "oscore": {"key": "${secret:b}"}}
    )

    assert list(named(options)) == [("password", "a"), ("oscore.key", "b")]
    assert options.password == "a"


def test_a_secret_in_a_file_is_refused_and_not_repeated():
    """Somebody who writes the password itself is told how to name it."""
    with pytest.raises(ValueError, match="secrets never stand in files") as caught:
        Options.model_validate({"password": "hunter2"})

    assert "BARRIO_SECRET" in str(caught.value)


def test_each_protocol_has_a_home_of_its_own(tmp_path):
    """Folders do not meet; they are made when asked for, for the owner only."""
    home = homes(tmp_path / "connectors", lambda name: name, lambda _: {})

    assert home("opcua").folder == tmp_path / "connectors" / "opcua"
    assert home("opcua").folder.stat().st_mode & 0o077 == 0
    assert not (tmp_path / "connectors" / "coap").exists()
