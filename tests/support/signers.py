"""People for tests of what people sign, and a policy that asks them."""

from gatekeeper.caller import Caller, Holding, Method, Scope

SIGNERS = frozenset(
    {Scope.GATE_READ, Scope.APPROVAL_GIVE, Scope.OVERRIDE_GIVE, Scope.WAIVER_WRITE, Scope.WAIVER_APPROVE}
)
SIGNED_POLICY = b"""\
schema: gatekeeper/v1
policy: example
owner: security
stages: [develop, test, production]
evidence:
  sast: {from: production}
paths:
  standard: {order: true}
  hotfix:
    refs: ["hotfix/*"]
    stages: [test, production]
    loosen_reason: "an emergency waits for nobody"
    approvals: {production: [{role: ops}]}
    obligations: [{id: late-tests, title: "Run the tests", role: qa-lead, within: 1d}]
approvals:
  production: [{role: product}, {role: ops}]
revoke_on: high
separation: {distinct_people: true}
waiver_limits: {max_days: 30, max_days_by_severity: {critical: 7}, approved_by_role: security}
rules:
  - id: tests-pass
    metric: tests.failed
    pass: "== 0"
  - id: sast-high
    metric: sast.high
    pass: "== 0"
    from: production
  - id: sast-critical
    metric: sast.critical
    pass: "== 0"
    from: production
  - id: sast-unknown
    metric: sast.unknown
    pass: "== 0"
    from: production
"""


def person(name: str, *roles: str, scopes: frozenset[Scope] = SIGNERS, projects: str = "*") -> Caller:
    """Somebody who logged in, with these roles."""
    held = (
        Holding(projects=(projects,), scopes=scopes),
        *(Holding(projects=(projects,), role=role) for role in roles),
    )
    return Caller(
        principal=f"person:usr_{name}",
        method=Method.PERSON,
        scopes=scopes,
        person=f"usr_{name}",
        holdings=held,
        session="s",
    )
