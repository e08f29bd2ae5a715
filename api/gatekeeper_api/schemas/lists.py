"""Pages of the lists, and the problem that carries evidence."""

from gatekeeper_api.problems import Problem
from gatekeeper_api.schemas.base import Page
from gatekeeper_api.schemas.decisions import DecisionSummary
from gatekeeper_api.schemas.evidence import Evidence
from gatekeeper_api.schemas.findings import TrackedFinding
from gatekeeper_api.schemas.people import Person
from gatekeeper_api.schemas.projects import PolicyVersion, Project
from gatekeeper_api.schemas.tokens import Token


class EvidenceProblem(Problem):
    """The request is refused; with `evidence` the report was received, and that stands for its slot now."""

    evidence: Evidence | None = None


class EvidencePage(Page[Evidence]):
    """Evidence, the newest first."""


class DecisionPage(Page[DecisionSummary]):
    """Decisions, the newest first."""


class ProjectPage(Page[Project]):
    """Projects by path."""


class PolicyPage(Page[PolicyVersion]):
    """Versions of policies."""


class FindingPage(Page[TrackedFinding]):
    """Findings in the order of their keys."""


class PersonPage(Page[Person]):
    """People by id."""


class TokenPage(Page[Token]):
    """Tokens by id."""
