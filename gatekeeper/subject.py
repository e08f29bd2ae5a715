"""What a decision is about: project, source and artifact."""

import re

import msgspec

_HEX = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_ARTIFACT = re.compile(r"sha256:[0-9a-f]{64}")
_PROJECT = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The content that was built, by git ids in full lowercase hex.

    Identity is `tree`: a merge, squash or release branch with the same content is the same source.
    """

    tree: str
    commit: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("tree", self.tree), ("commit", self.commit)):
            if value is not None and not _HEX.fullmatch(value):
                raise ValueError(
                    f"{name} must be a full lowercase git id (40 or 64 hex digits), not {value!r}"
                )


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Project + source + artifact (when there is one). `ref` is a label and never identity.

    `source` is None only where no git id is known, which a server refuses and `evaluate` says.
    """

    project: str
    source: Source | None = None
    artifact: str | None = None
    ref: str | None = None

    def __post_init__(self) -> None:
        if not _PROJECT.fullmatch(self.project):
            raise ValueError(f"project must be a slash path such as pay/api, not {self.project!r}")
        if self.artifact is not None and not _ARTIFACT.fullmatch(self.artifact):
            raise ValueError(f"artifact must be sha256:<64 hex digits>, not {self.artifact!r}")
