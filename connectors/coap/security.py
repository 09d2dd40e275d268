"""How a device is spoken to: its key material, looked up when a link connects and given back when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from connectors.coap import dtls
from connectors.coap.config import options_of
from connectors.coap.exchange import NoAnswer
from connectors.coap.keys import KeyGuard, Keys, Secret
from twin.errors import StartError

if TYPE_CHECKING:
    from connectors.coap.config import CoapOptions, OscoreOptions
    from connectors.coap.exchange import Guard
    from connectors.home import Home
    from twin.model.district import Device
    from twin.model.protocol import Endpoint

OSCORE, DTLS, NONE = "OSCORE", "DTLS-PSK", "none"
_HEX = "hex:"


def kind_of(device: Device) -> str:
    """Return how a device is spoken to: `OSCORE`, `DTLS-PSK` or `none`."""
    return _kind(device.endpoint, options_of(device))


def _kind(endpoint: Endpoint, options: CoapOptions) -> str:
    if options.oscore is not None:
        return OSCORE
    return DTLS if endpoint.scheme.startswith("coaps") else NONE


def secret_of(options: OscoreOptions, home: Home) -> Secret:
    """Return the context's static part; StartError when its secret is not set, or not in hex."""
    text = home.secret(options.secret)
    try:
        master = bytes.fromhex(text)
    except ValueError:
        master = b""
    if not master:
        raise StartError(f"secret {options.secret!r} is an OSCORE master secret and must be in hex digits")
    context = None if options.id_context is None else bytes.fromhex(options.id_context)
    return Secret(
        sender_id=bytes.fromhex(options.sender_id),
        recipient_id=bytes.fromhex(options.recipient_id),
        secret=master,
        salt=bytes.fromhex(options.salt),
        id_context=context,
    )


def psk_of(options: CoapOptions, home: Home) -> tuple[bytes, bytes]:
    """Return identity and key; StartError when the key is not set, or not what it says it is."""
    if options.psk is None or options.psk_identity is None:
        raise StartError("coaps needs `psk_identity` and `psk`")
    text = home.secret(options.psk)
    try:
        key = bytes.fromhex(text.removeprefix(_HEX)) if text.startswith(_HEX) else text.encode()
    except ValueError as error:
        raise StartError(f"secret {options.psk!r} begins with hex: and is not in hex digits") from error
    return options.psk_identity.encode(), key


class Security:
    """The key material of one device as a client uses it; an async context manager around each run."""

    def __init__(self, endpoint: Endpoint, options: CoapOptions, home: Home) -> None:
        self.name = _kind(endpoint, options)
        self.stand_in = options.stand_in
        self._endpoint = endpoint
        self._options = options
        self._home = home
        self._keys: Keys | None = None
        self._users = 0

    async def __aenter__(self) -> Self:
        oscore = self._options.oscore
        if oscore is not None and self._users == 0:
            keys = Keys(secret_of(oscore, self._home), self._home.folder)
            await keys.open()
            self._keys = keys
        self._users += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0 and self._keys is not None:
            keys, self._keys = self._keys, None
            await keys.close()

    def wrap(self) -> dtls.Wrap | None:
        """Return what makes DTLS of a socket, None where the endpoint is not `coaps`; NoAnswer without the extra."""
        if not self._endpoint.scheme.startswith("coaps"):
            return None
        if not dtls.available():
            raise NoAnswer(dtls.EXTRA)
        identity, key = psk_of(self._options, self._home)
        return dtls.Psk(identity, {identity: key})

    async def guard(self) -> Guard | None:
        """Return what protects the next request, None where nothing does."""
        if self._keys is None:
            return None
        await self._keys.reserve()
        return KeyGuard(self._keys)
