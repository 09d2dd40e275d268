"""InfluxDB over HTTP: requests, and what their answers mean.

Only a 204 says that a write is stored. A query may fail inside a 200. Everything that is not understood is
`StoreBusy`: nothing is dropped because of it.
"""

from __future__ import annotations

import gzip
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
        with self._words():
            answer = self._client.get("/ping", auth=self._access.basic)
        self.version = answer.headers.get("X-Influxdb-Version", "")
        if answer.is_success and (self.version or self._api):
            return
        if answer.status_code in (401, 403, 429) or answer.status_code >= 500:
            raise self._why(answer)
        raise NotAStore(
            f"{self.url}: not an InfluxDB: /ping answered {answer.status_code} without the header X-Influxdb-Version"
        )

    def write(self, database: str, lines: bytes) -> None:
        """Store lines; returns only when the server said that it has them."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        access = self.access(database)
        if len(lines) >= _GZIP_FROM and not self._near:
            lines, headers["Content-Encoding"] = gzip.compress(lines, _GZIP_LEVEL), "gzip"
        with self._words():
            if self.api == "1":
                params = {"db": database, "precision": "ns"}
                answer = self._client.post(
                    "/write", params=params, content=lines, headers=headers, auth=access.basic
                )
            else:
                if access.token:
                    headers["Authorization"] = f"Token {access.token}"
                params = {"bucket": database, "org": access.org, "precision": "ns"}
                answer = self._client.post("/api/v2/write", params=params, content=lines, headers=headers)
        if answer.status_code != httpx.codes.NO_CONTENT:
            raise self._why(answer)

    def query(self, database: str, text: str) -> Iterator[dict[str, Any]]:
        """Yield the series of a query's answer, in portions; none when the database does not exist."""
        params = {"db": database, "epoch": "ns", "chunked": "true", "chunk_size": str(_CHUNK)}
        with self._words():
            request = self._client.build_request("POST", "/query", params=params, data={"q": text})
            answer = self._client.send(request, auth=self.access(database).basic, stream=True)
            try:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    raise self._why(answer)
                for line in answer.iter_lines():
                    if line.strip():
                        yield from self._series(line)
            finally:
                answer.close()

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _series(self, line: str) -> Iterator[dict[str, Any]]:
        try:
            document = orjson.loads(line)
            results = [document, *document.get("results", ())]
            for result in results:
                if error := result.get("error"):
                    if "database not found" in error or ("bucket" in error and "not found" in error):
                        return
                    raise StoreBusy(self.url, f"the query failed: {error}")
                yield from result.get("series", ())
        except (ValueError, AttributeError) as error:
            raise StoreBusy(self.url, f"the answer to a query was not understood: {line[:100]!r}") from error

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise StoreBusy(self.url, f"no answer within {self._client.timeout.read} s") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise StoreBusy(self.url, f"cannot be reached: {str(error) or type(error).__name__}") from error

    def _why(self, answer: httpx.Response) -> Exception:
        """Return the error that an answer means."""
        status, words = answer.status_code, f"answered {answer.status_code}: {_words_of(answer)}"
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


def _words_of(answer: httpx.Response) -> str:
    """Return the server's own words, in one line."""
    text = answer.text[:2_000]
    try:
        document = orjson.loads(answer.content)
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
