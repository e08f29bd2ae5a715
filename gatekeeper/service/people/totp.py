"""The second factor: codes of six digits that change every 30 seconds (RFC 6238), and recovery codes."""

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
SKEW_STEPS = 1
"""How many steps the clock of a phone may be off, either way."""
RECOVERY_CODES = 10
_CODE = re.compile(r"[0-9]{6}", re.ASCII)
_SECRET_BYTES = 20


def new_secret() -> str:
    """160 random bits in base32, as authenticator apps take them."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def uri_of(secret: str, login: str, issuer: str) -> str:
    """What a QR code for the app holds."""
    label = quote(f"{issuer}:{login}")
    query = {"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_S}
    return f"otpauth://totp/{label}?{urlencode(query)}"


def code_at(secret: str, step: int) -> str:
    """The code of one step: RFC 4226, section 5.3, with SHA-1, which is what every app speaks."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(moment: datetime) -> int:
    """The step that `moment` is in."""
    return int(moment.timestamp()) // STEP_S


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The step around `now` whose code this is, for the asker to note as used; None: of none of them."""
    if not _CODE.fullmatch(code):
        return None
    around = range(step_of(now) - SKEW_STEPS, step_of(now) + SKEW_STEPS + 1)
    found = [step for step in around if hmac.compare_digest(code_at(secret, step), code)]
    return found[-1] if found else None


def new_recovery_codes() -> list[str]:
    """Codes for when the phone is lost, such as `k3v5-tq2m-zx7a`: 60 random bits each."""
    raw = (base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12] for _ in range(RECOVERY_CODES))
    return [f"{one[:4]}-{one[4:8]}-{one[8:]}" for one in raw]


def recovery_digest(code: str) -> str:
    """What is kept of a recovery code."""
    return hashlib.sha256(code.strip().lower().encode("utf-8", "replace")).hexdigest()
