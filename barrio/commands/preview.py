"""`dashboards preview`: each dashboard as a picture, drawn from what its queries find in the InfluxDB."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from barrio.assembly import load_all, profiles_folder
from barrio.commands import provision
from barrio.errors import AskError
from barrio.moments import parse_moment
from barrio.settings import is_url
from connectors.registry import Connectors
from twin.errors import StartError
from twin.model.source import suggest
from twin.resolution import Resolution

if TYPE_CHECKING:
    from barrio.settings import Settings
    from dashboards.generate import Dashboard
    from dashboards.preview.ask import Answer, AskedDashboard, Source
    from twin.model.district import District

FORMATS = ("png", "svg")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line said of pictures. Times are as people write them; `since` None is each dashboard's own."""

    districts: Sequence[str]
    pages: Sequence[str] = ()
    lang: str = "en"
    since: str | None = None
    to: str = "now"
    form: str = "png"


def preview(settings: Settings, asked: Asked, out: Path) -> Iterator[str]:
    """Draw into `out`, yielding a line for each picture; StartError and AskError for what cannot be."""
    from dashboards.preview.ask import Asker, ask
    from dashboards.preview.draw import NotInstalled, draw

    districts = load_all(asked.districts, Path(), Connectors(), profiles_folder())
    boards = _boards(districts, asked)
    sources = sources_of(districts, settings)
    _make(out)
    now_ns = time.time_ns()
    start, stop = (_time(asked, each, now_ns, districts) for each in (asked.since, asked.to))
    with Asker(sources, settings.store_timeout) as asker:
        for board in boards:
            found = ask(board.json, asker, now_ns // 1_000_000, start, stop)
            _refuse_silence(found, settings.store)
            try:
                picture = draw(found, asked.form)
            except NotInstalled as error:
                raise StartError(str(error)) from error
            path = out / f"{board.name}.{asked.form}"
            _write(path, picture)
            yield f"{path}  {_summary(found)}"


def sources_of(districts: Sequence[District], settings: Settings) -> dict[str, Source]:
    """Return where each data source of these districts leads; StartError where the store is no InfluxDB."""
    from dashboards.kit.names import source_uid
    from dashboards.preview.ask import Source

    if not is_url(settings.store):
        raise StartError("pictures are drawn from an InfluxDB: name it with --store or BARRIO_STORE")
    found = {}
    for district in districts:
        for resolution in Resolution:
            user, secret = _access(settings, district.id, resolution)
            uid = source_uid(district.id, resolution)
            found[uid] = Source(settings.store, resolution.database(district.id), user, secret)
    return found


def _access(settings: Settings, district: str, resolution: Resolution) -> tuple[str, str]:
    """Return user and secret for reading: the token that was made for it, else that of the store."""
    from twin.store.influx_http import login_of

    try:
        for name in (f"{district}.{resolution.value}.read", f"{district}.write"):
            file = settings.tokens / name if settings.tokens is not None else None
            if file is not None and file.is_file():
                text = file.read_text("utf-8").strip()
                return login_of(text) or (settings.store_user, text)
        return settings.store_user, settings.token() or ""
    except OSError as error:
        raise StartError(f"{error.filename} cannot be read: {error.strerror}") from error


def _boards(districts: Sequence[District], asked: Asked) -> list[Dashboard]:
    from dashboards.generate import generate

    if asked.form not in FORMATS:
        near = suggest(asked.form, FORMATS)
        raise AskError("--format", f"{asked.form!r} is none of {', '.join(FORMATS)}{near}")
    boards = generate(districts, provision.options(provision.Asked(asked.districts, lang=asked.lang)))
    pages = {page: [one for one in boards if _is_page(one, page)] for page in asked.pages}
    for page, found in pages.items():
        if not found:
            names = sorted({one.name for one in boards})
            raise AskError("--page", f"there is no page {page!r}{suggest(page, names)}: {', '.join(names)}")
    return [one for one in boards if not pages or any(one in found for found in pages.values())]


def _is_page(board: Dashboard, page: str) -> bool:
    return page == board.name or board.name.endswith(f"-{page}") or board.uid.startswith(f"barrio-{page}")


def _time(asked: Asked, text: str | None, now_ns: int, districts: Sequence[District]) -> str:
    if text is None or (text == "now" and asked.since is None):
        return ""
    parameter = "--from" if text is asked.since else "--to"
    return str(parse_moment(text, parameter, now_ns, districts[0].zone) // 1_000_000)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{out} cannot be made: {(error.strerror or str(error)).lower()}") from error


def _write(path: Path, picture: bytes) -> None:
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise StartError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from error


def _answers(found: AskedDashboard) -> list[Answer]:
    return [answer for panel in found.panels for answer in panel.answers]


def _refuse_silence(found: AskedDashboard, store: str) -> None:
    """Raise StartError where no query at all was answered: the picture would show the same words everywhere."""
    answers = _answers(found)
    errors: Mapping[str, None] = dict.fromkeys(answer.error for answer in answers if answer.error)
    if answers and all(answer.error for answer in answers):
        words = next(iter(errors))
        if words.startswith(("answered 401", "answered 403")):
            words = (
                f"{store} {words}: a token to read with is that of BARRIO_TOKENS, which barrio apply makes, else "
                "BARRIO_STORE_TOKEN"
            )
        raise StartError(words)


def _summary(found: AskedDashboard) -> str:
    """Return how many panels were answered, and how long the slowest query took."""
    asking = [panel for panel in found.panels if panel.answers]
    empty = [panel for panel in asking if all(answer.is_empty for answer in panel.answers)]
    errors = sum(1 for answer in _answers(found) if answer.error)
    slowest = max((answer.seconds for answer in _answers(found)), default=0.0)
    words = f"{len(asking)} panels asked, {len(empty)} empty, slowest query {slowest * 1000:.0f} ms"
    return f"{words}, {errors} queries failed" if errors else words
