"""A policy that builds on another: how it is pinned, merged, and what it may not loosen silently."""

from fractions import Fraction
from itertools import pairwise
from textwrap import dedent, indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.policy.load import Pin, PolicyRefused, Resolved, Unresolved, load_policy
from gatekeeper.policy.spelling import condition

BASE = """\
schema: gatekeeper/v1
policy: base
owner: security
time_zone: Europe/Berlin
stages: [develop, test, production]
valid_for: 24h
on_error: block
score: {pass: 90, warn: 75}
evidence:
  sast:
    from: test
    names: [app, lib]
    tools: [bandit]
    max_age: 24h
    trust: {test: bound}
    protected_ref: true
paths:
  standard: {order: true}
  hotfix:
    refs: ["hotfix/*"]
    stages: [test, production]
    order: true
    approvals: {production: [{role: lead}]}
    obligations: [{id: later, role: qa, within: 3d}]
approvals: {production: [{role: product}, {role: ops, count: 2}]}
revoke_on: medium
separation: {approver_is_not: [author, deployer]}
waiver_limits:
  max_days: 60
  max_days_by_severity: {critical: 14}
  approved_by_role: security
  inline: refuse
windows:
  production:
    open: [{days: [mon, tue, wed], from: "09:00", to: "16:00"}]
    holidays: [2026-12-25]
    freezes: [{from: 2026-12-20, to: 2027-01-03, reason: year end}]
rules:
  - {id: tests, metric: tests.failed, pass: "== 0"}
  - {id: cov, metric: coverage.line, pass: ">= 80", warn: ">= 75", stages: {production: {pass: ">= 85"}}}
  - {id: many, metric: tests.total, no_worse_than: {by: 10%}, on_no_baseline: block}
  - {id: dup, metric: coverage.branch, pass: ">= 60", mode: score, weight: 3}
  - id: fixable
    expr: sca.findings.all(f, !f.fixable)
    needs: [sca.findings]
    message: A dependency has a fix
    from: test
    loosen_reason: a comparison cannot say it
tests:
  - {name: nothing is there, stage: develop, expect: {outcome: fail}}
"""


def resolver(*policies: str, versions: bool = True):
    """Finds the policies by name; the n-th one has the version n."""
    texts = {text.split("policy: ")[1].split("\n")[0]: (n, text) for n, text in enumerate(policies, 1)}

    def resolve(name: str, _pin: Pin) -> Resolved:
        if name not in texts:
            raise Unresolved(f"there is no policy {name}", hint="known: " + ", ".join(sorted(texts)))
        number, text = texts[name]
        return Resolved(data=text.encode(), file=f"{name}.yaml", version=number if versions else None)

    return resolve


def child(rest: str = "", *, rules: str = "", extends: str = "base@1", name: str = "pay") -> bytes:
    """A policy that extends another."""
    head = f"schema: gatekeeper/v1\npolicy: {name}\nowner: payments\nextends: {extends}\n"
    body = "rules:\n" + indent(dedent(rules).strip(), "  ") + "\n" if rules else ""
    return (head + dedent(rest).strip() + "\n" + body).encode()


def load(rest: str = "", *, rules: str = "", base: str = BASE, extends: str = "base@1"):
    """The policy that extends `base`."""
    return load_policy(child(rest, rules=rules, extends=extends), file="pay.yaml", resolve=resolver(base))


def faults(rest: str = "", *, rules: str = "", extends: str = "base@1") -> list[str]:
    """Every fault of a policy that extends `base`."""
    try:
        load(rest, rules=rules, extends=extends)
    except PolicyRefused as refused:
        return [str(error) for error in refused.errors]
    return []


def parent():
    """The extended policy itself."""
    return load_policy(BASE.encode(), file="base.yaml")


def test_a_policy_takes_over_everything_that_it_does_not_say():
    """Without a word of its own it decides as the extended one; its name, owner and tests are its own."""
    policy, base = load(), parent()
    assert (policy.name, policy.owner, policy.tests) == ("pay", "payments", ())
    for part in ("stages", "evidence", "rules", "expressions", "score", "paths", "approvals", "windows"):
        assert getattr(policy, part) == getattr(base, part), part
    assert policy.waiver_limits == base.waiver_limits
    (ancestor,) = policy.extends
    assert (ancestor.name, ancestor.version, ancestor.digest) == ("base", 1, base.digest)


def test_new_rules_are_added_and_overridden_ones_change_only_in_what_is_said():
    """`override` holds what changes; a later bound that the parent wrote stays where it is."""
    policy = load(
        rules="""
        - {id: cov, override: {pass: ">= 82", title: Covered}}
        - {id: extra, metric: tests.errors, pass: "== 0"}
        """
    )
    rules = {rule.id: rule for rule in policy.rules}
    assert set(rules) == {"tests", "cov", "many", "dup", "extra"}
    assert rules["cov"].title == "Covered"
    assert [str(bounds.pass_) for bounds in rules["cov"].bounds] == [">= 82", ">= 85"]
    assert str(rules["cov"].bounds[0].warn) == ">= 75"


def test_the_digest_speaks_for_what_is_extended():
    """The same file over another content is another policy, although not a word of it changed."""
    changed = BASE.replace('pass: ">= 80"', 'pass: ">= 81"')
    assert load().digest != load(base=changed).digest


def test_ancestors_are_listed_nearest_first():
    """A chain of policies is whole: rules of all, and the list of where they came from."""
    middle = child(rules='- {id: m, metric: tests.errors, pass: "== 0"}', extends="base@1", name="middle")
    text = child(extends="middle@2")
    policy = load_policy(text, file="pay.yaml", resolve=resolver(BASE, middle.decode()))
    assert [(one.name, one.version) for one in policy.extends] == [("middle", 2), ("base", 1)]
    assert {rule.id for rule in policy.rules} >= {"m", "tests", "cov"}


@pytest.mark.parametrize("digits", [12, 20, 64])
def test_a_digest_pins_a_file(digits):
    """A digest names the content, so a file will do; no version is remembered."""
    pin = parent().digest[: len("sha256:") + digits]
    policy = load_policy(
        child(extends=f"base@{pin}"), file="pay.yaml", resolve=resolver(BASE, versions=False)
    )
    assert (policy.extends[0].version, policy.extends[0].digest) == (None, parent().digest)


def test_a_version_of_a_file_cannot_be_checked_and_the_digest_is_proposed():
    """The refusal holds the very line to write instead."""
    with pytest.raises(PolicyRefused) as refused:
        load_policy(child(), file="pay.yaml", resolve=resolver(BASE, versions=False))
    (error,) = refused.value.errors
    assert (error.line, error.key) == (4, "extends")
    pin = error.hint.removeprefix("write extends: ")
    resolve = resolver(BASE, versions=False)
    assert load_policy(child(extends=pin), file="pay.yaml", resolve=resolve).name == "pay"


@pytest.mark.parametrize(
    ("extends", "words"),
    [
        ("base", "is not a pinned policy (write name@version"),
        ("base@latest", "is not a pinned policy"),
        ("base@sha256:0123", "is not a pinned policy"),
        ("../base@1", "is not a pinned policy"),
        ("base@0", "is not a pinned policy"),
        ("[base@1]", "extends: must be text, not a list"),
        ("bass@1", "there is no policy bass (known: base)"),
        ("base@7", "found version 1 of base, not 7"),
        ("base@sha256:000000000000", "base.yaml is not sha256:000000000000: its digest is sha256:"),
        ("pay@1", "goes in a circle: pay extends pay"),
    ],
)
def test_what_is_not_there_or_not_what_the_pin_says_is_refused(extends, words):
    """A policy is never built on something else than what its author saw."""
    assert any(words in fault for fault in faults(extends=extends)), faults(extends=extends)


def test_circles_and_long_chains_are_refused():
    """Neither ends the process: both are told in words."""
    names = [f"p{n}" for n in range(12)]
    chain = [child(extends=f"{after}@1", name=name).decode() for name, after in pairwise(names)]
    with pytest.raises(PolicyRefused, match="is refused itself") as refused:
        load_policy(child(extends="p0@1"), file="pay.yaml", resolve=resolver(*chain))
    assert any("more than 8 policies deep" in str(error) for error in refused.value.errors)
    circle = resolver(child(extends="b@2", name="a").decode(), child(extends="a@1", name="b").decode())
    with pytest.raises(PolicyRefused) as refused:
        load_policy(child(extends="a@1"), file="pay.yaml", resolve=circle)
    assert any("pay extends a extends b extends a" in str(error) for error in refused.value.errors)


def test_without_anything_to_look_it_up_it_is_refused():
    """A caller who has no other policies says so, and nothing is assumed."""
    with pytest.raises(PolicyRefused, match="base@1 cannot be looked up here"):
        load_policy(child(), file="pay.yaml")


def test_faults_of_the_extended_policy_are_told_in_its_own_file():
    """A person is led to the file and the line that is wrong."""
    broken = BASE.replace("metric: tests.failed", "metric: tests.faild")
    with pytest.raises(PolicyRefused) as refused:
        load_policy(child(), file="pay.yaml", resolve=resolver(broken))
    assert {error.file for error in refused.value.errors} == {"pay.yaml", "base.yaml"}


@pytest.mark.parametrize(
    ("rest", "rules", "words"),
    [
        ("stages: [develop, production]", "", "differ from those of base (leave `stages` out"),
        ("", '- {id: cov, metric: coverage.line, pass: ">= 90"}', "has a rule 'cov' already"),
        ("", '- {id: cob, override: {pass: ">= 90"}}', "has no rule 'cob' (did you mean cov?)"),
        ("", '- {id: cov, override: {pass: ">= 90"}, warn: ">= 80"}', "stands beside `override`"),
        ("", '- {id: cov, override: {metric: tests.failed}}', "override.metric: unknown key"),
        ("", "- {id: cov, override: {}}", "changes nothing"),
        ("", "- {id: cov, override: 90}", "must be a mapping"),
        ("", '- {id: cov, override: {pass: "<= 90"}}', "is better when higher"),
        ("", '- {id: cov, override: {pass: ">= 90"}}', "is looser than `>= 90` before"),
        ("", '- {id: cov, override: {title: a}}\n- {id: cov, override: {title: b}}', "is overridden twice"),
        ("evidence: [sast]", "", "evidence: must be a mapping"),
        ("rules: 3", "", "rules: must be a list"),
        ("paths: {hotfix: {stages: [production, test]}}", "", "not in the order of the policy"),
    ],
)  # fmt: skip
def test_what_cannot_be_laid_over_is_refused(rest, rules, words):
    """A wrong override is a fault at its own place, with what to do."""
    assert any(words in fault for fault in faults(rest, rules=rules)), faults(rest, rules=rules)


def test_a_fault_that_an_override_makes_is_told_where_it_stands():
    """The author of the override cannot mend the other file."""
    found = faults(rules='- {id: cov, override: {pass: ">= 70"}}')
    assert any("`>= 75` must be looser than `pass`" in fault for fault in found)
    assert all(fault.startswith("pay.yaml:7: rules[0]") for fault in found), found


@pytest.mark.parametrize("value", ["", "null", "true", "3", "[]", "[1]", "{}", "{a: {b: c}}", '""', "1.5"])
def test_a_wrong_type_is_a_fault_at_every_key_of_extending(value):
    """Whatever stands there, the answer is a refusal with words."""
    rule = "- {id: cov, override: {pass: '>= 82'}}"
    assert faults(extends=value)
    assert faults(f"loosen_reason: {value}\nvalid_for: 48h")
    assert faults(f"evidence: {{sast: {{max_age: 48h, loosen_reason: {value or 'null'}}}}}")
    assert faults(rules=rule.replace("{pass: '>= 82'}", value or "null"))
    assert faults(rules=rule.replace("id: cov", f"id: {value or 'null'}"))
    assert faults(rules=rule.replace("'>= 82'", value or "null"))


def test_a_chain_cannot_pile_up_rules_without_end():
    """The limit counts what is taken over."""
    many = "\n".join(f'- {{id: r{n}, metric: tests.errors, pass: "== 0"}}' for n in range(1_996))
    assert any("there are 2,001 rules; the limit is 2,000" in fault for fault in faults(rules=many))


def test_override_needs_something_to_override():
    """In a policy that extends nothing it is a fault."""
    text = child(rules="- {id: a, override: {title: b}}").replace(b"extends: base@1\n", b"")
    with pytest.raises(PolicyRefused, match="there is nothing to override"):
        load_policy(text, file="pay.yaml")


TIGHTER = [
    ("", '- {id: cov, override: {warn: ">= 79"}}'),
    ("", '- {id: cov, override: {pass: ">= 82", stages: {test: {pass: ">= 83"}}}}'),
    ("", "- {id: dup, override: {mode: block}}"),
    ("", "- {id: many, override: {no_worse_than: {by: 5%}}}"),
    ("valid_for: 1h", ""),
    ("score: {pass: 95}", ""),
    ("evidence: {sast: {max_age: 12h, names: [app, lib, web], tools: [bandit, semgrep]}}", ""),
    ("evidence: {sast: {trust: {test: observed}, from: develop}}", ""),
    ("evidence: {tests: {names: [unit]}}", ""),
    ("approvals: {production: [{role: product}, {role: ops, count: 3}, {role: legal}]}", ""),
    ("approvals: {test: [{role: qa}]}\npaths: {hotfix: {approvals: {test: [{role: qa}]}}}", ""),
    ("revoke_on: low", ""),
    ("separation: {approver_is_not: [author, deployer, committer]}", ""),
    ("waiver_limits: {max_days: 30, max_days_by_severity: {critical: 7, high: 10}}", ""),
    ('windows: {production: {open: [{days: [mon], from: "10:00", to: "12:00"}]}}', ""),
    ("windows: {production: {freezes: [{from: 2026-12-01, to: 2027-01-10, reason: longer}]}}", ""),
    ("paths: {hotfix: {obligations: [{id: later, role: qa, within: 1d}]}}", ""),
    ('paths: {fast: {refs: ["fast/*"], order: true}}', ""),
]

LOOSER = [
    ("", '- {id: cov, override: {pass: ">= 78"}}', "pass `>= 78` at develop, not `>= 80`"),
    ("", '- {id: cov, override: {stages: {production: {pass: ">= 84"}}}}', "pass `>= 84` at production"),
    ("", '- {id: cov, override: {warn: ">= 70"}}', "warn `>= 70` at develop, not `>= 75`"),
    ("", '- {id: tests, override: {warn: "<= 3"}}', "warn `<= 3` at develop, not a failure"),
    ("", "- {id: tests, override: {from: test}}", "it begins at test, not at develop"),
    ("", "- {id: cov, override: {mode: warn}}", "mode warn, not block"),
    ("", "- {id: cov, override: {on_missing: warn}}", "on_missing warn, not block"),
    ("", "- {id: cov, override: {on_error: warn}}", "on_error warn, not block"),
    ("", "- {id: cov, override: {enforce_from: 2027-01-01}}", "enforced from 2026-12-31T23:00:00+00:00 only"),
    ("", "- {id: dup, override: {weight: 1}}", "weight 1, not 3, so it counts for less"),
    ("", "- {id: dup, override: {weight: 9}}", "weight 9, not 3, so the others count for less"),
    ("", "- {id: many, override: {mode: score}}", "one more rule of `mode: score`"),
    ("", '- {id: easy, metric: tests.passed, pass: ">= 1", mode: score}', "one more rule of `mode: score`"),
    ("", '- {id: dup, override: {only_if: {coverage.lines_total: ">= 9"}}}', "only_if has other conditions"),
    ("", "- {id: many, override: {no_worse_than: {by: 20%}}}", "no_worse_than by 20%, not by 10%"),
    ("", "- {id: many, override: {no_worse_than: {by: 1}}}", "no_worse_than by 1, not by 10%"),
    ("", "- {id: many, override: {on_no_baseline: skip}}", "on_no_baseline skip, not block"),
    ("", "- {id: fixable, override: {expr: sca.findings.size() < 9}}", "nobody can tell which of two is"),
    ("", "- {id: fixable, override: {from: production}}", "it begins at production, not at test"),
    ("valid_for: 48h", "", "valid_for: looser than the extended policy: 2d, not 24h"),
    ("on_error: warn", "", "on_error: looser than the extended policy: warn, not block"),
    ("score: {warn: 70}", "", "score: looser than the extended policy: warn 70, not 75"),
    ("time_zone: UTC", "", "its windows were meant for Europe/Berlin"),
    ("evidence: {sast: {names: [app]}}", "", "names without lib"),
    ("evidence: {sast: {tools: [semgrep]}}", "", "tools without bandit"),
    ("evidence: {sast: {max_age: 48h}}", "", "max_age 2d, not 24h"),
    ("evidence: {sca: {max_age: 48h}}", "", "max_age 2d, not 24h"),
    ("evidence: {sast: {from: production, trust: bound}}", "", "demanded from production, not from test"),
    ("evidence: {sast: {trust: claimed}}", "", "trusts claimed senders at test"),
    ("evidence: {sast: {protected_ref: production}}", "", "a protected ref is demanded from production on"),
    ("evidence: {sast: {protected_ref: false}}", "", "a protected ref is demanded from no stage on"),
    ("evidence: {sast: {bind: artifact}}", "", "bound to the artifact, not to the source"),
    ("evidence: {sast: {allow: {unparsed: 3}}}", "", "allows unparsed: 3, not 0"),
    ("approvals: {production: [{role: product}]}", "", "production without the approval of ops"),
    ("approvals: {production: []}", "", "production without the approval of product"),
    ("approvals: {production: [{role: product}, {role: ops}]}", "", "with 1 approvals of ops, not 2"),
    (
        'approvals: {production: [{role: product, if: {sast.high: "> 0"}}, {role: ops, count: 2}]}',
        "",
        "the approval of product under other conditions",
    ),
    ("revoke_on: critical", "", "revoke_on: looser than the extended policy: critical, not medium"),
    ("by_mail: true", "", "people may sign by mail"),
    ("separation: {approver_is_not: [author]}", "", "deployer may approve"),
    ("separation: {distinct_people: false}", "", "one person may sign in several roles"),
    ("waiver_limits: {max_days: 61}", "", "max_days 61, not 60"),
    ("waiver_limits: {max_days_by_severity: {critical: 20}}", "", "20 days for critical, not 14"),
    ("waiver_limits: {approved_by_role: lead}", "", "granted by lead, not by security"),
    ("waiver_limits: {inline: accept}", "", "suppressions in the source count"),
    (
        'windows: {production: {open: [{days: [mon, fri], from: "09:00", to: "16:00"}]}}',
        "",
        "it opens at other times of the week",
    ),
    ("windows: {production: {holidays: []}}", "", "open on 2026-12-25"),
    (
        "windows: {production: {freezes: [{from: 2026-12-21, to: 2027-01-03, reason: x}]}}",
        "",
        "without the whole freeze from 2026-12-19T23:00:00+00:00",
    ),
    ("paths: {standard: {order: false}}", "", "its stages are entered in any order"),
    ("paths: {hotfix: {stages: [develop, test, production]}}", "", "develop can be entered on it"),
    ("paths: {hotfix: {stages: [production]}}", "", "leaves out stages that must be entered before"),
    ("paths: {hotfix: {approvals: {production: [{role: ops}]}}}", "", "without the approval of lead"),
    ("paths: {hotfix: {obligations: [{id: later, role: qa, within: 4d}]}}", "", "the obligation later has"),
    ('paths: {hotfix: {refs: ["*"]}}', "", "other refs take it"),
    ('paths: {fast: {refs: ["fast/*"]}}', "", "its stages are entered in any order"),
    (
        'paths: {fast: {refs: ["fast/*"], order: true, approvals: {production: [{role: ops}]}}}',
        "",
        "production without the approval of product",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "rules"), TIGHTER)
def test_tightening_is_free(rest, rules):
    """A stricter part needs no reason."""
    assert faults(rest, rules=rules) == []


def test_a_new_signature_speaks_of_paths_that_have_their_own():
    """A path with approvals of its own would not ask for it, so it must say who signs there."""
    found = faults("approvals: {test: [{role: qa}]}")
    assert any("pay.yaml:5: approvals: nobody signs for test on the path hotfix" in one for one in found)


@pytest.mark.parametrize(("rest", "rules", "words"), LOOSER)
def test_loosening_is_refused_with_the_place_and_the_words(rest, rules, words):
    """Whatever lets more through is named, in the file that does it."""
    found = faults(rest, rules=rules)
    assert any(words in fault and "loosen_reason" in fault for fault in found), found
    assert all(fault.startswith("pay.yaml:") for fault in found)


REASON = "loosen_reason: agreed with security"


@pytest.mark.parametrize(("rest", "rules", "words"), LOOSER)
def test_loosening_with_a_reason_at_its_place_is_accepted(rest, rules, words):
    """The reason stands beside the looser part: in the rule, the kind, the path, the window, or on top."""
    if rules:
        rules = rules.replace(", ", f", {REASON}, ", 1)
    elif rest.startswith(("evidence", "windows", "paths")):
        rest = rest.replace(": {", f": {{{REASON}, ", 2).replace(f": {{{REASON}, ", ": {", 1)
    elif rest.startswith("waiver_limits"):
        rest = rest.replace(": {", f": {{{REASON}, ", 1)
    else:
        rest += f"\n{REASON}"
    assert faults(rest, rules=rules) == [], words


def test_a_reason_elsewhere_does_not_help():
    """The reason of the file does not speak for a rule, nor that of the parent for its child."""
    rules = '- {id: cov, override: {pass: ">= 78"}}'
    assert faults(REASON, rules=rules)
    base = BASE.replace("{id: cov, metric", f"{{id: cov, {REASON}, metric")
    with pytest.raises(PolicyRefused, match="looser than the extended policy"):
        load(rules=rules, base=base)


@given(
    st.sampled_from([">=", ">", "<=", "<"]),
    st.integers(1, 99),
    st.sampled_from([">=", ">", "<=", "<"]),
    st.integers(1, 99),
)
@settings(deadline=None)
def test_a_bound_is_looser_exactly_when_it_lets_more_through(old_op, old, new_op, new):
    """Whatever the extended rule fails, the extending one fails too, or it is refused."""
    metric = "coverage.line" if old_op in (">=", ">") else "tests.skipped"
    base = BASE.replace('metric: tests.failed, pass: "== 0"', f'metric: {metric}, pass: "{old_op} {old}"')
    fits = (new_op in (">=", ">")) is (old_op in (">=", ">"))
    step = Fraction(1, 10) if metric == "coverage.line" else Fraction(1)
    before, after = condition(f"{old_op} {old}"), condition(f"{new_op} {new}")
    values = [step * n for n in range(int(100 / step) + 1)]
    lets_more = any(after.holds(value) and not before.holds(value) for value in values)
    try:
        load(rules=f'- {{id: tests, override: {{pass: "{new_op} {new}"}}}}', base=base)
        is_refused = False
    except PolicyRefused:
        is_refused = True
    assert is_refused is (lets_more or not fits)
