"""A policy that uses every key of the format."""

FULL = """\
schema: gatekeeper/v1
policy: payments
owner: security-team
time_zone: Europe/Berlin
applies_to: ["pay/*", "cards/**"]
stages: [develop, test, uat, staging, production]
valid_for: 12h
on_missing: block
on_error: block
paths:
  standard: {order: true}
  hotfix:
    refs: ["hotfix/*"]
    stages: [test, production]
    order: true
    without: {rules: [cov-line], evidence: [dast]}
    loosen_reason: a fix must not wait for a long scan
    approvals: {production: [{role: tech-lead}, {role: ops}]}
    obligations: [{id: hotfix-tests, title: Run the tests that were left out, role: qa-lead, within: 3d}]
evidence:
  tests: {from: develop, names: [unit, e2e], allow: {name-gone: 1, totals-disagree: any}}
  sast:
    from: test
    trust: {staging: bound, production: observed}
    protected_ref: staging
    tools: [bandit]
    bind: source
  sca: {from: test, trust: bound, protected_ref: true, max_age: 24h, db_max_age: 48h}
  dast: {from: staging}
rules:
  - {id: tests-pass, title: No test fails, metric: tests.failed, pass: "== 0", severity: blocker}
  - id: sca-fixable
    expr: sca.findings.all(f, !(f.severity == "critical" && f.fixable))
    needs: [sca.findings]
    message: A critical dependency vulnerability has a fix
    from: test
    loosen_reason: a comparison cannot say it
  - id: e2e-pass
    expr: e2e_failed == 0
    needs: {e2e_failed: tests.failed@e2e}
    message: An end-to-end test fails
    from: uat
    loosen_reason: as above
  - id: cov-line
    metric: coverage.line
    pass: ">= 80"
    warn: ">= 75"
    mode: score
    weight: 2
    only_if: {coverage.lines_total: ">= 100"}
    on_too_few: warn
    stages: {production: {pass: ">= 85"}}
  - id: cov-not-worse
    metric: coverage.line
    no_worse_than: {by: 0.5}
    on_no_baseline: skip
    mode: warn
    on_missing: warn
    on_error: warn
    enforce_from: 2027-01-15
score: {pass: 90, warn: 75}
approvals:
  production:
    - {role: product}
    - {role: ops, count: 2}
    - {role: security, if: {score: "< 95", sast.high: "> 0"}}
revoke_on: high
by_mail: true
separation: {approver_is_not: [author, committer, deployer, waiver_owner], distinct_people: true}
waiver_limits:
  max_days: 90
  max_days_by_severity: {critical: 14, high: 30}
  approved_by_role: security
  inline: refuse
windows:
  production:
    open:
      - {days: [mon, tue, wed, thu], from: "09:00", to: "16:00"}
      - {days: [sat], from: "22:00", to: "02:00"}
    holidays: [2026-12-25]
    freezes: [{from: 2026-12-20, to: 2027-01-03, reason: year end}]
tests:
  - name: a hotfix with everything
    stage: production
    path: hotfix
    now: 2026-11-26T16:30:00Z
    given:
      metrics: {tests.failed: 0}
      baseline: {metrics: {coverage.line: 80}}
      evidence:
        sca: {state: ok, age: 1h, db_age: 2h, names: [default], tool: pip-audit}
        tests/unit: {problems: {totals-disagree: 1}}
      findings:
        - kind: sca
          id: CVE-2026-1
          package: pypi/lxml
          version: 5.2.1
          severity: critical
          fixable: true
          new: true
        - {kind: sast, id: B608, severity: low, path: a.py, line: 3, new: false, suppressed: true}
      approvals: [{role: ops, person: ann}, {role: tech-lead, person: bob, verdict: decline}]
      order: satisfied
      windows: satisfied
      waivers:
        - {id: W-1, advisory: CVE-2026-1, expires: 2026-12-05}
        - {id: W-2, rule: cov-line, accept: ">= 70", expires: 2026-12-05T12:00:00Z}
      everything_else: satisfied
    expect:
      outcome: fail
      allowed: false
      score: 50
      failed: [approval.tech-lead]
      warned: []
      missing: [e2e-pass]
      skipped: [cov-line]
      observed: []
      used_waivers: [W-1]
      expired_waivers: []
      unused_waivers: [W-2]
      approvals: [tech-lead]
"""
