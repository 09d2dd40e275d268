"""What a profile and a device say about security, and how to bear a refusal: no keys, no library, so quick to load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.opcua.config import OpcUaOptions


_FIRST_PAUSE_S = 30.0
_LONGEST_PAUSE_S = 900.0


class LoginRefusedError(TransientError):
    """Raised when a server does not let the user of the options in."""


@dataclass(slots=True)
class Patience:
    """How long to wait after a refused login: ever longer, since servers lock out whoever keeps on trying."""

    refused: int = 0

    def after(self, error: TransientError) -> TransientError:
        """Return the error with the wait that it asks for; others than a refused login ask for none."""
        if isinstance(error, LoginRefusedError):
            error.retry_after_s = min(_FIRST_PAUSE_S * 2**self.refused, _LONGEST_PAUSE_S)
            self.refused = min(self.refused + 1, 10)
        return error


@dataclass(frozen=True, slots=True)
class Access:
    """How a server is to be spoken to, and as whom; a password by its name only."""

    mode: str = "SignAndEncrypt"
    policy: str | None = None
    insecure: str = ""
    user: str = ""
    password: str | None = None
    user_certificate: str = ""
    user_key: str = ""
    certificate_host: str = ""

    @classmethod
    def of(cls, options: OpcUaOptions) -> Access:
        """Return what `options` say."""
        return cls(
            options.security,
            options.policy,
            options.insecure,
            options.user,
            options.password,
            options.user_certificate,
            options.user_key,
            options.certificate_host,
        )

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield `(option, message)` for options that contradict each other."""
        login = "user" if self.user else "user_certificate" if self.user_certificate else ""
        if self.insecure and not self.insecure.strip():
            yield "insecure", "wants a reason in words"
        if self.insecure and login:
            yield login, "a login needs an encrypted channel: leave out `insecure`, or the login"
        if self.user and self.user_certificate:
            yield "user_certificate", "a login is by name or by certificate, not by both"
        if self.password and not self.user:
            yield "password", "a password without `user`"
        if bool(self.user_certificate) != bool(self.user_key):
            missing = "user_key" if self.user_certificate else "user_certificate"
            yield missing, "a certificate and its key belong together"

    @property
    def identity(self) -> str:
        """As whom, for health."""
        if self.user:
            return f"user {self.user}"
        return "user certificate" if self.user_certificate else "anonymous"

    def words(self, policy: str = "") -> str:
        """Return how the server is spoken to, for health; `policy` is the one that was agreed on."""
        if self.insecure:
            return f"none: {self.insecure}"
        return f"{self.mode} {policy or self.policy or 'with the strongest policy that is offered'}, {self.identity}"
