"""Passwords: what may be one, and what is kept of it."""

import pytest

from gatekeeper.service.errors import Refused
from gatekeeper.service.people import passwords


def test_what_is_kept_is_argon2id_and_never_the_same() -> None:
    """The hash names its parameters and has a salt of its own."""
    first, second = (passwords.hashed("a horse that is correct") for _ in range(2))
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert passwords.matches(first, "a horse that is correct")
    assert not passwords.matches(first, "a horse that is wrong")
    assert not passwords.is_outdated(first)


@pytest.mark.parametrize("kept", [None, "", "x", "$argon2id$v=19$m=8,t=1,p=1$", "$2b$12$abc"])
def test_without_a_usable_hash_nothing_matches(kept: str | None) -> None:
    """No account, or a damaged one, is a wrong password and no defect."""
    assert not passwords.matches(kept, "a horse that is correct")


def test_a_hash_of_weaker_parameters_is_outdated() -> None:
    """It is made anew at the next login."""
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("a horse that is correct")
    assert passwords.matches(weak, "a horse that is correct")
    assert passwords.is_outdated(weak)


def test_letters_are_the_same_however_they_are_typed() -> None:
    """Two keyboards compose an umlaut in two ways."""
    assert passwords.matches(passwords.hashed("schöne gr\u00fcne pferde"), "scho\u0308ne gru\u0308ne pferde")
    assert not passwords.matches(passwords.hashed("\ud800 lone surrogate"), "? lone surrogate")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "has 5 characters"),
        ("a" * 1025, "has 1,025 characters"),
        ("abababababab", "fewer than 5 different"),
        ("my name is Ann!", "holds the login name"),
    ],
)
def test_what_is_no_password_is_refused_and_never_repeated(password: str, why: str) -> None:
    """The message has the limit, not the password."""
    with pytest.raises(Refused, match=why) as refused:
        passwords.demand_usable(password, "ann")
    assert refused.value.code == "bad-password"
    assert password not in refused.value.message + refused.value.hint
