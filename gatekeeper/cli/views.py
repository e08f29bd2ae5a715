"""Chooses how a decision is written; each view is imported when it is asked for."""

from collections.abc import Sequence
from enum import StrEnum

from gatekeeper.cli.output import escaped
from gatekeeper.cli.render.screen import Screen
from gatekeeper.decision import Decision, as_json
from gatekeeper.evidence import Evidence


class View(StrEnum):
    """The formats of `--format`."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    SARIF = "sarif"
    GITLAB_CODEQUALITY = "gitlab-codequality"


def written(
    decision: Decision,
    evidence: Sequence[Evidence],
    view: View,
    *,
    screen: Screen,
    reproduce: str | None = None,
    details: bool = False,
) -> str:
    """The decision as text. Only the table looks at `screen`, `reproduce` and `details`."""
    if view is View.JSON:
        return escaped(as_json(decision).decode())
    from gatekeeper.cli.render.words import in_words

    decision = in_words(decision)
    match view:
        case View.TABLE:
            from gatekeeper.cli.render import table

            return table.render(decision, screen=screen, reproduce=reproduce, details=details)
        case View.MARKDOWN:
            from gatekeeper.cli.render import markdown

            return markdown.render(decision, evidence)
        case View.JUNIT:
            from gatekeeper.cli.render import junit

            return junit.render(decision, evidence)
        case View.SARIF:
            from gatekeeper.cli.render import sarif

            return sarif.render(decision, evidence)
        case View.GITLAB_CODEQUALITY:
            from gatekeeper.cli.render import gitlab_codequality

            return gitlab_codequality.render(decision, evidence)
