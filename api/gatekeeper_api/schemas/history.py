"""Recorded decisions as an export takes them, and backtests; what the core writes stays as it is."""

from typing import Any

from pydantic import Field

from gatekeeper_api.schemas.base import Page, Shape


class KeptDecision(Shape):
    """A recorded decision with all that a replay needs; documents and policies are named by digest."""

    decision: dict[str, Any] = Field(description="The decision as it was recorded.")
    inputs: dict[str, Any] = Field(description="All that it looked at, by digest.")
    baseline: list[dict[str, Any]] | None = Field(description="The evidence behind its baseline.")
    waivers: list[dict[str, Any]]
    records: dict[str, Any] = Field(description="Approvals, overrides, obligations and earlier decisions.")
    documents: dict[str, str] = Field(description="Digest of a document: id of the evidence that has it.")


class HistoryPage(Page[KeptDecision]):
    """Decisions by project and stage; in each stage the newest first."""


class Backtest(Shape):
    """How far a backtest is."""

    id: str
    state: str = Field(description="`queued`, `running`, `done`, `failed` or `cancelled`.", examples=["done"])
    done: int = Field(description="Decisions that were tried so far.")
    of: int | None = Field(description="How many there are; null until that is known.")
    result: dict[str, Any] | None = Field(description="The counts and every decision, once it is done.")
