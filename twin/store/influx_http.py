"""InfluxDB over HTTP: requests, and what their answers mean.

Only a 204 says that a write is stored. A query may fail inside a 200. Everything that is not understood is
`StoreBusy`: nothing is dropped because of it.

What answers may be a proxy, or a server that is not well. So an answer to a query is whole (it has results, and its
last line says that no more follow) or an error, never less data; and no answer takes more memory or time than is said
here, be it one line without an end, a compressed one that grows, or a byte now and then. Only 3 Core may answer without
a line.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx
import orjson

from twin.outgoing import terms
from twin.store.port import NotAStore, StoreBusy, StoreDenied, StoreRefused, StoreTooLarge

Api = Literal["1", "2"]

_GZIP_FROM = 16_384
_GZIP_LEVEL = 1
_CHUNK = 10_000
_LONGEST_LINE = 67_108_864
_LONGEST_WORDS = 65_536
_SAYS_NOTHING_FROM = 3
_TIMEOUTS = 30.0
"""Longest time that one answer may take from its first to its last byte, as a multiple of the timeout."""
# A wait of days is a mistake of whoever asks for it; what waits is asked about again.
_LONGEST_WAIT_S = 300.0
_NEAR = frozenset({"localhost", "127.0.0.1", "::1"})


class Missing(StoreBusy):
    """Raised when the database (bucket) does not exist."""


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials: a token (2.x, 3.x), or a user with a password (1.x). `repr` shows neither."""

    token: str = ""
    user: str = ""
    password: str = ""
    org: str = ""

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Access(user={self.user!r}, org={self.org!r})"

    @property
    def basic(self) -> httpx.Auth:
        """The one form that `/query` and `/write` of every version take; the token stands as the password."""
        secret = self.token or self.password
        return httpx.BasicAuth(self.user or "barrio", secret) if secret else httpx.Auth()


def login_of(secret: str) -> tuple[str, str] | None:
    """Return user and password where a token file's text is `user:password` (1.x), None where it is a token (2.x, 3.x).

    A colon tells them apart, the first one: a password may hold more of them, a token holds none.
    """
    user, colon, password = secret.partition(":")
    return (user, password) if colon else None


class InfluxHTTP:
    """One server. `version` is known after `ping`; a server whose `api` is forced need not name one.

    `access_of` gives the credentials of a database that has its own, None where `access` serves.
    """

    def __init__(
        self,
        url: str,
        access: Access,
        timeout_s: float,
        api: Api | None,
        access_of: Callable[[str], Access | None] | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.version = ""
        self._access = access
        self._access_of = access_of
        self._api = api
        try:
            parsed = httpx.URL(self.url)
            if parsed.userinfo:
                raise NotAStore(
                    "the store's URL holds a user or password: give BARRIO_STORE_USER and BARRIO_STORE_TOKEN instead"
                )
            if parsed.scheme not in ("http", "https") or not parsed.host:
                raise NotAStore(f"{url!r} is not the address of an InfluxDB, meant is http://HOST:8086")
        except (httpx.InvalidURL, ValueError) as error:
            # What it holds is not known where it cannot be taken apart: a password could stand in it.
            shown = "it" if "@" in url else repr(url)
            raise NotAStore(f"{shown} is not the address of an InfluxDB: {error}") from None
        self._near = parsed.host in _NEAR
        self._client = httpx.Client(base_url=self.url, timeout=timeout_s, **terms())

    @property
    def major(self) -> int:
        """1, 2 or 3."""
        digits = self.version.lstrip("v").split(".", 1)[0]
        return int(digits) if digits.isdigit() else 2

    @property
    def api(self) -> Api:
        """Which of the write paths is used."""
        return self._api or ("1" if self.major == 1 else "2")

    def access(self, database: str) -> Access:
        """Return the credentials that a database is asked with; `StoreDenied` for a token that no header carries."""
        own = self._access_of(database) if self._access_of is not None and database else None
        found = own or self._access
        # HTTP libraries put a header that they refuse into their words, token and all.
        if not (found.token.isascii() and found.token.isprintable()) or found.token != found.token.strip():
            words = "the token holds a line break, or another character that no token has"
            raise StoreDenied(self.url, words)
        return found

    def ping(self) -> None:
        """Learn the version; `NotAStore` when what answers is not InfluxDB."""
        with self._words(), self._client.stream("GET", "/ping", auth=self._access.basic) as answer:
            said = self._said(answer)
        self.version = answer.headers.get("X-Influxdb-Version", "")
        if answer.is_success and (self.version or self._api):
            return
        if answer.status_code in (401, 403, 429) or answer.status_code >= 500:
            raise self._why(answer, said)
        raise NotAStore(
            f"{self.url}: not an InfluxDB: /ping answered {answer.status_code} without the header X-Influxdb-Version"
        )

    def write(self, database: str, lines: bytes) -> None:
        """Store lines; returns only when the server said that it has them."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        access = self.access(database)
        if len(lines) >= _GZIP_FROM and not self._near:
            lines, headers["Content-Encoding"] = gzip.compress(lines, _GZIP_LEVEL), "gzip"
        path, auth = "/write", access.basic
        params = {"db": database, "precision": "ns"}
        if self.api == "2":
            path, auth = "/api/v2/write", httpx.Auth()
            params = {"bucket": database, "org": access.org, "precision": "ns"}
            if access.token:
                headers["Authorization"] = f"Token {access.token}"
        with (
            self._words(),
            self._client.stream(
                "POST", path, params=params, content=lines, headers=headers, auth=auth
            ) as answer,
        ):
            said = self._said(answer)
        if answer.status_code != httpx.codes.NO_CONTENT:
            raise self._why(answer, said)

    def query(self, database: str, text: str) -> Iterator[dict[str, Any]]:
        """Yield the series of a query's answer, in portions; none when the database does not exist."""
        params = {"db": database, "epoch": "ns", "chunked": "true", "chunk_size": str(_CHUNK)}
        asked = self._client.stream(
            "POST", "/query", params=params, data={"q": text}, auth=self.access(database).basic
        )
        # 3 Core says nothing where nothing is found: its v1.rs ends an answer without a line when it has no rows.
        more = self.major < _SAYS_NOTHING_FROM
        with self._words(), asked as answer:
            if answer.status_code != httpx.codes.OK:
                why = self._why(answer, self._said(answer))
                # What is refused is the question, and no data.
                raise StoreBusy(self.url, why.words) if isinstance(why, StoreRefused) else why
            for line in self._lines(answer):
                series, more = self._series(line)
                yield from series
        if more:
            raise StoreBusy(self.url, "the answer to a query is not whole")

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _lines(self, answer: httpx.Response) -> Iterator[bytes]:
        """Yield the lines of an answer that are not blank."""
        rest = bytearray()
        for piece in self._pieces(answer):
            rest += piece
            if b"\n" in piece:
                *lines, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                yield from filter(bytes.strip, lines)
            if len(rest) > _LONGEST_LINE:
                raise StoreBusy(self.url, f"a line of an answer has more than {_LONGEST_LINE:,} bytes")
        if rest.strip():
            yield bytes(rest)

    def _said(self, answer: httpx.Response) -> bytes:
        """Return the beginning of what a server says beside the status."""
        found = bytearray()
        for piece in self._pieces(answer):
            found += piece
            if len(found) > _LONGEST_WORDS:
                break
        return bytes(found[:_LONGEST_WORDS])

    def _pieces(self, answer: httpx.Response) -> Iterator[bytes]:
        """Yield the body as it comes, for as long as it may take."""
        longest_s = _TIMEOUTS * (self._client.timeout.read or 0.0)
        until_s = time.monotonic() + longest_s
        for piece in answer.iter_bytes():
            if time.monotonic() > until_s:
                raise StoreBusy(self.url, f"no whole answer within {longest_s:g} s")
            yield piece

    def _series(self, line: bytes) -> tuple[list[dict[str, Any]], bool]:
        """Return the series in a line of an answer, and whether it says that more lines follow."""
        found: list[dict[str, Any]] = []
        more = True
        try:
            document = orjson.loads(line)
            for result in [document] if "error" in document else document["results"]:
                if error := result.get("error"):
                    if "database not found" in error or ("bucket" in error and "not found" in error):
                        return [], False
                    raise StoreBusy(self.url, f"the query failed: {error}")
                found += result.get("series", ())
                more = bool(result.get("partial"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            words = f"the answer to a query was not understood: {line[:100].decode('utf-8', 'replace')!r}"
            raise StoreBusy(self.url, words) from error
        return found, more

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise StoreBusy(self.url, f"no answer within {self._client.timeout.read} s") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise StoreBusy(self.url, f"cannot be reached: {str(error) or type(error).__name__}") from error

    def _why(self, answer: httpx.Response, said: bytes) -> Exception:
        """Return the error that an answer means."""
        status, words = answer.status_code, f"answered {answer.status_code}: {_words_of(answer, said)}"
        if status in (400, 422):
            return StoreRefused(self.url, words)
        if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            return StoreTooLarge(self.url, words)
        if status in (401, 403):
            return StoreDenied(self.url, words)
        if status == httpx.codes.NOT_FOUND:
            return Missing(self.url, words)
        if answer.is_redirect:
            words = f"answered {status}: a redirect to {answer.headers.get('Location', 'nowhere')!r}, not followed"
        return StoreBusy(self.url, words, _retry_after_s(answer.headers))


def _words_of(answer: httpx.Response, said: bytes) -> str:
    """Return the server's own words, in one line."""
    text = said[:2_000].decode("utf-8", "replace")
    try:
        document = orjson.loads(said)
    except ValueError:
        document = None
    if isinstance(document, dict):
        text = str(document.get("error") or document.get("message") or text)
    return " ".join(text.split())[:500] or answer.headers.get("X-Influxdb-Error", "without words")


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait that `Retry-After` asks for, in seconds or as a date (RFC 9110, section 10.2.3); bounded."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(float(text), _LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT_S)
