"""Puts a running server together from its settings, part by part, and takes it apart in reverse."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from pydantic import SecretStr

from gatekeeper import clock
from gatekeeper.caller import Holding, Scope
from gatekeeper.errors import GatekeeperError
from gatekeeper.service import figures, policies, tokens
from gatekeeper.service.errors import Unavailable
from gatekeeper.service.identity import issuer_keys
from gatekeeper.service.identity.oidc import OidcVerifier
from gatekeeper.service.parsing.pool import ParserLimits, ParserPool
from gatekeeper.service.people import roles
from gatekeeper.service.people.oidc_login import Providers
from gatekeeper.service.people.provider import Client, GroupMeaning, Provider
from gatekeeper.service.people.sessions import Sessions
from gatekeeper.service.ports import Clock, Parsed, Parser, ParseTask
from gatekeeper.service.server import Rules, Server
from gatekeeper.service.settings import BadSetting, LoginProvider, ServerSettings
from gatekeeper.store import migrations
from gatekeeper.store.blobs import BlobStore, S3Access, blob_store
from gatekeeper.store.database import Database, database_at
from gatekeeper.store.gate_reader import gate_reader_at
from gatekeeper_api.auth import demand_scope
from gatekeeper_api.failures import Failures
from gatekeeper_api.figures import Figures, FiguresCollector
from gatekeeper_api.jobs import Queue, engine_of, jobs_of
from gatekeeper_api.metrics import Metrics
from gatekeeper_api.parts import Parts, Running
from gatekeeper_api.readiness import Readiness
from gatekeeper_api.routes import ROUTERS
from gatekeeper_api.routes.gate_shortcut import GateShortcut
from gatekeeper_api.services import Part, Services

_MIB = 1024 * 1024
_GATE_CLOSE_S = 5.0

log = structlog.get_logger("gatekeeper.server")


def assembled(settings: ServerSettings, *, now: Clock = clock.now) -> Services:
    """What an application of these settings needs. Nothing is opened before its start.

    `now` is the real time everywhere but in `examples/history`, which lets half a year go by.
    """
    house = _House(settings, now)
    return Services(
        ports=house.running,
        routers=ROUTERS,
        shortcut=partial(GateShortcut, running=house.running),
        start=house.start,
        stop=house.stop,
        ready=house.ready,
        authorise=demand_scope,
        figures=house.figures,
        metrics=house.metrics,
        notes=house.notes,
    )


def opened(settings: ServerSettings, stack: ExitStack) -> Database:
    """The database with the tables of this version; `stack` closes it.

    An embedded database is brought to this version; a PostgreSQL that several servers share is not.

    Raises:
        SchemaOutdated: `gatekeeper db upgrade` has to be run first.
        StoreUnavailable: it cannot be opened.
    """
    _private_folder(settings.data)
    database = database_at(settings.database_url.get_secret_value())
    stack.callback(database.close)
    if database.is_sqlite:
        before, after = migrations.upgrade(database)
        if before != after:
            log.info("schema.upgraded", before=before, after=after)
    else:
        migrations.demand_current(database)
    return database


def server_of(
    settings: ServerSettings, database: Database, parser: Parser, metrics: Metrics | None = None
) -> Server:
    """The parts that use cases are given."""
    return Server(
        database=database,
        blobs=blobs_of(settings),
        parser=parser,
        clock=clock.now,
        rules=Rules(
            default_policy=settings.default_policy,
            policies_by_token=settings.policies_by_token,
            approvers_log_in=any(
                Scope.POLICY_APPROVE in given.scopes
                for one in settings.login_providers
                for given in one.grants
            ),
            set_deadline_min=settings.set_deadline_min,
            max_upload_parts=settings.max_upload_parts,
            accepts_forks=settings.accept_forks,
            session_idle=timedelta(minutes=settings.session_idle_min),
            session_max=timedelta(hours=settings.session_max_h),
            groups=tuple((one.issuer, glob) for one in settings.issuers for glob in one.groups),
        ),
        recorded=metrics.decided if metrics else lambda _decision: None,
    )


def blobs_of(settings: ServerSettings) -> BlobStore:
    """The blob store of the settings; the first use touches it."""
    return blob_store(
        settings.blobs, s3=_s3_access(settings), max_bytes=max(2048 * _MIB, settings.max_decoded_bytes)
    )


class NoParser:
    """The parser of a process that takes no uploads."""

    def parse(self, task: ParseTask) -> Parsed:
        """Never what it says."""
        raise Unavailable(f"this process reads no reports ({task.name})")


class _House:
    """One server, from its start to its end."""

    def __init__(self, settings: ServerSettings, now: Clock) -> None:
        self.running = Running()
        self._now = now
        self.metrics = Metrics(FiguresCollector(self.figures))
        self._settings = settings
        self._stack = ExitStack()
        self._readiness: Readiness | None = None
        self._bootstrap: Path | None = None

    async def start(self) -> None:
        """Open everything, or nothing.

        Raises:
            GatekeeperError: with what is missing and the next step.
        """
        await asyncio.to_thread(self._start)

    async def stop(self) -> None:
        """Close everything, the newest part first, whatever becomes of one of them."""
        if hasattr(self.running, "parts"):
            try:
                async with asyncio.timeout(_GATE_CLOSE_S):
                    await self.running.parts.gate_reader.close()
            except TimeoutError:
                log.warning("gate_reader.not_closed")
        await asyncio.to_thread(self._stack.close)

    async def ready(self) -> Sequence[Part]:
        """What can be used now."""
        return await self._readiness.parts() if self._readiness else ()

    def figures(self) -> Figures:
        """Of the database, in the thread that scrapes."""
        found = figures.standing(self.running.parts.server)
        return Figures(
            scores=tuple(found.scores),
            decisions=tuple((one.project, one.stage, one.outcome, one.count) for one in found.decisions),
            findings_open=tuple(found.findings_open),
            evidence_age_s=tuple(found.evidence_age_s),
        )

    def notes(self) -> Sequence[str]:
        """What whoever starts the server must know."""
        if self._bootstrap is None:
            return ()
        minutes = int(tokens.BOOTSTRAP_TTL.total_seconds() / 60)
        return (f"There is no administrator yet: a token for {minutes} minutes is in {self._bootstrap}",)

    def _start(self) -> None:
        settings = self._settings
        with ExitStack() as stack:
            database = opened(settings, stack)
            pool = self._pool(stack)
            server = replace(server_of(settings, database, pool, self.metrics), clock=self._now)
            policies.publish_shipped(server)
            self._bootstrap = tokens.bootstrap(server, settings.data)
            jobs = jobs_of(settings, database)
            queue = Queue(lambda: engine_of(settings, database))
            stack.callback(queue.close)
            self.running.parts = Parts(
                server=server,
                settings=settings,
                tokens=tokens.Tokens(server),
                sessions=Sessions(server),
                providers=providers_of(settings),
                verifier=verifier_of(settings),
                gate_reader=gate_reader_at(database.url),
                metrics=self.metrics,
                failures=Failures(settings.auth_failures_per_minute),
                jobs=jobs.engine if jobs is not None else queue,
            )
            if jobs is not None:
                jobs.start(server)
                stack.callback(jobs.stop)
            self._readiness = Readiness(server=server, pool=pool, jobs=jobs)
            self._stack = stack.pop_all()

    def _pool(self, stack: ExitStack) -> ParserPool:
        settings = self._settings
        scratch = settings.spool / "redacted"
        _private_folder(scratch)
        limits = ParserLimits(memory_bytes=settings.parser_memory_mb * _MIB, wall_s=settings.parser_wall_s)
        try:
            pool = ParserPool(scratch=scratch, children=settings.parser_children, limits=limits)
        except OSError as error:
            raise Unavailable(
                f"the processes that read reports cannot be started: {error.strerror or error}",
                hint="set GATEKEEPER_PARSER_CHILDREN lower, or give the server more memory",
            ) from error
        stack.callback(pool.close)
        return pool


def verifier_of(settings: ServerSettings) -> OidcVerifier:
    """What believes the id_tokens of the issuers in the settings.

    Raises:
        BadSetting: an issuer cannot be one.
    """
    try:
        return OidcVerifier(
            issuer_keys.Issuer(
                issuer=one.issuer,
                provider=one.provider,
                audience=one.audience,
                jwks_uri=one.jwks_uri,
                max_age_s=one.max_age_s,
            )
            for one in settings.issuers
        )
    except ValueError as error:
        raise BadSetting(
            f"GATEKEEPER_ISSUERS cannot be used: {error}", hint="name each issuer once, by https"
        ) from error


def providers_of(settings: ServerSettings) -> Providers:
    """Those by whom people log in.

    Raises:
        BadSetting: one of them cannot be used.
    """
    try:
        return Providers(Provider(_client_of(one)) for one in settings.login_providers)
    except (ValueError, GatekeeperError) as error:
        raise BadSetting(
            f"GATEKEEPER_LOGIN_PROVIDERS cannot be used: {error}",
            hint="name each provider once, by https, with a client_id and what its groups mean",
        ) from error


def _client_of(one: LoginProvider) -> Client:
    meanings = []
    for given in one.grants:
        roles.check(given.role, given.scopes, given.projects)
        holding = Holding(projects=given.projects, scopes=given.scopes, role=given.role)
        meanings.append(GroupMeaning(group=given.group, holding=holding))
    return Client(
        name=one.name,
        issuer=one.issuer,
        client_id=one.client_id,
        secret=partial(_secret_in, one.secret_file),
        scopes=one.scopes,
        groups_claim=one.groups_claim,
        meanings=tuple(meanings),
    )


def _secret_in(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(
            f"the secret_file of a login provider cannot be read: {type(error).__name__}",
            hint="an administrator looks at GATEKEEPER_LOGIN_PROVIDERS",
        ) from error


def _s3_access(settings: ServerSettings) -> S3Access:
    access = S3Access(
        endpoint=settings.s3_endpoint,
        access_key_id=_plain(settings.s3_access_key_id),
        secret_access_key=_plain(settings.s3_secret_access_key),
    )
    return replace(access, region=settings.s3_region) if settings.s3_region else access


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _private_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"the folder {path} cannot be made: {error.strerror or error}", hint="set GATEKEEPER_DATA"
        ) from error
