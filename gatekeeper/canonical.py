"""RFC 8785 canonical JSON and the SHA-256 digests over it."""

import hashlib
import re
from typing import Any

import msgspec
import rfc8785

from gatekeeper.errors import NotCanonical

# msgspec sorts keys by code point, RFC 8785 section 3.2.3 by UTF-16 code unit. The two orders differ
# only when a character beyond U+FFFF (a four-byte sequence) is compared, so its absence proves equality.
_BEYOND_BMP = re.compile(rb"[\xf0-\xf4]")
_MAX_SAFE_INTEGER = 2**53 - 1


def canonical_bytes(value: Any) -> bytes:
    """The RFC 8785 encoding of `value`.

    Structs, dataclasses, enums and tuples become plain JSON. Timestamps become strings as msgspec writes
    them. A hashed value never holds a float, a non-finite number or an integer beyond 2**53 - 1.

    Raises:
        NotCanonical: the value holds one of those, or a string that is not valid Unicode.
    """
    plain = msgspec.to_builtins(value, str_keys=True)
    _refuse_numbers(plain)
    try:
        encoded = msgspec.json.encode(plain, order="sorted")
        if not encoded.isascii() and _BEYOND_BMP.search(encoded):
            return rfc8785.dumps(plain)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as exc:
        raise NotCanonical(f"value has no canonical form: {exc}") from exc
    return encoded


def digest(value: Any) -> str:
    """`sha256:<hex>` over the canonical bytes of `value`."""
    return digest_of_bytes(canonical_bytes(value))


def digest_of_bytes(data: bytes) -> str:
    """`sha256:<hex>` over `data` as it is."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _refuse_numbers(value: Any) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is str or item is None or kind is bool:
            continue
        if kind is dict:
            pending.extend(item.values())
        elif kind is list or kind is tuple:
            pending.extend(item)
        elif kind is int:
            if not -_MAX_SAFE_INTEGER <= item <= _MAX_SAFE_INTEGER:
                raise NotCanonical(f"integer {item} is beyond the exact range of JSON, +-(2**53 - 1)")
        else:
            raise NotCanonical(f"{kind.__name__} has no exact canonical form: {item!r}")
