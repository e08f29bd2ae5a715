# ruff: noqa: E501 - rows of a table
"""The note on a merge request: readable, and inert whatever a report says."""

import msgspec
from inline_snapshot import snapshot

from gatekeeper.cli.render.markdown import render, text_of
from gatekeeper.decision import Decision, Reason


def test_the_note(failing: Decision) -> None:
    """The table of what to mend is open, the rest folded."""
    assert render(failing) == snapshot("""\
### :x: pay/api may not enter uat

**fail** · score 50.00 &#40;1.5 of 3 points&#41; · policy base · commit a1b2c3d4e5f6 · ref main

- the score is 50.00, uat needs 90
- uat demands coverage, none was given

| | rule | is | must be | why and what to do |
|---|---|---|---|---|
| fail (block) | sast-high<br>No high finding in our code | 2 | &#61;&#61; 0 | 2 open findings of severity high<br>**to do:** fix app/pay.py&#58;21 and app/refund.py&#58;13 |
| missing (score) | cov-line<br>Line coverage of the whole project | unknown | &#62;&#61; 80 | no coverage report was given<br>**to do:** run the tests with coverage and give coverage.xml |

<details><summary>warnings (1)</summary>

| | rule | is | must be | why and what to do |
|---|---|---|---|---|
| warn (score) | tests-skipped | 4 | &#61;&#61; 0 |  |

</details>

<details><summary>evidence (1)</summary>

| kind | name | report | state | use | sha256 | problems |
|---|---|---|---|---|---|---|
| sast | default | reports/bandit.json | incomplete | used | `abababababab` | the file is empty (tolerated) |

</details>

<details><summary>other rules</summary>

- passed: tests-pass
- observed: tests-flaky
- skipped: cov-new

</details>

_This shows what a gate would say. It is not a gate&#58; nothing was stored or signed, and whoever ran it chose the files and the policy._

as of 2026-11-23 02:50:00 UTC, inputs `sha256:0c0c0c0c0c0c`, outputs `sha256:0d0d0d0d0d0d`
""")


def test_foreign_text_is_inert(hostile: str) -> None:
    """No HTML, table cell, link, code, mention or new line survives."""
    inert = text_of(f"{hostile}\n/close [x](http://y) ![z](w) *b* #1")
    assert not set(inert) & set("<>|`[]*\n\x1b")
    assert "@all" not in inert
    assert "http:" not in inert


def test_hostile_rules_keep_the_table_whole(failing: Decision, hostile: str) -> None:
    """Every row of the table still has five cells."""
    rules = tuple(
        msgspec.structs.replace(rule, title=hostile, message=Reason(code="x", text=hostile))
        for rule in failing.rules
    )
    note = render(msgspec.structs.replace(failing, rules=rules))
    rows = [line for line in note.splitlines() if line.startswith("| fail")]
    assert rows
    assert all(row.count("|") == 6 for row in rows)
    assert "<script" not in note
