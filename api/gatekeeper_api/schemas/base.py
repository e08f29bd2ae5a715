"""What all schemas share: answers grow by fields, requests have exactly the fields that are known."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item", bound="Shape")

PROJECT = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$"
GIT_ID = r"^[0-9a-f]{40}([0-9a-f]{24})?$"
ARTIFACT = r"^sha256:[0-9a-f]{64}$"
STAGE = r"^[A-Za-z0-9._-]+$"
ID = r"^[A-Za-z0-9_-]+$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
WORD = r"^[^\x00-\x20\x7f]+$"
LINE = r"^[^\x00-\x1f\x7f]+$"

ProjectPath = Annotated[str, Field(pattern=PROJECT, max_length=200, examples=["pay/api"])]
GitId = Annotated[str, Field(pattern=GIT_ID, examples=["9fceb02d0ae598e95dc970b74767f19372d61af8"])]
Artifact = Annotated[str, Field(pattern=ARTIFACT, examples=["sha256:" + "ab" * 32])]
Stage = Annotated[str, Field(pattern=STAGE, max_length=100, examples=["uat"])]
Name = Annotated[str, Field(pattern=NAME, max_length=100, examples=["unit"])]
Ref = Annotated[str, Field(pattern=WORD, max_length=500, examples=["main"])]
Line = Annotated[str, Field(pattern=LINE, max_length=500)]
Glob = Annotated[str, Field(pattern=WORD, max_length=200, examples=["pay/*"])]
Param = int | str | list[str | tuple[str, int]]
"""A parameter of a message: a count, a word, or a list of words or (word, count) pairs."""


class Shape(BaseModel):
    """What the server answers. Clients ignore fields that they do not know."""

    model_config = ConfigDict(frozen=True)


class Sent(BaseModel):
    """What a client sends: a field that is not known here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Shape, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(description="Cursor of the page after this one; null on the last.")


class Said(Shape):
    """A message as code and parameters; `text` is English."""

    code: str = Field(examples=["malformed"])
    params: dict[str, Param]
    text: str


class PolicyOf(Shape):
    """Which version of which policy decided."""

    name: str = Field(examples=["base"])
    version: int | None = Field(examples=[4])
    digest: str


def example(**fields: Any) -> ConfigDict:
    """The configuration of a shape with one whole example."""
    return ConfigDict(frozen=True, json_schema_extra={"examples": [fields]})
