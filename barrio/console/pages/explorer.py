"""What programs can ask: read from `/openapi.json`, tried with the visitor's own rights, shown as a line of curl."""

from __future__ import annotations

import json
import shlex
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
from nicegui import ui
from starlette.exceptions import HTTPException
from starlette.requests import Request

from barrio.console import frame, words
from barrio.console.parts import Tag, link
from barrio.console.visitor import Busy, Refused, Visitor, url_of

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

    from barrio.console.front import Console

MOST_SHOWN = 20_000
MOST_TYPED = 1_000
MOST_PRETTY = 200_000
FIRST = "GET /api/v1/points"
_VALUE = "(event) => emit(event.target.value)"


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/console/api", response_timeout=15)
    async def explorer(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        with frame.page(visitor, who, visitor.say(words.EXPLORER), "/console/api"):
            if who is None:
                return
            Tag("h1", visitor.say(words.EXPLORER))
            Tag("p", visitor.say(words.EXPLORER_LEAD), "lead")
            with Tag("p"):
                link("openapi.json", "/openapi.json")
            try:
                found = await visitor.get("/openapi.json")
            except Refused as error:
                Tag("p", error.words, "note no", role="alert")
                return
            _Explorer(visitor, operations(found)).show()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each operation of an OpenAPI document by `METHOD path`."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document.get("paths", {}).items()
        for method, operation in item.items()
        if isinstance(operation, dict) and path.startswith("/")
    }


class _Explorer:
    def __init__(self, visitor: Visitor, known: dict[str, dict[str, Any]]) -> None:
        self.visitor = visitor
        self.known = known
        self.chosen = FIRST if FIRST in known else next(iter(known), "")
        self.given: dict[str, str] = {}

    def show(self) -> None:
        say = self.visitor.say
        with Tag("label", look="field"):
            Tag("span", say(words.QUESTION))
            select = Tag("select", id="operation")
            with select:
                for name, one in self.known.items():
                    summary = str(one.get("summary", ""))
                    chosen = True if name == self.chosen else None
                    Tag("option", f"{name} – {summary}" if summary else name, value=name, selected=chosen)
        select.on("change", self._choose, js_handler=_VALUE)
        self.form = Tag("div")
        self.line = Tag("section", aria_label=say(words.AT_TERMINAL))
        with self.line:
            Tag("h2", say(words.AT_TERMINAL))
            self.curl = Tag("pre", tabindex="0", aria_label="curl")
        self.answer = Tag("section", aria_label=say(words.ANSWER), aria_live="polite")
        self._draw()

    def _choose(self, event: GenericEventArguments) -> None:
        if str(event.args) in self.known:
            self.chosen = str(event.args)
            self.given = {}
            self.answer.clear()
            self._draw()

    @property
    def method(self) -> str:
        return self.chosen.partition(" ")[0]

    @property
    def parameters(self) -> list[dict[str, Any]]:
        every = self.known[self.chosen].get("parameters", []) if self.chosen else []
        return [one for one in every if one.get("in") in {"query", "path"}]

    def _draw(self) -> None:
        say = self.visitor.say
        self.form.clear()
        with self.form:
            if not self.chosen:
                return
            _prose(str(self.known[self.chosen].get("description", "")))
            Tag("h2", say(words.PARAMETERS))
            if not self.parameters:
                Tag("p", say(words.NO_PARAMETERS), "quiet")
            with Tag("div", look="asked"):
                for one in self.parameters:
                    self._field(one)
            if self.method == "GET":
                Tag("button", say(words.TRY), "button main", type="button").on("click", self._try, [])
            else:
                Tag("p", say(words.ONLY_GET), "note")
        self._write()

    def _field(self, one: dict[str, Any]) -> None:
        schema = one.get("schema", {})
        required = f" ({self.visitor.say(words.REQUIRED)})" if one.get("required") else ""
        default = schema.get("default")

        def typed(event: GenericEventArguments, name: str = one["name"]) -> None:
            self.given[name] = str(event.args)[:MOST_TYPED]
            self._write()

        name, hint, about = one["name"], "" if default is None else str(default), one.get("description")
        with Tag("div", look="field"):
            Tag("label", f"{name}{required}", for_=f"ask-{name}")
            field = Tag(
                "input", type="text", name=name, id=f"ask-{name}", placeholder=hint, autocomplete="off"
            )
            field.props["spellcheck"] = "false"
            field.on("input", typed, js_handler=_VALUE)
            if about:
                field.props["aria-describedby"] = f"about-{name}"
                Tag("small", str(about).replace("`", ""), id=f"about-{name}")

    def _url(self) -> tuple[str, dict[str, Any]]:
        """Return path and query as they are filled in."""
        path = self.chosen.partition(" ")[2]
        query: dict[str, Any] = {}
        for one in self.parameters:
            value = self.given.get(one["name"], "").strip()
            if one["in"] == "path":
                path = path.replace(f"{{{one['name']}}}", value or f"{{{one['name']}}}")
                path = path.replace(f"{{{one['name']}:path}}", value or f"{{{one['name']}}}")
            elif value:
                is_list = one.get("schema", {}).get("type") == "array"
                query[one["name"]] = value.split() if is_list else value
        return path, query

    def _write(self) -> None:
        path, query = self._url()
        url = f"{self.visitor.origin}{url_of(quote(path, safe='/{}:'), query)}"
        words_of = ["curl", shlex.quote(url)]
        if self.method != "GET":
            words_of[1:1] = [
                "-X",
                self.method,
                "-H",
                shlex.quote("Content-Type: application/json"),
                "-d",
                "'{}'",
            ]
        words_of += ["-H", '"Authorization: Bearer $BARRIO_TOKEN"']
        self.curl.text = " ".join(words_of)

    async def _try(self) -> None:
        path, query = self._url()
        try:
            who = await self.visitor.who()
            if who is not None:
                # What is tried counts as if it had come by itself.
                who.spend()
        except Busy as error:
            self._said(error.status, error.words, "")
            return
        except HTTPException as error:
            self._said(error.status_code, str(error.detail), "")
            return
        began = time.monotonic()
        status, body = await self.visitor.ask("GET", path, query)
        took = (time.monotonic() - began) * 1000
        self._said(status, f"{took:.0f} ms · {len(body):,} B", pretty(body, self.visitor))

    def _said(self, status: int, more: str, text: str) -> None:
        say = self.visitor.say
        self.answer.clear()
        with self.answer:
            Tag("h2", say(words.ANSWER))
            look = "note" if status < HTTPStatus.BAD_REQUEST else "note no"
            Tag("p", f"{status} {HTTPStatus(status).phrase} · {more}", look)
            if text:
                Tag("pre", text, tabindex="0", aria_label=say(words.ANSWER))


def _prose(text: str) -> None:
    """Add paragraphs; what stands between backticks is code."""
    for part in filter(str.strip, text.split("\n\n")):
        with Tag("p"):
            for number, piece in enumerate(part.split("`")):
                Tag("code" if number % 2 else "span", piece)


def pretty(body: bytes, visitor: Visitor) -> str:
    """Return the start of an answer, with its structure shown where it is JSON and not too long."""
    text = body[: MOST_SHOWN * 4].decode("utf-8", "replace")
    if len(body) <= MOST_PRETTY:
        with suppress(orjson.JSONDecodeError):
            text = json.dumps(orjson.loads(body), indent=2, ensure_ascii=False)
    if len(text) <= MOST_SHOWN and len(body) <= MOST_SHOWN * 4:
        return text
    return text[:MOST_SHOWN] + "\n" + visitor.say(words.CUT).replace("{bytes}", f"{len(body):,}")
