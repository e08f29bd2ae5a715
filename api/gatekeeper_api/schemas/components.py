"""What OpenAPI says of the shapes of requests and answers."""

from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gatekeeper.decision import Decision
from gatekeeper.service.answers import Gate
from gatekeeper_api.schemas.approvals import Approval, NewApproval, ToBeSigned
from gatekeeper_api.schemas.decisions import Question
from gatekeeper_api.schemas.evidence import Build, Evidence, EvidenceSet, NewBuild, SetEnd
from gatekeeper_api.schemas.exceptions import (
    Deployment,
    DeploymentPage,
    NewDeployment,
    NewOverride,
    Obligation,
    ObligationPage,
    Override,
    Settlement,
)
from gatekeeper_api.schemas.history import Backtest, HistoryPage
from gatekeeper_api.schemas.lists import (
    DecisionPage,
    EvidencePage,
    EvidenceProblem,
    FindingPage,
    PersonPage,
    PolicyPage,
    ProjectPage,
    TokenPage,
)
from gatekeeper_api.schemas.people import (
    Activity,
    CodeShown,
    Grant,
    LoginRequest,
    LoginWays,
    NewGrant,
    NewPassword,
    NewPerson,
    NewSession,
    PasswordChange,
    Person,
    Sessions,
    SessionsEnded,
    TotpSecret,
)
from gatekeeper_api.schemas.policy_drafts import (
    DraftApproval,
    DraftRejection,
    DraftStep,
    PolicyDraft,
    PolicyDraftPage,
    PolicyResolution,
    Rollback,
)
from gatekeeper_api.schemas.projects import NewProject, PolicyChoice, PolicyVersion, Project
from gatekeeper_api.schemas.tokens import NewToken, Rotation, Token, TokenRequest, Whoami
from gatekeeper_api.schemas.waivers import NewWaiver, Waiver, WaiverPage

REF = "#/components/schemas/{model}"

ANSWERS: tuple[type[BaseModel], ...] = (
    Evidence,
    EvidenceProblem,
    EvidencePage,
    EvidenceSet,
    Build,
    DecisionPage,
    Approval,
    ToBeSigned,
    Waiver,
    WaiverPage,
    Override,
    Obligation,
    ObligationPage,
    Deployment,
    DeploymentPage,
    Project,
    ProjectPage,
    PolicyVersion,
    PolicyPage,
    PolicyDraft,
    PolicyDraftPage,
    PolicyResolution,
    FindingPage,
    HistoryPage,
    Backtest,
    Token,
    NewToken,
    TokenPage,
    Whoami,
    Person,
    PersonPage,
    Grant,
    NewSession,
    Sessions,
    SessionsEnded,
    TotpSecret,
    LoginWays,
)
REQUESTS: tuple[type[BaseModel], ...] = (
    SetEnd,
    NewApproval,
    NewWaiver,
    NewOverride,
    Settlement,
    NewDeployment,
    NewBuild,
    Question,
    NewProject,
    PolicyChoice,
    DraftStep,
    DraftApproval,
    DraftRejection,
    Rollback,
    TokenRequest,
    Rotation,
    NewPerson,
    NewGrant,
    Activity,
    NewPassword,
    PasswordChange,
    CodeShown,
    LoginRequest,
)


def components() -> dict[str, Any]:
    """The schemas by name. Decisions and gates are those that are stored and sent as bytes."""
    _, written = models_json_schema([(one, "serialization") for one in ANSWERS], ref_template=REF)
    _, taken = models_json_schema([(one, "validation") for one in REQUESTS], ref_template=REF)
    _, own = msgspec.json.schema_components((Decision, Gate), ref_template="#/components/schemas/{name}")
    # What a report's problem is in the core, is not what a problem is in HTTP.
    text = msgspec.json.encode(own).replace(b'schemas/Problem"', b'schemas/ReportProblem"')
    core = msgspec.json.decode(text, type=dict[str, Any])
    core["ReportProblem"] = core.pop("Problem") | {"title": "ReportProblem"}
    return {**core, **taken["$defs"], **written["$defs"]}
