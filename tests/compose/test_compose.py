"""compose/compose.yaml: a file that compose takes, whose containers may do no more than they have to."""

import json
import re
import subprocess
import sys
from pathlib import PurePosixPath

import pytest
import yaml

from barrio.settings import Settings, load_settings
from tests import ROOT
from tests.compose.reading import FILE, FOLDER, composed, filled, running, settings

SERVICES = composed()["services"]
EVERY = pytest.mark.parametrize("name", SERVICES)
PROFILES = pytest.mark.parametrize("profile", ["own", "demo"])
OURS = [name for name, one in SERVICES.items() if one["image"].startswith("barrio:")]
# What each image runs as, from its Dockerfile: files of their volumes belong to it.
USERS = {"influxdb": "1000:1000", "grafana/grafana": "472:0", "barrio": "10001:10001"}
# What is written, and where: data in volumes, the rest in memory.
WRITTEN = {
    "influxdb": {"/var/lib/influxdb2", "/etc/influxdb2", "/tmp"},
    "grafana": {"/var/lib/grafana", "/tmp"},
    "init": {"/var/lib/barrio/tokens", "/tmp"},
    "demo-init": {"/var/lib/barrio/tokens", "/tmp"},
    "barrio": {"/var/lib/barrio/data", "/tmp"},
    "demo": {"/var/lib/barrio/data", "/tmp"},
}


def mounts(service):
    """Yield `(source, target, writable)` of every volume and bind mount of a service."""
    for one in service.get("volumes", []):
        if isinstance(one, dict):
            yield one["source"], one["target"], not one.get("read_only", False)
        else:
            source, target, *options = one.split(":")
            yield source, target, "ro" not in options


def validated(file):
    """Return the exit code and words of the validator, with the schema of the specification that it carries."""
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_it_is_a_compose_file(tmp_path):
    """The schema of the compose specification takes it, with variables as they stand and filled in; not any file."""
    whole, broken = tmp_path / "filled.yaml", tmp_path / "broken.yaml"
    whole.write_text(yaml.safe_dump(composed()))
    wrong = composed()
    wrong["services"]["influxdb"]["read-only"] = True
    broken.write_text(yaml.safe_dump(wrong))

    assert validated(FILE)[0] == 0
    assert validated(whole)[0] == 0
    code, words = validated(broken)
    assert code == 1
    assert "read-only" in words


def test_it_has_no_version_and_a_name():
    """`version:` is a warning today; the name does not depend on the folder."""

    assert "version" not in composed()
    assert composed()["name"] == "barrio"


def test_every_variable_has_a_default():
    """`up` works with nothing set; what a variable is for stands in .env."""
    text = FILE.read_text("utf-8")
    env = (FOLDER / ".env").read_text("utf-8")

    assert "$" not in filled(text, {}).replace('"$@"', "")
    assert set(re.findall(r"\$\{(\w+)", text)) <= set(re.findall(r"^#?(\w+)=", env, re.MULTILINE))


@PROFILES
def test_a_profile_runs_one_barrio(profile):
    """Store, Grafana, what prepares them and one platform, whose data nobody else has."""
    found = running(profile)
    platforms = [one for name, one in found.items() if name in OURS and "8080" in str(one.get("ports"))]

    assert len(found) == 4
    assert {"influxdb", "grafana"} < found.keys()
    assert len(platforms) == 1


def test_without_a_profile_the_operator_s_own_districts_run():
    """.env chooses for a plain `up`, and --profile goes before it; there is no service but belongs to both or one."""

    assert settings()["COMPOSE_PROFILES"] == "own"
    assert {tuple(one.get("profiles", ())) for one in SERVICES.values()} == {(), ("own",), ("demo",)}
    assert running("own").keys() & running("demo").keys() == {"influxdb", "grafana"}


def test_no_two_services_write_one_volume_but_tokens_of_init():
    """A data folder has one platform; tokens are written by init and only read by the platform."""
    writers: dict[str, list[str]] = {}
    for name, one in SERVICES.items():
        for source, _, writable in mounts(one):
            if writable:
                writers.setdefault(source, []).append(name)

    assert all(len(names) == 1 for names in writers.values()), writers
    assert writers.keys() == composed()["volumes"].keys()
    for platform, init in (("barrio", "init"), ("demo", "demo-init")):
        [shared] = {one[0] for one in mounts(SERVICES[platform])} & {
            source for source, _, writable in mounts(SERVICES[init]) if writable
        }
        assert (shared, "/var/lib/barrio/tokens", False) in list(mounts(SERVICES[platform]))


@EVERY
def test_nobody_is_root(name):
    """Every container runs as the user that its image is made for, by number, so that no file of users is believed."""
    service = SERVICES[name]

    assert service["user"] == USERS[re.split(r":[\w.-]+$", service["image"])[0]]
    assert int(service["user"].split(":")[0]) > 0


@EVERY
def test_nothing_is_gained(name):
    """No capability, none to be had, no socket of docker, no namespace of the host, logs that end."""
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"cap_add", "privileged", "network_mode", "pid", "ipc", "devices"}
    assert "docker.sock" not in json.dumps(service)
    assert service["logging"]["options"]["max-size"]


@EVERY
def test_nothing_is_written_but_what_is_named(name):
    """The file system is read-only; data are in volumes, the rest in memory with a size."""
    service = SERVICES[name]
    temporary = dict(one.split(":", 1) for one in service["tmpfs"])
    written = {target for _, target, writable in mounts(service) if writable} | temporary.keys()

    assert service["read_only"] is True
    assert written == WRITTEN[name]
    assert all("size=" in options for options in temporary.values())
    assert all(
        target.startswith(("/run/", "/districts")) or not str(source).startswith(("/", "."))
        for source, target, _ in mounts(service)
    )


@EVERY
def test_secrets_are_files(name):
    """No password or token is a variable: those that look like one name a mounted file."""
    service = SERVICES[name]
    for key, value in service["environment"].items():
        if re.search(r"PASSWORD|TOKEN(?!S)|SECRET(?!S)", key):
            assert key.endswith("_FILE")
            assert PurePosixPath(value).parent == PurePosixPath("/run/secrets")
            assert PurePosixPath(value).name in service["secrets"]


def test_every_secret_is_made():
    """make-secrets.sh makes each file that is mounted, in a folder that git does not see; each is used."""
    script = (FOLDER / "make-secrets.sh").read_text("utf-8")
    [made] = re.findall(r"^for name in (.*); do$", script, re.MULTILINE)
    files = {name: one["file"] for name, one in composed()["secrets"].items()}
    used = {name for one in SERVICES.values() for name in one.get("secrets", [])}

    assert files == {name: f"./secrets/{name}" for name in made.split()}
    assert used == files.keys()
    assert "/compose/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_only_what_prepares_has_the_admin_s_rights():
    """The platform cannot make or drop a database, nor can Grafana."""
    holders = {name for name, one in SERVICES.items() if "influxdb-admin-token" in one.get("secrets", [])}

    assert holders == {"influxdb", "init", "demo-init"}


@EVERY
def test_only_this_machine_is_listened_to(name):
    """Every port that is published is one of 127.0.0.1; others come through a proxy."""

    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@EVERY
def test_health_is_checked(name):
    """Each says whether it is well, but for what runs once."""
    check = SERVICES[name]["healthcheck"]

    if name in {"init", "demo-init"}:
        assert check == {"disable": True}
        assert SERVICES[name]["restart"] == "no"
    else:
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert check.keys() >= {"interval", "timeout", "retries", "start_period"}
        assert SERVICES[name]["restart"] == "unless-stopped"


@PROFILES
def test_one_waits_for_the_other(profile):
    """Nothing is prepared before both answer; no platform runs before that is done."""
    found = running(profile)
    [init] = [name for name in found if name.endswith("init")]
    [platform] = found.keys() - {"influxdb", "grafana", init}

    assert found[init]["depends_on"] == {
        "influxdb": {"condition": "service_healthy"},
        "grafana": {"condition": "service_healthy"},
    }
    assert found[platform]["depends_on"] == {
        "influxdb": {"condition": "service_healthy"},
        init: {"condition": "service_completed_successfully"},
    }


def test_images_are_exact():
    """Each has a version and room for a digest; ours is built here and never asked for elsewhere."""
    digests = {"INFLUXDB_DIGEST": "@sha256:1", "GRAFANA_DIGEST": "@sha256:2", "PYTHON_DIGEST": "@sha256:3"}
    pinned = composed(digests)["services"]
    images = {name: one["image"] for name, one in pinned.items()}

    assert images["influxdb"] == "influxdb:2.9.1@sha256:1"
    assert re.fullmatch(r"grafana/grafana:12\.\d+\.\d+@sha256:2", images["grafana"])
    assert all(pinned[name]["pull_policy"] == "build" for name in OURS)
    assert all(pinned[name]["build"]["args"] == {"PYTHON_DIGEST": "@sha256:3"} for name in OURS)
    assert settings().keys() >= digests.keys()


def test_the_image_is_of_this_version():
    """The tag of our image, its label and the package say the same."""
    from barrio import __version__

    assert {SERVICES[name]["image"] for name in OURS} == {f"barrio:{__version__}"}
    assert f'version="{__version__}"' in (FOLDER / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("name", OURS)
def test_barrio_takes_every_variable(name, monkeypatch):
    """No variable is misspelt: each is a setting, and all of them together are taken."""
    environment = SERVICES[name]["environment"]
    known = {f"BARRIO_{field.upper()}" for field in Settings.model_fields}
    for key, value in environment.items():
        monkeypatch.setenv(key, value)

    assert environment.keys() <= known
    assert load_settings().store == "http://influxdb:8086"


@pytest.mark.parametrize("name", OURS)
def test_barrio_takes_every_command(name):
    """What is run is a command of barrio with options that it has."""
    from typer.core import TyperGroup
    from typer.main import get_command

    from barrio import cli

    words = SERVICES[name]["command"]
    if words[:2] == ["sh", "-c"]:
        # Words after the script and its name stand where it has "$@".
        words = [*words[2].removeprefix("exec ").replace('"$@"', "").split(), *words[4:]]
    group = get_command(cli.app)
    assert isinstance(group, TyperGroup)
    found = group.commands[words[1]]
    options = {option for one in found.params for option in one.opts}

    assert words[0] == "barrio"
    assert {word for word in words[2:] if word.startswith("--")} <= options


def test_the_start_script_of_influxdb_has_nothing_to_read():
    """Each row of the table that it looks up in its configuration is a variable, and its paths are on the volume."""
    environment = SERVICES["influxdb"]["environment"]
    table = ("BOLT_PATH", "ENGINE_PATH", "LOG_LEVEL", "TLS_KEY", "TLS_CERT", "HTTP_BIND_ADDRESS")

    assert all(f"INFLUXD_{name}" in environment for name in table)
    for name in ("BOLT_PATH", "ENGINE_PATH"):
        assert PurePosixPath(environment[f"INFLUXD_{name}"]).is_relative_to("/var/lib/influxdb2")


def test_grafana_fetches_no_plugin():
    """Its installer would replace plugins of the image, which a read-only file system refuses: 13 then loses them."""
    environment = SERVICES["grafana"]["environment"]

    assert environment["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert not any("INSTALL_PLUGINS" in name for name in environment)


def test_a_district_s_folder_is_not_made_up():
    """A folder of districts that is not there is an error, not an empty folder of root's."""
    binds = [
        one for service in SERVICES.values() for one in service.get("volumes", []) if isinstance(one, dict)
    ]

    assert len(binds) == 4
    assert all(one["bind"] == {"create_host_path": False} and one["read_only"] for one in binds)
    elsewhere = running("own", {"BARRIO_DISTRICTS": "/srv/x"})["barrio"]
    assert ("/srv/x", "/districts", False) in list(mounts(elsewhere))
