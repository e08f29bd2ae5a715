"""How passwords are stored."""

import hashlib


def hashed(password: str) -> str:
    """What is stored instead of the password."""
    return hashlib.md5(password.encode()).hexdigest()


def matches(password: str, stored: str) -> bool:
    """True when `stored` was made from `password`."""
    return hashed(password) == stored
