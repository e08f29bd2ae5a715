"""Every router of `/api/v1`. The gate comes first: it is asked most, and routes are looked for in order."""

from collections.abc import Sequence

from fastapi import APIRouter

from gatekeeper_api.routes import (
    approvals,
    backtests,
    builds,
    decisions,
    deployments,
    evidence,
    findings,
    gate,
    history,
    login,
    obligations,
    overrides,
    people,
    policies,
    policy_drafts,
    policy_resolution,
    projects,
    sessions,
    tokens,
    waivers,
)

ROUTERS: Sequence[APIRouter] = (
    gate.router,
    evidence.router,
    builds.sets_router,
    builds.router,
    decisions.router,
    approvals.router,
    waivers.router,
    overrides.router,
    obligations.router,
    deployments.router,
    projects.router,
    policies.router,
    policy_drafts.router,
    policy_resolution.router,
    backtests.router,
    history.router,
    findings.router,
    tokens.router,
    tokens.whoami_router,
    sessions.router,
    people.router,
    login.router,
)
