"""People who write and approve policies, for the tests of drafts."""

from gatekeeper.caller import Caller, Holding, Method, Scope
from gatekeeper.person import Grant, Person
from gatekeeper.policy_draft import PolicyDraft
from gatekeeper.recorded import PolicyVersion
from gatekeeper.service import policy_drafts, policy_reviews
from gatekeeper.service.server import Server
from gatekeeper.store import people
from gatekeeper.store import policies as policy_rows
from gatekeeper.store.statements import table

TEXT = """\
schema: gatekeeper/v1
policy: {name}
owner: security
stages: [develop, test]
{more}rules:
  - id: tests-exist
    metric: tests.passed
    pass: ">= {limit}"
"""


def policy(limit: int = 1, *, name: str = "example", more: str = "") -> bytes:
    """A policy of one rule."""
    return TEXT.format(name=name, limit=limit, more=more).encode()


def person(name: str, *scopes: Scope, projects: tuple[str, ...] = ("*",)) -> Caller:
    """Somebody with these scopes; by default with those of a member of the security team."""
    held = frozenset(scopes or (Scope.POLICY_WRITE, Scope.POLICY_APPROVE, Scope.GATE_READ))
    return Caller(
        principal=f"person:usr_{name}",
        method=Method.PERSON,
        scopes=held,
        person=f"usr_{name}",
        holdings=(Holding(projects=projects, scopes=held),),
        session="s",
    )


def settle_in(server: Server, name: str, *scopes: Scope) -> None:
    """Let the person be known to the server, with a grant."""
    at = server.clock()
    person_id = f"usr_{name}"
    grant = Grant(
        id=f"grt_{name}",
        person=person_id,
        scopes=frozenset(scopes),
        projects=("*",),
        granted_by="token:gk_admin",
        granted_at=at,
    )

    def work(connection) -> None:
        people.add(connection, Person(id=person_id, name=name, is_active=True, created_at=at))
        people.add_grant(connection, grant)

    server.database.write(work)


ANN, BEN, CEM = person("ann"), person("ben"), person("cem")
TOKEN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)


def draft(house, text: bytes = policy(2), caller: Caller = ANN, **more) -> PolicyDraft:
    """A new draft of the example policy."""
    words = {"based_on": 1, "reason": "stricter"} | more
    return policy_drafts.create(house.server, caller, "example", text, **words)


def submitted(house, text: bytes = policy(2), caller: Caller = ANN, **more) -> PolicyDraft:
    """A draft that waits for somebody else."""
    made = draft(house, text, caller, **more)
    return policy_drafts.submit(house.server, caller, made.id, revision=made.revision)


def approved(house, made: PolicyDraft, caller: Caller = BEN, **more) -> PolicyDraft:
    """The draft, approved."""
    words = {"revision": made.revision, "digest": made.checked.digest or ""} | more
    return policy_reviews.approve(house.server, caller, made.id, **words)


def in_force(house, name: str = "example") -> PolicyVersion | None:
    """The version that decides."""
    return house.server.database.read(lambda c: policy_rows.in_force(c, name))


def events(house) -> list[str]:
    """All that was told, in its order."""
    outbox = table("ledger_outbox")
    return house.server.database.read(
        lambda c: [row.event for row in c.execute(outbox.select().order_by(outbox.c.id))]
    )
