"""The parameters of routes: each is described once, with what it may be."""

from typing import Annotated

from fastapi import Path, Query

from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper_api.schemas import base

MAX_PAGE = 200

ProjectOf = Annotated[
    str, Query(pattern=base.PROJECT, max_length=200, description="Path of the project.", examples=["pay/api"])
]
AnyProject = Annotated[
    str | None, Query(pattern=base.PROJECT, max_length=200, description="Path of a project.")
]
Commit = Annotated[
    str | None, Query(pattern=base.GIT_ID, description="Full git id, 40 or 64 lowercase hex digits.")
]
Tree = Annotated[
    str | None,
    Query(pattern=base.GIT_ID, description="Git id of the commit's tree: `git rev-parse HEAD^{tree}`."),
]
ArtifactOf = Annotated[
    str | None, Query(pattern=base.ARTIFACT, description="`sha256:` and the digest of what was built.")
]
RequiredArtifact = Annotated[
    str, Query(pattern=base.ARTIFACT, description="`sha256:` and the digest of what was built.")
]
StageOf = Annotated[str | None, Query(pattern=base.STAGE, max_length=100, description="Stage of the policy.")]
OfKind = Annotated[Kind | None, Query(description="Kind of evidence.")]
OfSeverity = Annotated[Severity | None, Query(description="Severity of the finding.")]
CursorOf = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Za-z0-9_-]+$",
        max_length=4000,
        description="`next` of the page before; left out for the first page.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items at most.")]

Id = Annotated[str, Path(pattern=base.ID, max_length=80)]
PolicyName = Annotated[str, Path(pattern=base.NAME, max_length=100)]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
