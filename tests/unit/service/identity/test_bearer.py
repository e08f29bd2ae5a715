"""A bearer token is known by its digest; its end, and nothing else, is told to who holds it."""

import re
import string
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.access import TokenRecord
from gatekeeper.caller import Method, Scope
from gatekeeper.evidence import Kind
from gatekeeper.service.errors import NotAuthenticated
from gatekeeper.service.identity.bearer import caller_from, caller_of, new_secret, presented

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SECRET = new_secret()
RECORD = TokenRecord(
    id=SECRET.id,
    name="ci of pay",
    sha256=SECRET.sha256,
    scopes=frozenset({Scope.EVIDENCE_WRITE}),
    projects=("pay/*",),
    refs=("main",),
    kinds=(Kind.TESTS,),
    created_at=NOW - timedelta(days=1),
    expires_at=NOW + timedelta(days=89),
    created_by="token:gk_admin",
)


def with_(**changes: object) -> TokenRecord:
    """The record of the token, changed."""
    return msgspec.structs.replace(RECORD, **changes)


def test_a_new_token() -> None:
    """A token has a public id, 256 bits of secret and the form that scanners look for."""
    assert re.fullmatch(r"gk_[a-z2-7]{12}_[a-z2-7]{52}[0-9a-f]{8}", SECRET.plain)
    assert SECRET.plain.startswith(f"gk_{SECRET.id}_")
    assert SECRET.sha256 == sha256(SECRET.plain.encode()).hexdigest()


def test_tokens_differ() -> None:
    """No two tokens share an id or a secret."""
    made = [new_secret() for _ in range(500)]
    assert len({m.id for m in made}) == len({m.plain[16:68] for m in made}) == 500


def test_the_secret_is_not_in_a_trace() -> None:
    """What is printed of a new token is its public id."""
    assert SECRET.plain not in f"{SECRET!r} {SECRET}"
    assert SECRET.id in repr(SECRET)


def test_reading_a_token() -> None:
    """Of a token that was sent, its id and digest remain."""
    sent = presented(SECRET.plain)
    assert (sent.id, sent.sha256) == (SECRET.id, SECRET.sha256)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gk_",
        "gk__",
        "Bearer " + SECRET.plain,
        " " + SECRET.plain,
        SECRET.plain + "\n",
        SECRET.plain.upper(),
        SECRET.plain[:-1],
        SECRET.plain + "0",
        SECRET.plain.replace("_", "-"),
        "gk_" + SECRET.id,
        "gk_abcdefghijk1_" + "a" * 60,
        "ghp_" + "a" * 36,
        "\x00" * 76,
        "gk_" + "é" * 12 + "_" + "a" * 60,
        "\ud800",
        "a" * 1_000_000,
    ],
    ids=lambda text: f"{len(text)}-characters",
)
def test_other_texts(text: str) -> None:
    """What has not the form of a token is refused without being repeated."""
    with pytest.raises(NotAuthenticated, match="no token of Gatekeeper") as caught:
        presented(text)
    assert len(text) < 8 or text not in caught.value.message + caught.value.hint


@given(st.integers(3, len(SECRET.plain) - 1), st.sampled_from(string.ascii_lowercase + string.digits))
def test_a_typo_is_called_one(position: int, char: str) -> None:
    """One wrong character never gives another token: its form or its checksum is wrong."""
    text = SECRET.plain[:position] + char + SECRET.plain[position + 1 :]
    if text == SECRET.plain:
        return
    with pytest.raises(NotAuthenticated, match=r"no token|mistyped"):
        presented(text)


def test_the_caller_of_a_token() -> None:
    """The grant becomes the caller's; the principal has the public part only."""
    caller = caller_from(presented(SECRET.plain), RECORD, NOW)
    assert caller.principal == f"token:gk_{SECRET.id}"
    assert caller.method is Method.TOKEN
    assert caller.claims is None
    assert (caller.scopes, caller.projects, caller.refs) == (RECORD.scopes, RECORD.projects, RECORD.refs)
    assert (caller.kinds, caller.expires_at) == (RECORD.kinds, RECORD.expires_at)


@pytest.mark.parametrize(
    "record",
    [
        None,
        with_(sha256="0" * 64),
        with_(sha256=""),
        with_(sha256=new_secret().sha256),
        with_(id=new_secret().id),
        with_(sha256="0" * 64, revoked_at=NOW),
        with_(sha256="0" * 64, expires_at=NOW),
    ],
    ids=["no record", "zeros", "empty", "another secret", "another id", "revoked", "expired"],
)
def test_a_wrong_secret(record: TokenRecord | None) -> None:
    """Without the secret nobody learns whether a token exists, is expired or revoked."""
    with pytest.raises(NotAuthenticated) as caught:
        caller_from(presented(SECRET.plain), record, NOW)
    assert caught.value.code == "not-authenticated"
    assert caught.value.message == f"token gk_{SECRET.id} is not known"


def test_the_digest_of_nothing() -> None:
    """A digest of zeros, with which an absent token is compared, is never a match."""
    sent = msgspec.structs.replace(presented(SECRET.plain), sha256="0" * 64)
    with pytest.raises(NotAuthenticated):
        caller_from(sent, None, NOW)


def test_an_expired_token() -> None:
    """A token counts until the instant before `expires_at`."""
    end = RECORD.expires_at
    assert caller_of(RECORD, end - timedelta(microseconds=1)).may(Scope.EVIDENCE_WRITE)
    with pytest.raises(NotAuthenticated, match=r"ci of pay\) expired on 2027-02-20") as caught:
        caller_of(RECORD, end)
    assert caught.value.code == "token-expired"
    assert "rotate" in caught.value.hint


@pytest.mark.parametrize("revoked_at", [NOW - timedelta(days=1), NOW, NOW + timedelta(days=1)])
def test_a_revoked_token(revoked_at: datetime) -> None:
    """A revoked token stays revoked, even when the clock says that it was revoked in the future."""
    with pytest.raises(NotAuthenticated, match="was revoked") as caught:
        caller_of(with_(revoked_at=revoked_at), NOW)
    assert caught.value.code == "token-revoked"
