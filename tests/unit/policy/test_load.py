# ruff: noqa: E501  # one fault of the table per line
"""What a policy file may say, and how it is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from gatekeeper.policy.load import PolicyRefused, load_policy

GOOD = '- {id: t, metric: tests.failed, pass: "== 0"}'


def faults(make, rules: str = GOOD, top: str = "stages: [develop, test]") -> list[str]:
    """Every fault of a file, in words."""
    try:
        make.policy(rules, top)
    except PolicyRefused as refused:
        return [str(error) for error in refused.errors]
    return []


def test_defaults_are_filled_in(make):
    """A short file becomes a whole policy: the five stages, block everywhere, 24 hours."""
    policy = make.policy(GOOD, "")
    assert policy.stages == ("develop", "test", "uat", "staging", "production")
    assert (policy.valid_for_s, policy.on_missing, policy.time_zone) == (86400, "block", "UTC")
    rule = policy.rules[0]
    assert (rule.title, rule.mode, rule.on_missing, rule.weight) == ("t", "block", "block", None)


def test_all_faults_are_named_at_once_with_line_key_and_nearest_name(make):
    """A person sees every fault of the file, where it is, and what was probably meant."""
    rules = """
        - id: a
          metric: tests.faild
          pass: "== 0"
          mod: score
        - id: b
          metric: coverage.line
          pass: 80
          from: tets
    """
    assert faults(make, rules, "stages: [develop, test]\nvalid_for: soon") == snapshot(
        [
            "example.yaml:5: valid_for: 'soon' is not a duration: write a number and s, m, h or d, such as 24h",
            "example.yaml:8: rules[0].metric: unknown metric 'tests.faild' (did you mean tests.failed?)",
            "example.yaml:10: rules[0].mod: unknown key (did you mean mode?)",
            """example.yaml:13: rules[1].pass: '80' is not a condition: write an operator (>= <= > < == !=) and a \
number, such as ">= 80"\
""",
            "example.yaml:14: rules[1].from: unknown stage 'tets' (did you mean test?)",
        ]
    )


@pytest.mark.parametrize(
    ("rules", "top", "words"),
    [
        # keys
        (GOOD, "evidence: {tests: {signed: true}}", "evidence.tests.signed: not supported in this version"),
        (GOOD, "waivers: []", "a waiver is a record of people"),
        (GOOD, "order: true", "order: does not belong here (write it in a path"),
        ('- {id: t, metric: tests.failed, pass: "== 0", paths: [a]}', "", "rules[0].paths: unknown path 'a'"),
        (GOOD, "evidence: {tests: {form: develop}}", "evidence.tests.form: unknown key (did you mean from?)"),
        (GOOD, "evidence: {test: {}}", "unknown kind of evidence (did you mean tests?)"),
        (GOOD, "evidence: {tests: {from: tset}}\nstages: [develop, test]", "unknown stage 'tset'"),
        # values
        (GOOD, "time_zone: Europe/Berlinn", "is not a time zone of tzdata"),
        (GOOD, "time_zone: ../../etc/passwd", "is not the name of a time zone"),
        (GOOD, "stages: [develop, develop]", "names something twice"),
        (GOOD, "stages: []", "there are no stages"),
        (GOOD, "on_missing: skip", "on_missing: 'skip' is not valid here"),
        (GOOD, "evidence: {sca: {allow: {unparsd: 3}}}", "unknown problem 'unparsd' (did you mean unparsed?)"),
        (GOOD, "evidence: {sca: {allow: {no-data: any}}}", "never tolerated"),
        (GOOD, "evidence: {sca: {allow: {malformed: any}}}", "never tolerated"),
        (GOOD, "evidence: {sca: {allow: {unparsed: 0}}}", "at least 1, or `any`"),
        (GOOD, "evidence: {tests: {names: []}}", "the list is empty"),
        (GOOD, "evidence: {tests: {names: unit}}", "must be a list"),
        ("[]", "", "there are no rules"),
        (GOOD + "\n" + GOOD, "", "'t' is used twice"),
        ('- {metric: tests.failed, pass: "== 0"}', "", "the key `id` is missing"),
        ("- {id: t, metric: tests.failed}", "", "needs `pass`, `no_worse_than` or both"),
        ('- {id: t, metric: tests.failed, pass: "= 0"}', "", "is not a condition"),
        ('- {id: t, metric: tests.failed, pass: ">= nan"}', "", "is not a decimal number"),
        ("- {id: t, metric: tests.failed, pass: .nan}", "", "is not a plain decimal number"),
        ('- {id: t, metric: tests.failed, pass: "== 0", weight: 2}', "", "only rules of `mode: score`"),
        ('- {id: evidence.tests, metric: tests.failed, pass: "== 0"}', "", "belong to demanded evidence"),
        ('- {id: t, metric: tests.failed@, pass: "== 0"}', "", "ends in @ without a name"),
        ('- {id: t, metric: tests.failed, pass: "== 0", enforce_from: 2027-02-30}', "", "not a date of the"),
        ('- {id: t, metric: tests.failed, pass: "== 0", enforce_from: 2027-01-01T00:00:00}', "", "no time zone"),
        ('- {id: t, metric: tests.failed, pass: "== 0", on_too_few: warn}', "", "needs `only_if`"),
        ('- {id: t, metric: tests.failed, pass: "== 0", only_if: {}}', "", "has no condition"),
        ('- {id: t, metric: tests.failed, pass: "== 0", on_no_baseline: skip}', "", "needs `no_worse_than`"),
        ("- {id: t, metric: tests.total, no_worse_than: {by: -1}}", "", "is negative"),
        # sense
        ('- {id: t, metric: coverage.line, pass: "<= 80"}', "", "is better when higher"),
        ('- {id: t, metric: coverage.line, pass: "== 80"}', "", "is better when higher"),
        ('- {id: t, metric: tests.failed, pass: ">= 1"}', "", "is better when lower"),
        ('- {id: t, metric: tests.failed, pass: "== 2"}', "", "is better when lower"),
        ('- {id: t, metric: coverage.line, pass: ">= 0"}', "", "could never fail"),
        ('- {id: t, metric: tests.failed, pass: ">= 0"}', "", "could never fail"),
        ('- {id: t, metric: tests.failed, pass: "< 0"}', "", "would always fail"),
        ('- {id: t, metric: coverage.line, pass: "> 100"}', "", "would always fail"),
        ('- {id: t, metric: coverage.line, pass: ">= 800"}', "", "not within 0 to 100"),
        ('- {id: t, metric: tests.failed, pass: "<= 0.5"}', "", "is a whole number"),
        ('- {id: t, metric: coverage.line, pass: ">= 80", warn: ">= 90"}', "", "must be looser than `pass`"),
        ('- {id: t, metric: coverage.line, pass: ">= 80", warn: ">= 80"}', "", "must be looser than `pass`"),
        ('- {id: t, metric: coverage.line, pass: ">= 80", warn: ">= 0"}', "", "could never fail"),
        (
            '- {id: t, metric: coverage.line, pass: ">= 80", stages: {test: {pass: ">= 70"}}}',
            "stages: [develop, test]",
            "is looser than `>= 80` before",
        ),
        (
            '- {id: t, metric: coverage.line, pass: ">= 80", from: test, stages: {develop: {pass: ">= 90"}}}',
            "stages: [develop, test]",
            "is never reached: the rule begins at test",
        ),
        ('- {id: t, metric: tests.failed, pass: "== 0", on_missing: skip}', "", "write `loosen_reason`"),
        ('- {id: t, metric: tests.failed, pass: "== 0", from: test}', "stages: [develop, test]", "nothing-checked"),
        ('- {id: t, metric: tests.failed, pass: "== 0", mode: observe}', "", "nothing-checked"),
        ('- {id: t, metric: tests.failed, pass: "== 0", mode: warn}', "", "nothing-checked"),
        ('- {id: t, metric: tests.failed, pass: "== 0", enforce_from: 2027-01-01}', "", "nothing-checked"),
        ('- {id: t, metric: tests.failed, pass: "== 0", mode: score}', "", "need `score` to say what is enough"),
        (GOOD, "score: {pass: 90}", "the score is never computed"),
        ('- {id: t, metric: tests.failed, pass: "== 0", mode: score}', "score: {pass: 0}", "must lie above 0"),
        ('- {id: t, metric: tests.failed, pass: "== 0", mode: score}', "score: {pass: 80, warn: 90}", "not be above"),
        ("- {id: t, metric: tests.total, no_worse_than: {by: 100%}}", "", "could never fail"),
        ("- {id: t, metric: sast.fixed, no_worse_than: {by: 1}}", "", "no better side"),
        (
            '- {id: t, metric: tests.failed@e2e, pass: "== 0"}',
            "evidence: {tests: {names: [unit]}}",
            "does not list 'e2e'",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_refused_with_these_words(make, rules, top, words):
    """Each fault is refused when the file is loaded, before it can decide anything."""
    assert any(words in fault for fault in faults(make, rules, top)), faults(make, rules, top)


@pytest.mark.parametrize("severity", ["high", "medium", "low", "new.high"])
def test_a_severity_rule_must_not_leave_unknown_ones_open(make, severity):
    """Unknown ranks with high, so the file is refused with the very rule that closes the gap."""
    found = faults(make, f'- {{id: s, metric: sast.{severity}, pass: "== 0"}}', "stages: [test]")
    prefix = "sast.new." if severity.startswith("new.") else "sast."
    line = f'{{id: s-unknown, metric: {prefix}unknown, pass: "== 0", from: test}}'
    assert any(line in fault for fault in found)


def test_following_the_hints_closes_the_gap(make):
    """The rules that the refusal proposes make the file acceptable."""
    rules = '- {id: s, metric: sast.high, pass: "== 0"}'
    while found := faults(make, rules, "stages: [test]"):
        rules += "\n- " + found[0].split("add the rule ")[1].removesuffix(")")
    assert rules.count("- {") == 3


def test_a_total_covers_every_severity(make):
    """A rule on all findings leaves no severity open."""
    rules = '- {id: a, metric: sast.low, pass: "== 0"}\n- {id: b, metric: sast.total, pass: "<= 3"}'
    assert faults(make, rules) == []


def test_an_observed_or_later_rule_covers_nothing(make):
    """A rule that does not block yet closes no gap."""
    for how in (
        "mode: observe",
        "enforce_from: 2030-01-01",
        "from: test",
        "mode: warn",
        'only_if: {sast.files_scanned: ">= 5"}',
    ):
        rules = (
            '- {id: a, metric: sast.high, pass: "== 0"}\n- {id: c, metric: sast.critical, pass: "== 0"}\n'
            f'- {{id: b, metric: sast.unknown, pass: "== 0", {how}}}'
        )
        assert any("nothing blocks sast.unknown" in fault for fault in faults(make, rules)), how


def test_a_rule_on_one_name_covers_only_that_name(make):
    """Unknown findings of one scanner say nothing about those of another."""
    rules = (
        '- {id: a, metric: sast.high, pass: "== 0"}\n- {id: c, metric: sast.critical, pass: "== 0"}\n'
        '- {id: b, metric: sast.unknown@bandit, pass: "== 0"}'
    )
    assert any("nothing blocks sast.unknown" in fault for fault in faults(make, rules))
    assert faults(make, rules.replace("@bandit", "")) == []


def test_conditions_that_make_sense_are_accepted(make):
    """Zero for what should be low, all for a percentage, more than none for what should be high."""
    for metric, condition in (
        ("tests.failed", "== 0"), ("tests.failed", "< 1"), ("coverage.line", "== 100"), ("coverage.line", "> 79.95"),
        ("tests.total", "!= 0"), ("tests.total", "> 0"), ("sast.fixed", ">= 1"), ("tests.duration_ms", "<= 1000"),
    ):  # fmt: skip
        assert faults(make, f'- {{id: t, metric: {metric}, pass: "{condition}"}}') == [], (metric, condition)


def test_dates_begin_in_the_time_zone_of_the_policy(make):
    """A bare date is midnight there, by the zone data that ships with Python's tzdata package."""
    rules = GOOD + '\n- {id: u, metric: tests.errors, pass: "== 0", enforce_from: 2027-01-15}'
    for zone, start in (("UTC", "2027-01-15T00:00:00+00:00"), ("Asia/Shanghai", "2027-01-14T16:00:00+00:00")):
        policy = make.policy(rules, f"time_zone: {zone}")
        assert policy.rules[1].enforce_from.isoformat() == start


def test_the_digest_moves_only_with_what_can_change_a_decision(make):
    """Comments, order of rules, owner and examples leave the digest alone; a threshold does not."""
    other = '- {id: u, metric: tests.errors, pass: "== 0"}'
    one = make.policy(GOOD + "\n" + other)
    example = "\ntests:\n  - {name: a, stage: develop, expect: {outcome: fail}}\n"
    text = make.text(other + "\n" + GOOD).decode().replace("owner: security", "owner: quality  # new")
    assert load_policy((text + example).encode(), file="x").digest == one.digest
    changed = make.policy(GOOD.replace("== 0", "<= 1") + "\n" + other)
    assert changed.digest != one.digest


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"a: 1\na: 2", "written twice; first on line 1"),
        (b"schema: &a [*a]", "nested deeper than 20 levels"),
        (b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
         + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b", ".join([b"*%c" % c] * 10)) for c in range(97, 104)),
         "more than 50,000 values"),
        (b"[" * 100_000, "nested deeper than 20 levels"),
        (b"a: {" * 5_000, "not valid YAML"),
        (b"%YAML 1.1\n---\na: no", "directives are not supported"),
        (b"a: !!python/object:os.system {}", "is not supported"),
        (b"<<: {a: 1}", "a key must be text"),
        (b"1: a", "a key must be text, not '1'"),
        (b"a: \xff", "not UTF-8"),
        (b'a: "\\ud800"', "half of a surrogate pair"),
        (b"a: 1\n---\na: 2", "expected a single document"),
        (b"- a", "must be a mapping, not a list"),
        (b"x" * 300_000, "the limit is 262,144"),
        (b"schema: gatekeeper/v2\npolicy: a\nowner: b\nrules: []", "is not a version that can be read"),
    ],
)  # fmt: skip
def test_surprising_yaml_is_refused(data, words):
    """Bombs, duplicate keys, tags, merges and other surprises are named faults, never a traceback."""
    with pytest.raises(PolicyRefused) as refused:
        load_policy(data, file="x.yaml")
    assert words in str(refused.value.errors[0])
    assert refused.value.code == "policy-refused"


@given(st.binary(max_size=300))
def test_any_bytes_are_loaded_or_refused(data):
    """Nothing but a refusal leaves the loader, whatever the bytes are."""
    with pytest.raises(PolicyRefused):
        load_policy(data, file="x.yaml")


@given(st.data())
def test_a_damaged_policy_is_loaded_or_refused(make, data):
    """A file with a few bytes replaced is read or refused, never a traceback."""
    text = bytearray(
        make.text(GOOD, "score: {pass: 90}\nevidence: {tests: {names: [a], allow: {unparsed: 3}}}")
    )
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        rules = load_policy(bytes(text), file="x.yaml").rules
    except PolicyRefused as refused:
        rules = refused.errors
    assert rules
