"""Where the server is and what proves who asks; both are checked before anything is sent."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gatekeeper.client.errors import BadAddress

_ADDRESS_HINT = "it is such as https://gate.example.com, without a path of the API"


@dataclass(frozen=True, kw_only=True)
class Address:
    """The base of all paths of one server, and the credential for it."""

    url: str
    """Scheme, host, port and a prefix if there is one; no slash at the end."""
    credential: str | None = field(default=None, repr=False)

    @property
    def is_loopback(self) -> bool:
        """True when nothing leaves the machine; then no proxy is asked either."""
        return _is_loopback(urlsplit(self.url).hostname or "")


def address_of(url: str, *, credential: str | None, allow_http: bool = False) -> Address:
    """The address at `url`, if a credential may be sent there.

    Raises:
        BadAddress: it is no such URL, holds a password, or would carry the credential in the clear.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress(f"{url!r} is not the address of a server: {error}", hint=_ADDRESS_HINT) from error
    if "@" in parts.netloc:
        raise BadAddress("the address of the server holds a user or password", hint="use GATEKEEPER_TOKEN")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise BadAddress(f"{url!r} is not the address of a server", hint=_ADDRESS_HINT)
    if parts.path.rstrip("/").endswith("/api/v1"):
        raise BadAddress(f"{url!r} has the path of the API in it", hint=_ADDRESS_HINT)
    if parts.scheme == "http" and credential is not None and not (allow_http or _is_loopback(host)):
        raise BadAddress(
            f"{url!r} is not encrypted: everybody on the way could read the token",
            hint="use https; GATEKEEPER_ALLOW_HTTP=1 sends it all the same",
        )
    if credential is not None and (not credential.isascii() or not credential.isprintable()):
        raise BadAddress("the token holds characters that no token has", hint="check how it was copied")
    return Address(url=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", credential=credential)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
