"""Which kind of evidence a tool writes, for formats that any tool may use (SARIF).

Names are compared without case, spaces and punctuation ("Semgrep OSS" = "semgrep-oss"). A tool of several
kinds needs the sender to say which; a tool that is not listed is taken at the sender's word, with a problem.
"""

import re
from collections.abc import Iterable
from types import MappingProxyType

from gatekeeper.evidence import Kind
from gatekeeper.reports.interface import KindMismatch, UnreadableReport
from gatekeeper.reports.notes import Notes

_SAST, _SCA, _SECRETS = (Kind.SAST,), (Kind.SCA,), (Kind.SECRETS,)
_CONTAINER, _IAC, _DAST = (Kind.CONTAINER,), (Kind.IAC,), (Kind.DAST,)

_NAMES: tuple[tuple[tuple[Kind, ...], str], ...] = (
    (_SAST, "bandit, semgrep, semgrep oss, semgrep pro, opengrep, codeql, eslint, gosec, brakeman, spotbugs"),
    (
        _SAST,
        "find security bugs, pmd, njsscan, mobsfscan, snykcode, snyk code, sonarqube, sonarcloud, bearer",
    ),
    (_SAST, "ruff, pylint, flake8, mypy, psalm, phpstan, phpcs security audit, clippy, cppcheck, clang tidy"),
    (
        _SAST,
        "clang, infer, devskim, binskim, prefast, flawfinder, security code scan, rubocop, golangci lint",
    ),
    (_SAST, "staticcheck, microsoft (r) visual c# compiler, appscan, checkmarx, cxsast, veracode, fortify"),
    (_SAST, "coverity, detekt, swiftlint, qodana, qdjvm, qdpy, qdjs, biome, horusec, insider"),
    (_SCA, "pip audit, osv scanner, snyk open source, dependency check, dependencycheck, govulncheck"),
    (_SCA, "cargo audit, npm audit, retire.js, safety, nancy"),
    (_SECRETS, "gitleaks, detect secrets, trufflehog, ggshield, secretlint, talisman, noseyparker, credscan"),
    (_CONTAINER, "snyk container, clair, dockle, docker scout, anchore"),
    (
        _IAC,
        "hadolint, kics, tfsec, terrascan, kube linter, kube score, kubesec, kubescape, cfn lint, cfn nag",
    ),
    (_IAC, "tflint, ansible lint, actionlint, zizmor, snyk iac, polaris, datree, template analyzer, psrule"),
    (_DAST, "zap, owasp zap, zaproxy, nuclei, burp suite, stackhawk, wapiti, nikto"),
    ((Kind.CONTAINER, Kind.SCA), "grype"),
    ((Kind.CONTAINER, Kind.SCA, Kind.IAC, Kind.SECRETS), "trivy, aqua trivy"),
    ((Kind.IAC, Kind.SCA, Kind.SECRETS), "checkov"),
)


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


TOOL_KINDS = MappingProxyType({_key(name): kinds for kinds, names in _NAMES for name in names.split(", ")})
"""Key of the tool's name -> the kinds of evidence it writes."""


def kinds_of(tool: str) -> tuple[Kind, ...]:
    """The kinds that `tool` writes; () when the tool is not listed."""
    return TOOL_KINDS.get(_key(tool), ())


def kind_of_tools(tools: Iterable[str], asked: Kind | None, allowed: tuple[Kind, ...], notes: Notes) -> Kind:
    """The kind of a report whose runs were made by `tools`.

    Raises:
        KindMismatch: the tools do not write evidence of the kind that is `asked` for.
        UnreadableReport: `kind-unknown` when nobody says which of several kinds it is, `mixed-kinds` when
            no kind fits all tools.
    """
    names = sorted(set(tools))
    possible = set(allowed)
    for name in names:
        possible &= set(kinds_of(name) or allowed)
    if not possible:
        raise UnreadableReport("mixed-kinds", tools=tuple(names))
    if asked is not None and asked not in possible:
        fitting = " or ".join(sorted(possible))
        raise KindMismatch(
            f"a report of {', '.join(names)} is evidence of {fitting}, not of {asked}",
            hint=f"send it as kind {fitting}, or send the report that belongs to {asked}",
        )
    unlisted = tuple(name for name in names if not kinds_of(name))
    if asked is None and len(possible) > 1:
        raise UnreadableReport(
            "kind-unknown", tools=tuple(names), kinds=tuple(str(kind) for kind in sorted(possible))
        )
    if unlisted:
        notes.add("tool-unlisted", tools=unlisted)
    return asked if asked is not None else possible.pop()
