"""Cursors of lists: opaque to clients, and believed by nobody until they are read strictly."""

import base64
import re
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from gatekeeper.service.errors import Refused, coded

T = TypeVar("T")

Count = Annotated[int, Meta(ge=0, le=2**62)]
Text = Annotated[str, Meta(max_length=1000, pattern="^[^\\x00]*$")]

_FORM = re.compile(r"[A-Za-z0-9_-]{1,4000}")


class Cursor(Generic[T]):
    """Where one list goes on. Another list does not take it."""

    def __init__(self, of: str, kind: Any) -> None:
        """`of` names the list; `kind` is the type of a place in it, for msgspec."""
        self._of = of
        self._decoder = msgspec.json.Decoder(tuple[str, kind])

    def at(self, place: T | None) -> str | None:
        """The cursor behind which the list goes on after `place`; None at its end."""
        if place is None:
            return None
        return base64.urlsafe_b64encode(msgspec.json.encode((self._of, place))).decode().rstrip("=")

    def read(self, text: str | None) -> T | None:
        """The place in a cursor; None without one.

        Raises:
            Refused: `bad-parameter`: this server did not make it, or not for this list.
        """
        if text is None:
            return None
        try:
            if not _FORM.fullmatch(text):
                raise ValueError("not base64url")
            of, place = self._decoder.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if of != self._of or self.at(place) != text:
                raise ValueError("of another list")
        except (ValueError, RecursionError) as error:
            raise coded(
                Refused,
                "bad-parameter",
                f"cursor={text[:40]!r} is not one of this list",
                hint="take it from `next` of the page before, and leave it out for the first page",
            ) from error
        return place  # type: ignore[no-any-return]
