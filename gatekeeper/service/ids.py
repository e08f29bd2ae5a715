"""Opaque ids that sort by time, so that new rows land beside each other in every index."""

import base64
import secrets
from datetime import datetime

_ALPHABET = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghijklmnopqrstuv")


def new_id(prefix: str, now: datetime) -> str:
    """`<prefix>_` and 26 characters: 48 bits of milliseconds, then 80 random bits."""
    raw = int(now.timestamp() * 1000).to_bytes(6) + secrets.token_bytes(10)
    return f"{prefix}_{base64.b32encode(raw).translate(_ALPHABET).decode().rstrip('=')}"
