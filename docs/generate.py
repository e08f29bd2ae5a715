"""Writes the pages of `docs/reference/` that come from tables of the code: `make docs`.

`python docs/generate.py FOLDER` writes them elsewhere; a test compares that with what is committed. The
glossary and the guides are written by hand.
"""

import io
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from gatekeeper.cli import advisories, exits, export, person, project, token
from gatekeeper.cli import policy as policy_commands
from gatekeeper.cli.main import COMMANDS, main
from gatekeeper.messages.problems import NOTES, PROBLEMS
from gatekeeper.messages.reasons import REASONS
from gatekeeper.messages.remedies import REMEDIES
from gatekeeper.metrics import METRICS
from gatekeeper.policy.key import Key
from gatekeeper.policy.keys import NOT_YET, SECTIONS
from gatekeeper.policy.schema import policy_json_schema
from gatekeeper.reports.evidence_schema import evidence_schema_text
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import FORMATS
from gatekeeper.service.settings import PREFIX, ServerSettings
from gatekeeper_api import run as server_commands
from gatekeeper_api.figures import Figures, FiguresCollector
from gatekeeper_api.metrics import Metrics

FOLDER = Path(__file__).resolve().parent / "reference"
_MADE = "<!-- Made by docs/generate.py (`make docs`); a change by hand is lost. -->\n\n"

_SECTION_TITLES = {
    "policy": "The file",
    "evidence": "`evidence.<kind>`",
    "rule": "A rule",
    "override": "`override` of a rule",
    "bounds": "`stages.<stage>` of a rule",
    "no_worse_than": "`no_worse_than`",
    "score": "`score`",
    "path": "`paths.<path>`",
    "without": "`without` of a path",
    "obligation": "An obligation",
    "approval": "An approval",
    "separation": "`separation`",
    "waiver_limits": "`waiver_limits`",
    "window": "`windows.<stage>`",
    "opening": "An opening",
    "freeze": "A freeze",
    "test": "A test",
    "given": "`given`",
    "baseline": "`given.baseline`",
    "given_evidence": "`given.evidence.<kind>`",
    "given_finding": "A finding of `given`",
    "given_approval": "An approval of `given`",
    "given_waiver": "A waiver of `given`",
    "expect": "`expect`",
}
_EXTENDS = """\
## Build on another policy

`extends` takes over another policy. `base@7` is version 7 that a server gave to `base`;
`base@sha256:0123456789ab` is the content whose digest begins so, and works for files too: they are looked
for beside the file and among the policies that ship. Name, owner, `applies_to` and tests are never taken
over. Mappings are merged, single values and lists replaced, rules added. A rule is changed by its `id` and an
`override` with what changes:

```yaml
extends: base@7
rules:
  - {id: coverage-line, override: {pass: ">= 90"}}
```

Tightening is free. Whatever could let more through needs `loosen_reason` at its place: in the entry of
the rule, of the kind of evidence, of the path, of the window, in `waiver_limits`, and for all else at the
top of the file. What cannot be compared, such as another expression, counts as looser. The stages stay
those of the extended policy.
"""
_PATTERN_PROBES = {
    ">= 80": "condition",
    "2 h": "duration",
    "A/b": "name",
    "9a": "id",
    "tests.failed": "metric",
    "09:00": "time of day",
    "2026-12-25": "date",
    "base@7": "pinned policy",
    "pypi/lxml": "package",
}
"""A text that only one of the patterns accepts among those not yet asked for, and what that pattern is."""


def cli() -> str:
    """The help of every command, as a terminal of 80 columns shows it."""
    groups = {
        "policy": list(policy_commands.COMMANDS),
        "advisories": [command.name for command in advisories.app.registered_commands],
        "export": [command.name for command in export.app.registered_commands],
        "project": [command.name for command in project.app.registered_commands],
        "person": [command.name for command in person.app.registered_commands],
        "token": [command.name for command in token.app.registered_commands],
        "db": [command.name for command in server_commands.db.registered_commands],
    }
    paths: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        paths += [(name,), *((name, str(inner)) for inner in groups.get(name, []))]
    parts = [
        f"## gatekeeper {' '.join(path)}".rstrip() + f"\n\n```text\n{_help(path)}```\n" for path in paths
    ]
    return "# Commands\n\n" + "\n".join(parts)


def exit_codes() -> str:
    """The table of exit codes, and what they are not."""
    rows = [(f"`{code}`", text) for code, text in exits.TABLE]
    rows.append((f"`{exits.INTERRUPTED}`", "interrupted (Ctrl-C)"))
    return f"""\
# Exit codes

The exit code is the answer. Everything but 0 stops a promotion.

{_table(("code", "means"), rows)}
`scan` judges no findings: it ends with 1 when a scanner did not finish or left no readable report, and with
4 when one could not be installed. `evaluate` reads what `scan` left of such a run and fails closed, so a
pipeline may go on to it. `explain` and `policy show` end with 0 whatever they show. `submit` judges nothing
either: 1 says that a file was refused or cannot be read, after all others were sent.
"""


_COMPUTED = {
    "data": "`$XDG_DATA_HOME/gatekeeper/server`",
    "database_url": "SQLite in the data folder",
    "blobs": "the folder `blobs` in the data folder",
    "parser_children": "one for each core",
    "embedded_worker": "`true` with SQLite",
    "log_format": "`text` on a terminal, else `json`",
}
"""Defaults that depend on the machine or on other settings."""


def server() -> str:
    """The settings of the server, and the metrics that it shows."""
    rows = [
        (
            f"`{PREFIX}{name.upper()}`",
            field.description or "text",
            _COMPUTED.get(name) or _default(field.default),
        )
        for name, field in ServerSettings.model_fields.items()
    ]
    registry = Metrics(FiguresCollector(Figures)).registry
    families = sorted(registry.collect(), key=lambda family: family.name)
    metrics = [
        (f"`{family.name}{'_total' if family.type == 'counter' else ''}`", family.type, family.documentation)
        for family in families
    ]
    return f"""\
# The server

## Settings

Environment variables, read once at the start. A value that cannot be used stops the start, with its name and
what is allowed.

{_table(("variable", "allowed", "default"), rows)}
## Metrics

`/metrics` shows them to Prometheus. Figures of the database are read at most every 15 seconds, from summary
rows. Labels are bounded: project, stage, outcome, kind, severity, rule, state, route; never a commit.

{_table(("metric", "type", "meaning"), metrics)}"""


def _default(value: object) -> str:
    match value:
        case None | () | "":
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case int():
            return f"`{value}`"
        case _:
            return f"`{value}`"


def formats() -> str:
    """The report formats, and the limits of every report."""
    rows = [(f"`{row.name}`", row.title, ", ".join(row.kinds), row.tools) for row in FORMATS]
    limits = [
        (f"`{field.name}`", f"{getattr(DEFAULT_LIMITS, field.name):,}") for field in fields(DEFAULT_LIMITS)
    ]
    return f"""\
# Report formats

A format is found by content; the file name only breaks ties. What is not known is refused with its first
bytes, never counted as empty. `--kind` is needed only where one format serves several kinds and the tool that
wrote it does not say which.

{_table(("name", "format", "evidence of", "written by"), rows)}
## Limits

A report beyond a limit is `unreadable`. Messages, locations and the names of failed tests are cut instead,
and the counts stay whole.

{_table(("limit", "value"), limits)}"""


def metrics() -> str:
    """Every metric, by kind."""
    parts = [
        """\
# Metrics

What rules can name. A metric that a report cannot give is absent, never 0. Percentages are exact fractions,
compared exactly and shown rounded so that a failing value never reads as the threshold. `metric@name` reads
the evidence of one name, such as `tests.failed@e2e`.
"""
    ]
    for kind in dict.fromkeys(metric.kind for metric in METRICS.values()):
        rows = [
            (f"`{metric.name}`", str(metric.unit), str(metric.better), metric.description)
            for metric in METRICS.values()
            if metric.kind is kind
        ]
        parts.append(f"## {kind}\n\n" + _table(("metric", "unit", "better", "counts"), rows))
    return "\n".join(parts)


def problems() -> str:
    """Every problem code, by what it does to the state of the report."""
    notes = {code: text for code, text in PROBLEMS.items() if code in NOTES}
    faults = {code: text for code, text in PROBLEMS.items() if code not in NOTES}
    return f"""\
# Problems of reports

The code stands in JSON and in `allow:` of a policy; people are shown the words. Words in *italics* are filled
in.

## They take the proof away

A report with one of these is `incomplete`, `failed` or `unreadable`: no rule may read it, and what it was
needed for is missing. A policy can tolerate a code of an `incomplete` report by
`evidence.<kind>.allow: {{code: N}}`.

{_words(faults)}
## They are told

The report keeps its state.

{_words(notes)}"""


def reasons() -> str:
    """Reason and remedy codes of decisions."""
    return f"""\
# Reasons and remedies

The codes of a decision, for programs; people are shown the words. Words in *italics* are filled in.

## Reasons

{_words(REASONS)}
## Remedies

The smallest step that would turn the rule green.

{_words(REMEDIES)}"""


def policy() -> str:
    """Every key of a policy file."""
    parts = [
        """\
# Policy files

YAML 1.2. `gatekeeper policy lint` names every fault with its line; [policy.schema.json](policy.schema.json)
is the same for editors. [Write a policy](../guides/write-a-policy.md) goes step by step.

An *id* is made of lowercase letters, digits, `.`, `_` and `-`; a *condition* is such as `">= 80"`, a
*duration* such as `90m`, `24h`, `7d`; a *time* is a timestamp with its zone, or a bare date in the time zone
of the policy.
"""
    ]
    parts.append(_EXTENDS)
    for name, keys in SECTIONS.items():
        rows = [_key_row(key) for key in keys]
        parts.append(f"## {_SECTION_TITLES[name]}\n\n" + _table(("key", "value", "default", "meaning"), rows))
    later = ", ".join(sorted({f"`{key}`" for keys in NOT_YET.values() for key in keys}))
    parts.append(
        "## Not in this version\n\n"
        + textwrap.fill(f"These keys belong to later versions and are refused by name: {later}.", 110)
        + "\n"
    )
    return "\n".join(parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli,
    "exit-codes.md": exit_codes,
    "formats.md": formats,
    "metrics.md": metrics,
    "policy.md": policy,
    "problems.md": problems,
    "reasons.md": reasons,
    "server.md": server,
}


def policy_schema() -> str:
    """What `gatekeeper policy schema` prints."""
    return msgspec.json.format(msgspec.json.encode(policy_json_schema()), indent=2).decode() + "\n"


SCHEMAS: Mapping[str, Callable[[], str]] = {
    "evidence-v1.schema.json": evidence_schema_text,
    "policy.schema.json": policy_schema,
}


def written(folder: Path) -> Iterator[Path]:
    """Write every page into `folder`, which exists; yields each file."""
    for name, page in PAGES.items():
        (folder / name).write_text(_MADE + page(), encoding="utf-8")
        yield folder / name
    for name, schema in SCHEMAS.items():
        (folder / name).write_text(schema(), encoding="utf-8")
        yield folder / name


def api_description(root: Path) -> Path:
    """Write `api/openapi.json` below `root`; it needs what the extra `server` installs."""
    from gatekeeper_api.description import described

    file = root / "api" / "openapi.json"
    file.write_text(described(), encoding="utf-8")
    return file


def _help(path: Sequence[str]) -> str:
    os.environ["COLUMNS"] = "80"
    with redirect_stdout(io.StringIO()) as shown:
        main([*path, "--help"])
    return shown.getvalue()


def _key_row(key: Key) -> tuple[str, ...]:
    meaning, _, default = key.text.partition(" Default: ")
    default = "**required**" if key.is_required else default.rstrip(".") or "none"
    return (f"`{key.name}`", _type(key.schema), default, meaning)


def _type(schema: Mapping[str, Any]) -> str:
    """The values that `schema` accepts, in words."""
    match schema:
        case {"$ref": str(reference)}:
            return f"section {_of(_SECTION_TITLES[reference.rpartition('/')[2]])}"
        case {"const": value}:
            return f"`{value}`"
        case {"enum": options}:
            return ", ".join(f"`{option}`" for option in options)
        case {"oneOf": options}:
            return " or ".join(map(_type, options))
        case {"type": "array", "items": items}:
            return f"list: {_type(items)}"
        case {"type": "object", "additionalProperties": Mapping() as values}:
            return f"mapping: {_type(values)}"
        case {"type": "object", "properties": {"tests": _}}:
            return "mapping: a section for each kind"
        case {"type": "object", "properties": {"critical": Mapping() as values}}:
            return f"mapping: {_type(values)}"
        case {"type": "string", "pattern": pattern}:
            return next(f"*{word}*" for probe, word in _PATTERN_PROBES.items() if re.search(pattern, probe))
        case {"type": ["number", "string"]}:
            return "number"
        case {"type": "integer", "minimum": least, "maximum": most}:
            return f"{least} to {most}"
        case {"type": "integer", "minimum": least}:
            return f"{least} or more"
        case {"type": "boolean"}:
            return "`true` or `false`"
        case _:
            return "text"


def _of(title: str) -> str:
    """`A rule` as `of a rule`; a title that names a key stays."""
    return re.sub(r"^(An?) ", lambda found: f"of {found[1].lower()} ", title)


def _words(table: Mapping[str, str]) -> str:
    return _table(("code", "words"), [(f"`{code}`", _template(text)) for code, text in table.items()])


def _template(text: str) -> str:
    """A template with its parameters in italics, counted nouns in the plural."""
    return re.sub(r"\{(\w+)(?::[^|}]*\|([^}]*))?\}", _parameter, text)


def _parameter(found: re.Match[str]) -> str:
    return f"*{found[1]}*" + (f" {found[2]}" if found[2] else "")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    for file in written(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(file.name)
    if len(sys.argv) == 1:
        print(api_description(FOLDER.parents[1]).name)
