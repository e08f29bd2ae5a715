"""What every use case is given: the parts of one server, and its memory of documents and policies."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

import msgspec

from gatekeeper.canonical import digest_of_bytes
from gatekeeper.decision import Decision
from gatekeeper.evidence import EvidenceDocument
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.recorded import PolicyVersion
from gatekeeper.reports.json import collector_off
from gatekeeper.service.errors import Unavailable
from gatekeeper.service.extended_policies import stored
from gatekeeper.service.ports import Blobs, Clock, Parser
from gatekeeper.store.database import Database

T = TypeVar("T")

DOCUMENT_CACHE_BYTES = 64 * 1024 * 1024
POLICY_CACHE = 64


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Settings that use cases need."""

    default_policy: str = "base"
    set_deadline_min: int = 60
    max_upload_parts: int = 1000
    accepts_forks: bool = False
    groups: tuple[tuple[str, str], ...] = ()
    """(issuer, glob of project paths) in which the first upload of a job creates its project."""
    token_use_sample: timedelta = timedelta(minutes=5)
    """`last_used_at` is written at most this often."""
    policies_by_token: bool = False
    """True: who holds policy:write puts policies in force alone, also where somebody could approve them."""
    approvers_log_in: bool = False
    """True when groups of a login provider give policy:approve: who is in them is known only at a login."""
    session_idle: timedelta = timedelta(hours=8)
    """A person's session that was not used for so long is over."""
    session_max: timedelta = timedelta(days=7)
    """And for so long after the login, however much it was used."""


class Cache(Generic[T]):
    """The most recently used values, up to a total cost. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self._limit, self._cost = limit, 0
        self._held: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], tuple[T, int]]) -> T:
        """The value of `key`; `make` gives it and its cost when it is not held."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key][0]
        value, cost = make()
        with self._lock:
            if key not in self._held and cost <= self._limit:
                self._held[key] = (value, cost)
                self._cost += cost
                while self._cost > self._limit:
                    self._cost -= self._held.popitem(last=False)[1][1]
        return value


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server's parts. Thread-safe, like each of them."""

    database: Database
    blobs: Blobs
    parser: Parser
    clock: Clock
    rules: Rules = Rules()
    recorded: Callable[[Decision], None] = lambda _decision: None
    """Told of every decision that this process recorded, once it is on the disk."""
    _documents: Cache[EvidenceDocument] = field(default_factory=lambda: Cache(DOCUMENT_CACHE_BYTES))
    _policies: Cache[Policy] = field(default_factory=lambda: Cache(POLICY_CACHE))

    def document(self, digest: str) -> EvidenceDocument:
        """The normalised document with this digest.

        Raises:
            Unavailable: it cannot be read now, or is damaged; nothing may be decided without it.
        """

        def made() -> tuple[EvidenceDocument, int]:
            data = self.blobs.get(digest.removeprefix("sha256:"))
            if data is None or digest_of_bytes(data) != digest:
                raise Unavailable(
                    f"the document {digest} is not in the blob store",
                    hint="an operator must bring back the blobs of this server",
                )
            with collector_off():
                return msgspec.json.decode(data, type=EvidenceDocument), len(data)

        return self._documents.get(digest, made)

    def policy(self, version: PolicyVersion) -> Policy:
        """The policy in an immutable version; what it extends lies in versions that never change either."""

        def made() -> tuple[Policy, int]:
            file = f"{version.name}@{version.version}"
            return load_policy(version.text, file=file, resolve=stored(self.database)), 1

        return self._policies.get(version.digest, made)
