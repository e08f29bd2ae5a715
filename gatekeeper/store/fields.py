"""The fields of rows, as all tables declare them."""

from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, Text
from sqlmodel import Field

from gatekeeper.store.columns import UtcTime


def text(*, key: bool = False, default: str | None = None) -> Any:
    """A text that is never NULL."""
    return Field(sa_column=Column(Text, primary_key=key, nullable=False, server_default=default))


def optional_text() -> Any:
    """A text, or NULL."""
    return Field(default=None, sa_column=Column(Text, nullable=True))


def time(*, is_optional: bool = False) -> Any:
    """An instant."""
    return Field(default=None, sa_column=Column(UtcTime, nullable=is_optional))


def content() -> Any:
    """Bytes that are never NULL."""
    return Field(sa_column=Column(LargeBinary, nullable=False))


def big(*, default: str | None = None) -> Any:
    """A whole number of 64 bits."""
    return Field(sa_column=Column(BigInteger, nullable=False, server_default=default))
