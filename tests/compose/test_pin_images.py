"""tools/pin_images.py: digests into .env, all of them or none."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from tests import ROOT
from tests.compose.reading import FOLDER

SPEC = importlib.util.spec_from_file_location("pin_images", ROOT / "tools" / "pin_images.py")
assert SPEC is not None
assert SPEC.loader is not None
pin_images = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pin_images)

DOCKER_STAND_IN = """\
#!/bin/sh
# Stands in for docker: it answers for images as `docker buildx imagetools inspect --format '{{json .Manifest}}'` does.
[ "$1 $2 $3 $4 $5" = "buildx imagetools inspect --format {{json .Manifest}}" ] || exit 64
case "$6" in
  influxdb:*) digit=a ;;
  grafana/grafana:*) digit=b ;;
  python:*) digit=c ;;
  *) echo "ERROR: $6: not found" >&2; exit 1 ;;
esac
digest=sha256:$(printf "%064d" 0 | tr 0 $digit)
echo "{\\"mediaType\\": \\"application/vnd.oci.image.index.v1+json\\", \\"digest\\": \\"$digest\\", \\"size\\": 1609}"
"""


@pytest.fixture
def folder(tmp_path):
    """The files of compose, to be changed."""
    for name in (".env", "compose.yaml", "Dockerfile"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A stand-in for docker, before whatever else is called so."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "docker").write_text(DOCKER_STAND_IN)
    (place / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")


def test_every_image_is_pinned_and_nothing_else_changes(folder, docker):
    """Each digest in its line; the rest of .env, and the files with the tags, stay as they were."""
    before = (folder / ".env").read_text()
    said = pin_images.pin(folder, pin_images.ask_docker)
    after = (folder / ".env").read_text()

    assert {name.split(":")[0]: digest[7] for name, digest in said.items()} == {
        "influxdb": "a",
        "grafana/grafana": "b",
        "python": "c",
    }
    changed = {one for one in after.splitlines() if one not in before.splitlines()}
    assert changed == {
        f"INFLUXDB_DIGEST=@sha256:{'a' * 64}",
        f"GRAFANA_DIGEST=@sha256:{'b' * 64}",
        f"PYTHON_DIGEST=@sha256:{'c' * 64}",
    }
    assert len(after.splitlines()) == len(before.splitlines())
    pin_images.pin(folder, pin_images.ask_docker)
    assert (folder / ".env").read_text() == after


def test_half_of_them_are_not_pinned(folder, docker):
    """An image that the registry does not know leaves .env as it was, and docker's words say which."""
    before = (folder / ".env").read_text()
    file = folder / "compose.yaml"
    file.write_text(file.read_text().replace("grafana/grafana:", "grafana/grafane:"))

    with pytest.raises(pin_images.NotPinned, match=r"grafana/grafane:12.*not found"):
        pin_images.pin(folder, pin_images.ask_docker)
    assert (folder / ".env").read_text() == before


@pytest.mark.parametrize(
    "answer", ["", "null", "[]", "{}", '{"digest": 3}', '{"digest": "sha256:12"}', "latest"]
)
def test_an_answer_without_a_digest_is_none(answer):
    """Only the digest of SHA-256 is one."""
    with pytest.raises(pin_images.NotPinned, match="has no digest"):
        pin_images.digest_of("x:1", answer)


def test_a_variable_stands_for_one_image_and_has_its_line():
    """What could not be filled, or would fill two, is said."""
    with pytest.raises(pin_images.NotPinned, match="ONE_DIGEST stands for a:1 and b:2"):
        pin_images.images(["  image: a:1${ONE_DIGEST:-}\n  image: b:2${ONE_DIGEST:-}\n"])
    with pytest.raises(pin_images.NotPinned, match="0 lines ONE_DIGEST="):
        pin_images.pinned("TWO_DIGEST=\n", {"ONE_DIGEST": "sha256:1"})


def test_without_docker_one_line_says_so():
    """The command ends with words, not with a traceback."""
    command = [sys.executable, str(ROOT / "tools" / "pin_images.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/nowhere"})

    assert done.returncode == 1
    assert done.stderr == "make pin-images: there is no docker here to ask the registry with\n"


def test_make_knows_it():
    """`make help` lists the command, its hyphen and all."""
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "make pin-images" in done.stdout
