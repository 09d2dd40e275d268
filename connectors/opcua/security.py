"""How a server is spoken to: which endpoint of those it offers, with which keys, as whom.

What a server says of itself before the channel is secured may come from somebody in between. So the endpoint's
certificate is judged before anything is sent to it, the channel is made with that certificate only, and the list of
endpoints is compared with the one that the secured session gives: an offer that was weakened on the way is noticed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.crypto.security_policies import (
    SecurityPolicy,
    SecurityPolicyAes128Sha256RsaOaep,
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
)
from asyncua.ua.uaerrors import BadIdentityTokenInvalid, BadIdentityTokenRejected, BadUserAccessDenied

from connectors.opcua.access import LoginRefusedError
from connectors.opcua.certificates import load_pair
from connectors.opcua.own import Own, load_own
from connectors.opcua.trust import NotTrustedError, judge
from twin.errors import StartError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncua.client.client import Client
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from connectors.home import Home
    from connectors.opcua.access import Access

# The strongest first: by key length of the cipher, then by padding of the signatures (OPC 10000-7, 6.6).
POLICIES: dict[str, type[SecurityPolicy]] = {
    "Aes256_Sha256_RsaPss": SecurityPolicyAes256Sha256RsaPss,
    "Basic256Sha256": SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": SecurityPolicyAes128Sha256RsaOaep,
}
_URI = "http://opcfoundation.org/UA/SecurityPolicy#"
_NONE = f"{_URI}None"
_TRANSPORT = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"
_MODES = {"SignAndEncrypt": ua.MessageSecurityMode.SignAndEncrypt, "Sign": ua.MessageSecurityMode.Sign}
_MOST_ENDPOINTS = 1_000
_NOT_LET_IN = (BadUserAccessDenied, BadIdentityTokenRejected, BadIdentityTokenInvalid)
_WITHOUT_CERTIFICATE = "urn:barrio:client"


@dataclass(frozen=True, slots=True)
class Offer:
    """One endpoint of a server that we take."""

    policy: str
    mode: str
    certificate: bytes
    uri: str


class RefusedError(Exception):
    """Raised when a server cannot be spoken to as was asked for; the message says what to do."""


def choose(endpoints: Iterable[Any] | None, access: Access) -> Offer:
    """Return the strongest of `endpoints` that `access` allows; `RefusedError` when there is none."""
    found = [one for one in list(endpoints or ())[:_MOST_ENDPOINTS] if _is_usable(one)]
    wanted = [access.policy] if access.policy else list(POLICIES)
    for policy in wanted:
        for one in found:
            if one.SecurityMode == _MODES[access.mode] and one.SecurityPolicyUri == _URI + policy:
                return Offer(
                    policy, access.mode, one.ServerCertificate or b"", one.Server.ApplicationUri or ""
                )
    raise RefusedError(_no_offer(found, access))


def _is_usable(endpoint: Any) -> bool:
    return (
        isinstance(endpoint, ua.EndpointDescription)
        and isinstance(endpoint.Server, ua.ApplicationDescription)
        and endpoint.TransportProfileUri in (None, "", _TRANSPORT)
    )


def _no_offer(found: Sequence[Any], access: Access) -> str:
    asked = f"{access.mode} with {access.policy or 'one of ' + ', '.join(POLICIES)}"
    offers = sorted({_offer_words(one) for one in found})
    if not offers:
        return f"the server offers no endpoint, {asked} was asked for"
    words = f"the server offers only {', '.join(offers)[:300]}; {asked} was asked for"
    if offers == ["None"]:
        return f"{words}: switch security on in the server, or say why not with `insecure: REASON`"
    return f"{words}: see the options `security` and `policy`"


def _offer_words(endpoint: Any) -> str:
    policy = str(endpoint.SecurityPolicyUri or "").removeprefix(_URI)
    name = "".join(letter for letter in policy if letter.isprintable())[:60]
    return "None" if name == "None" else f"{name} {getattr(endpoint.SecurityMode, 'name', 'Invalid')}"


@dataclass(slots=True)
class Door:
    """The security of one session, from the server's offer to the login. Never in logs: it holds keys."""

    access: Access
    home: Home = field(repr=False)
    url: str
    offer: Offer | None = None
    _own: Own | None = field(default=None, repr=False)
    _server: x509.Certificate | None = field(default=None, repr=False)

    @property
    def words(self) -> str:
        """How the server is spoken to, for health."""
        return self.access.words(self.offer.policy if self.offer else "")

    @property
    def open_by_wish(self) -> bool:
        """Whether the profile says, with a reason, that there is no encryption."""
        return bool(self.access.insecure.strip())

    async def approve(self, endpoints: Iterable[Any] | None) -> None:
        """Choose an endpoint, load our keys, judge the server's certificate; `TransientError` with what to do."""
        try:
            self.offer = choose(endpoints, self.access)
            self._own = await asyncio.to_thread(load_own, self.home.folder)
            self._server = await asyncio.to_thread(self._judged, self.offer)
        except (RefusedError, StartError, NotTrustedError) as error:
            raise TransientError(self.url, str(error)) from None

    async def judge_again(self) -> None:
        """Judge the server's certificate anew, since trust may be withdrawn; `TransientError` when it is refused."""
        try:
            if self.offer is not None:
                await asyncio.to_thread(self._judged, self.offer)
        except NotTrustedError as error:
            raise TransientError(self.url, str(error)) from None

    def _judged(self, offer: Offer) -> x509.Certificate:
        host = self.access.certificate_host or urlsplit(self.url).hostname or ""
        return judge(self.home.folder, offer.certificate, offer.uri, host, datetime.now(UTC))

    def fit(self, client: Client) -> None:
        """Give the library's client our certificate and the server's, before it connects."""
        client.application_uri = _WITHOUT_CERTIFICATE
        if self.offer is None or self._own is None:
            return
        client.application_uri = self._own.uri
        kind: Any = POLICIES[self.offer.policy]
        mode = _MODES[self.offer.mode]
        client.security_policy = kind(self._server, self._own.certificate, self._own.key, mode)
        client.uaclient.set_security(client.security_policy)

    def compare(self, endpoints: Iterable[Any] | None) -> None:
        """Compare what the secured session offers with what was offered before; `TransientError` if it differs.

        OPC 10000-4, 5.7.2: the list of GetEndpoints is not protected, the one of CreateSession is.
        """
        if self.offer is None:
            return
        try:
            now = choose(endpoints, self.access)
        except RefusedError as error:
            raise TransientError(self.url, str(error)) from None
        if (now.policy, now.mode, now.uri) != (self.offer.policy, self.offer.mode, self.offer.uri):
            words = f"{now.policy} {now.mode} is offered, but was not before the channel was secured"
            raise TransientError(self.url, f"somebody in between changed the list of endpoints: {words}")

    async def login(self, client: Client) -> None:
        """Activate the session as the user of the options; `TransientError` when that would not be safe."""
        access = self.access
        if self.offer is None and (access.user or access.user_certificate):
            raise TransientError(self.url, "a login needs an encrypted channel: nothing was sent")
        try:
            if access.user:
                self._check_password_way(client)
                password = self.home.secret(access.password) if access.password else ""
                await client.activate_session(access.user, password)
            elif access.user_certificate:
                certificate, key = await asyncio.to_thread(self._user_pair)
                client.user_private_key = key
                self._check_token(client, ua.UserTokenType.Certificate)
                await client.activate_session(certificate=certificate)
            else:
                await client.activate_session()
        except StartError as error:
            raise TransientError(self.url, str(error)) from None
        except _NOT_LET_IN as error:
            raise LoginRefusedError(self.url, f"the server refused: {type(error).__name__}") from None

    def _user_pair(self) -> tuple[x509.Certificate, RSAPrivateKey]:
        folder = self.home.folder
        return load_pair(folder / Path(self.access.user_certificate), folder / Path(self.access.user_key))

    def _check_password_way(self, client: Client) -> None:
        """Refuse to send a password where somebody in between could read it."""
        uri = self._check_token(client, ua.UserTokenType.UserName)
        if uri == _NONE and (self.offer is None or self.offer.mode != "SignAndEncrypt"):
            raise TransientError(self.url, "the server wants the password unencrypted: it was not sent")

    def _check_token(self, client: Client, kind: ua.UserTokenType) -> str:
        uri = str(client.server_policy(kind).SecurityPolicyUri)
        plain = uri == _NONE and kind is ua.UserTokenType.UserName
        if not plain and uri.removeprefix(_URI) not in POLICIES:
            name = uri.removeprefix(_URI)[:60]
            raise TransientError(self.url, f"the server wants the login with {name!r}, which is not safe")
        return uri
