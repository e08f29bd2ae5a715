"""The lower half of the terminal view: the points, the evidence and the digests that back a decision."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gatekeeper.cli.output import clean, one_line
from gatekeeper.cli.render.outline import NOT_A_GATE, score_words, short
from gatekeeper.cli.render.pieces import grid, sign
from gatekeeper.cli.render.screen import Screen
from gatekeeper.cli.render.words import problem_words
from gatekeeper.decision import Decision, EvidenceUse, Status
from gatekeeper.evidence import State, Use


def points(decision: Decision) -> RenderableType:
    """Every rule with its fact, its demand and its points."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for header in ("rule", "mode", "status", "is", "must be", "points", "of"):
        table.add_column(header, overflow="fold", justify="right" if header in ("points", "of") else "left")
    for rule in decision.rules:
        cells = (rule.id, rule.mode, rule.status, rule.actual, rule.threshold, rule.points, rule.weight)
        table.add_row(*(Text("" if cell is None else clean(str(cell))) for cell in cells))
    return Group(table, Text(clean(score_words(decision)), style="bold"))


def evidence(decision: Decision, screen: Screen, *, details: bool) -> RenderableType:
    """What was given, what it is worth and how it was used, with its problems in words."""
    if not decision.evidence:
        return Text("none was given", style="yellow")
    table = grid(3)
    for item in decision.evidence:
        is_proof = item.state is State.OK and item.use in (Use.USED, Use.REUSED)
        has_notes = is_proof or bool(item.tolerated)
        status = Status.PASS if is_proof else Status.WARN if has_notes else Status.FAIL
        lines = [_head(item, status, details=details), *(_details(item) if details else ())]
        lines += [_problem(item, index) for index in range(len(item.problems))]
        table.add_row(sign(screen, status), Text(item.kind), Group(*lines))
    return table


def proof(decision: Decision, *, details: bool) -> RenderableType:
    """When, over which bytes, and what this answer is worth."""
    table = grid(2)
    valid = f"valid until {decision.valid_until:%Y-%m-%d %H:%M:%S} UTC"
    table.add_row("as of", f"{decision.as_of.isoformat().replace('+00:00', 'Z')}, {valid}")
    digests = decision.digests
    if details:
        for word, value in (
            ("id", decision.id),
            ("inputs", digests.inputs),
            ("outputs", digests.outputs),
            ("policy", decision.policy.digest),
            ("question", decision.question),
        ):
            table.add_row(word, Text(clean(value)))
    else:
        table.add_row("digests", f"inputs {short(digests.inputs)}, outputs {short(digests.outputs)}")
    if not decision.gate:
        table.add_row("note", Text(NOT_A_GATE))
    return table


def _head(item: EvidenceUse, status: Status, *, details: bool) -> Text:
    head = Text(one_line(item.job))
    if item.name != "default":
        head.append(f" as {one_line(item.name)}")
    style = "green" if status is Status.PASS else "yellow" if status is Status.WARN else "red"
    head.append(f"  {item.state}, {item.use}", style=style)
    digest = "" if details else f"  sha256:{short(item.sha256)}"
    head.append(f"  {item.format or 'no report'}, {item.trust}{digest}", style="dim")
    return head


def _details(item: EvidenceUse) -> Iterable[Text]:
    times = f"received {item.received_at:%Y-%m-%d %H:%M:%S} UTC"
    if item.produced_at is not None:
        times += f", produced {item.produced_at:%Y-%m-%d %H:%M:%S} UTC"
    yield Text(times, style="dim")
    yield Text(f"bytes    sha256:{item.sha256}", style="dim")
    yield Text(f"document {item.digest}", style="dim")


def _problem(item: EvidenceUse, index: int) -> Text:
    problem = item.problems[index]
    words = problem_words(problem)
    tolerated = " (tolerated by the policy)" if problem.code in item.tolerated else ""
    return Text(f"{words}{tolerated}", style="yellow")
