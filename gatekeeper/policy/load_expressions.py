"""`expr`, `needs` and `message` of a rule as an `Expression`."""

import re

from gatekeeper.evidence import Kind
from gatekeeper.metrics import FINDING_KINDS
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.keys import MAX_EXPRESSION
from gatekeeper.policy.load_conditions import read_metric
from gatekeeper.policy.model import Expression, Need
from gatekeeper.policy.section import Section

MAX_NEEDS = 50

_FINDINGS = ".findings"
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]{0,63}")
_RESERVED = frozenset(
    {
        "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let",
        "loop", "namespace", "null", "package", "return", "true", "var", "void", "while",
    }
)  # fmt: skip
"""Words that CEL keeps for itself (language definition, section Syntax)."""


def read_expression(section: Section) -> Expression | None:
    """The expression in a rule; None when something that it cannot do without is missing (noted)."""
    source = section.text("expr", "")
    if len(source) > MAX_EXPRESSION:
        section.fault("expr", f"is {len(source):,} characters; the limit is {MAX_EXPRESSION:,}")
    if "message" not in section:
        section.fault("expr", "needs `message`", hint="what is wrong when it is false, in words for people")
    if "needs" not in section:
        section.fault("expr", "needs `needs`", hint="list the metrics and findings that it reads")
        return None
    needs = _needs(section)
    if not source or not needs:
        return None
    return Expression(source=source, needs=needs, message=section.text("message", source))


def _needs(section: Section) -> tuple[Need, ...]:
    value = section.at("needs")
    if value is not None and isinstance(value.content, dict):
        texts = section.spelled_entries("needs", str)
        for variable in texts:
            _check_variable(section, variable)
    else:
        texts = {text: text for text in section.texts("needs") or ()}
        for text in texts:
            if "@" in text:
                section.fault(
                    "needs",
                    f"{text!r} needs a name of its own",
                    hint=f"write needs: {{e2e: {text}}} and use that name in `expr`",
                )
    if not texts:
        section.fault("needs", "is empty", hint="an expression without facts proves nothing")
    if len(texts) > MAX_NEEDS:
        section.fault("needs", f"names {len(texts)} things; the limit is {MAX_NEEDS}")
        return ()
    found = [_need(section, variable, text) for variable, text in sorted(texts.items())]
    return tuple(need for need in found if need is not None)


def _check_variable(section: Section, variable: str) -> None:
    if variable in _RESERVED:
        section.fault("needs", f"{variable!r} is a word of CEL itself", hint="take another name")
    elif not _IDENTIFIER.fullmatch(variable):
        section.fault("needs", f"{variable!r} is not a name in CEL: letters, digits and `_`")


def _need(section: Section, variable: str, text: str) -> Need | None:
    if text.endswith(_FINDINGS):
        kind = text.removesuffix(_FINDINGS)
        if kind in FINDING_KINDS:
            return Need(variable=variable, findings=Kind(kind))
        section.fault("needs", f"there are no findings of kind {kind!r}", hint=nearest(kind, FINDING_KINDS))
        return None
    metric = read_metric(section, "needs", text)
    return None if metric is None else Need(variable=variable, metric=metric)
