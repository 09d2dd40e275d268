"""Writes the digests of the images that compose uses into compose/.env, so that a tag cannot become another image.

Run through `make pin-images`, on a machine with docker. An image is written `NAME:TAG${VARIABLE}` in compose.yaml and
Dockerfile there; `VARIABLE=@sha256:…` in .env fills it. The digest is that of the list of all platforms.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "compose"
FILES = ("compose.yaml", "Dockerfile")
IMAGE = re.compile(
    r"^\s*(?:image:|FROM)\s+(?P<name>[a-z0-9./_-]+:[\w.-]+)\$\{(?P<variable>\w+_DIGEST)(?::-)?\}",
    re.MULTILINE,
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
WAIT_S = 120


class NotPinned(Exception):
    """Raised when a digest could not be had or has no place; the message is one line."""


def images(texts: list[str]) -> dict[str, str]:
    """Return the variable of each image to its `NAME:TAG`; NotPinned when one stands for two images."""
    found: dict[str, str] = {}
    for match in (match for text in texts for match in IMAGE.finditer(text)):
        if found.setdefault(match["variable"], match["name"]) != match["name"]:
            raise NotPinned(f"{match['variable']} stands for {found[match['variable']]} and {match['name']}")
    return found


def ask_docker(image: str) -> str:
    """Return the digest that the registry has for an image; NotPinned when it cannot be asked."""
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", image]
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=WAIT_S, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise NotPinned("there is no docker here to ask the registry with") from None
    except subprocess.TimeoutExpired:
        raise NotPinned(f"{image}: no answer within {WAIT_S} s") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines()
        raise NotPinned(f"{image}: {said[0] if said else f'docker ended with {error.returncode}'}") from None
    return digest_of(image, done.stdout)


def digest_of(image: str, answer: str) -> str:
    """Return the digest in docker's answer, a JSON object; NotPinned when it has none."""
    try:
        found = json.loads(answer)["digest"]
    except (ValueError, KeyError, TypeError):
        found = ""
    if not isinstance(found, str) or DIGEST.fullmatch(found) is None:
        raise NotPinned(f"{image}: docker's answer has no digest")
    return found


def pinned(text: str, digests: dict[str, str]) -> str:
    """Return the text of .env with the digests; every other line stays as it is. NotPinned when a line is missing."""
    for variable, digest in digests.items():
        text, count = re.subn(rf"^{variable}=.*$", f"{variable}=@{digest}", text, flags=re.MULTILINE)
        if count != 1:
            raise NotPinned(f".env has {count} lines {variable}=, expected one")
    return text


def pin(folder: Path, ask: Callable[[str], str]) -> dict[str, str]:
    """Pin all images of a folder; returns `NAME:TAG` to digest. Nothing is written unless all of them were had."""
    found = images([(folder / name).read_text("utf-8") for name in FILES])
    target = folder / ".env"
    digests = {variable: ask(name) for variable, name in found.items()}
    target.write_text(pinned(target.read_text("utf-8"), digests), "utf-8")
    return {name: digests[variable] for variable, name in found.items()}


def main() -> None:
    """Pin, and say what."""
    try:
        for name, digest in pin(FOLDER, ask_docker).items():
            print(f"{name}@{digest}")
    except NotPinned as error:
        sys.exit(f"make pin-images: {error}")


if __name__ == "__main__":
    main()
