"""Waivers from a file for `gatekeeper evaluate`, in YAML or JSON: a list of what the server would hold."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from gatekeeper.cli.policy_files import policy_bytes
from gatekeeper.errors import UsageError
from gatekeeper.evidence import Kind
from gatekeeper.finding import Finding, Severity
from gatekeeper.metrics import FINDING_KINDS
from gatekeeper.policy import spelling
from gatekeeper.policy.diagnostic import PolicyRefused, nearest
from gatekeeper.policy.model import Policy
from gatekeeper.policy.tree import Value, read_tree
from gatekeeper.policy.waivers import covered_by
from gatekeeper.waiver import Covered, Waiver, WaiverScope

_T = TypeVar("_T")

_KEYS = frozenset(
    {
        "id", "project", "stages", "scope", "match", "covered", "accept", "reason", "ticket", "owner",
        "approver", "approver_roles", "granted_at", "expires_at", "revoked_at", *WaiverScope,
    }
)  # fmt: skip
_EXAMPLE = (
    "one is written as {id: W-1, advisory: CVE-2026-1, reason: ..., ticket: ..., owner: ann, approver: bob, "
    "granted_at: 2026-11-01, expires_at: 2026-12-01}"
)
_LONGEST_TEXT = 1000
_COVERED_KEYS = ("kind", "fingerprint", "severity")


class WaiversUnreadable(UsageError):
    """The file is not a list of waivers."""

    code = "waivers-unreadable"


@dataclass(frozen=True, kw_only=True)
class WaiverFile:
    """The waivers of a file; those in `open_ended` do not say what they cover."""

    waivers: tuple[Waiver, ...]
    open_ended: frozenset[str]

    def covering(self, found: Iterable[tuple[Kind, Finding]]) -> "WaiverFile":
        """The same, where what is not said is what each matches among `found`."""
        findings = tuple(found)
        return replace(self, waivers=tuple(self._covering(waiver, findings) for waiver in self.waivers))

    def _covering(self, waiver: Waiver, findings: Iterable[tuple[Kind, Finding]]) -> Waiver:
        if waiver.id not in self.open_ended:
            return waiver
        covered = {
            one
            for kind, finding in findings
            for one in covered_by(waiver.scope, waiver.match, kind, (finding,))
        }
        return msgspec.structs.replace(waiver, covered=_sorted(covered))


def waivers_at(path: Path, *, project: str, policy: Policy) -> WaiverFile:
    """The waivers in the file. Bare dates are those of the policy's time zone: the last day counts whole.

    What a waiver is for is written as `scope` and `match`, or in short as `advisory: CVE-2026-1`. Without
    `project` it is for `project`, and without `covered` for what is open in the evidence.

    Raises:
        WaiversUnreadable: with line and key of the first fault.
        NoSuchFile, UsageError, FileUnreadable: there is no such file, it is too large, or closed to us.
    """
    data = policy_bytes(path)
    try:
        tree = read_tree(data, file=str(path))
    except PolicyRefused as error:
        raise WaiversUnreadable(str(error.errors[0]), hint=_EXAMPLE) from error
    if not isinstance(tree.content, tuple):
        raise _fault(tree, "is not a list of waivers")
    seen: set[str] = set()
    waivers, open_ended = [], set()
    for item in tree.content:
        waiver = _Fields(item, policy).waiver(project)
        if waiver.id in seen:
            raise _fault(item, f"the id {waiver.id!r} is used twice")
        seen.add(waiver.id)
        waivers.append(waiver)
        if "covered" not in _mapping(item) and waiver.scope is not WaiverScope.RULE:
            open_ended.add(waiver.id)
    return WaiverFile(waivers=tuple(waivers), open_ended=frozenset(open_ended))


class _Fields:
    """One waiver of the file, read key by key."""

    def __init__(self, item: Value, policy: Policy) -> None:
        self.item, self.keys, self.policy = item, _mapping(item), policy
        for key, value in self.keys.items():
            if key not in _KEYS:
                raise _fault(value, f"unknown key {key!r}", hint=nearest(key, _KEYS))

    def waiver(self, project: str) -> Waiver:
        """The waiver."""
        zone = spelling.zone(self.policy.time_zone)
        scope, match = self._what()
        accept = self._spelled("accept", lambda text: str(spelling.condition(text)))
        return Waiver(
            id=self._text("id"),
            project=self._text("project") if "project" in self.keys else project,
            stages=tuple(self._known(text, self.policy.stages, "stage") for text in self._texts("stages")),
            scope=scope,
            match=match,
            covered=_sorted(self._covered()),
            accept=accept,
            reason=self._text("reason"),
            ticket=self._text("ticket"),
            owner=self._text("owner"),
            approver=self._text("approver"),
            approver_roles=tuple(_text_of(one) for one in self._texts("approver_roles")),
            granted_at=self._time("granted_at", lambda text: spelling.instant(text, begins_in=zone)),
            expires_at=self._time("expires_at", lambda text: spelling.end(text, ends_in=zone)),
            revoked_at=self._spelled("revoked_at", lambda text: spelling.instant(text, begins_in=zone)),
        )

    def _what(self) -> tuple[WaiverScope, str]:
        short = [scope for scope in WaiverScope if scope in self.keys]
        if "scope" in self.keys and not short:
            found = self._known(self.keys["scope"], tuple(WaiverScope), "scope")
            return WaiverScope(found), self._text("match")
        if len(short) != 1 or "scope" in self.keys or "match" in self.keys:
            raise _fault(self.item, "needs exactly one of " + ", ".join(WaiverScope))
        return short[0], self._text(short[0])

    def _covered(self) -> Iterator[Covered]:
        for one in self._texts("covered"):
            keys = _mapping(one)
            if set(keys) != set(_COVERED_KEYS):
                raise _fault(one, "needs kind, fingerprint and severity, and nothing else")
            yield Covered(
                kind=Kind(self._known(keys["kind"], FINDING_KINDS, "kind of findings")),
                fingerprint=_text_of(keys["fingerprint"]),
                severity=Severity(self._known(keys["severity"], tuple(Severity), "severity")),
            )

    def _text(self, key: str) -> str:
        if key not in self.keys:
            raise _fault(self.item, f"the key `{key}` is missing")
        return _text_of(self.keys[key])

    def _texts(self, key: str) -> tuple[Value, ...]:
        """The items of a list; none when the key is not there."""
        value = self.keys.get(key)
        if value is None:
            return ()
        if not isinstance(value.content, tuple):
            raise _fault(value, "is not a list")
        return value.content

    def _known(self, value: Value, known: Iterable[str], what: str) -> str:
        text, options = _text_of(value), tuple(known)
        if text not in options:
            raise _fault(value, f"no {what} is called {text!r}", hint=nearest(text, options))
        return text

    def _time(self, key: str, spelled: Callable[[str], datetime]) -> datetime:
        found = self._spelled(key, spelled)
        if found is None:
            raise _fault(self.item, f"the key `{key}` is missing")
        return found

    def _spelled(self, key: str, spelled: Callable[[str], _T]) -> _T | None:
        """The value, as `spelled` reads it; None when it is not there or null, as in JSON."""
        value = self.keys.get(key)
        if value is None or value.content is None:
            return None
        try:
            return spelled(_text_of(value))
        except ValueError as error:
            raise _fault(value, str(error)) from error


def _mapping(value: Value) -> dict[str, Value]:
    if not isinstance(value.content, dict):
        raise _fault(value, f"is {value.type_name()}, not a mapping")
    return value.content


def _text_of(value: Value) -> str:
    if not isinstance(value.content, str) or not value.content.strip():
        raise _fault(value, "is not text" if not isinstance(value.content, str) else "is empty")
    if len(value.content) > _LONGEST_TEXT:
        raise _fault(value, f"is {len(value.content):,} characters; the limit is {_LONGEST_TEXT:,}")
    return value.content


def _sorted(covered: Iterable[Covered]) -> tuple[Covered, ...]:
    return tuple(sorted(covered, key=lambda one: (one.kind, one.fingerprint, one.severity)))


def _fault(value: Value, words: str, *, hint: str = "") -> WaiversUnreadable:
    place = f"{value.file}:{value.line}: " + (f"{value.path}: " if value.path else "")
    return WaiversUnreadable(place + words, hint=hint or _EXAMPLE)
