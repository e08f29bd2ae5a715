"""The measured figures of the service: what is run, in which order, on both engines."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from service.hits import hits
from service.ingest import ingest
from service.misses import misses
from service.mixed import mixed
from service.postgres import Postgres, postgres
from service.world import Size, World, world
from service.wrk import demand_wrk

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Form:
    """How long and how large a run is."""

    rounds: int
    seconds: float
    """Of one turn with wrk."""
    size: Size
    findings: int
    """In the large report."""
    megabytes: float
    """Of each upload that runs beside the gate queries."""


FULL = Form(
    rounds=5,
    seconds=1,
    size=Size(few=1_000, many=1_000_000, stale=200, fresh=200),
    findings=10_000,
    megabytes=20,
)
QUICK = Form(
    rounds=1,
    seconds=0.5,
    size=Size(few=1_000, many=10_000, stale=16, fresh=16),
    findings=2_000,
    megabytes=2,
)
"""Shows that everything runs. Its figures prove nothing."""


def service(form: Form, out: Console, say: Console) -> list[str]:
    """Print the tables to `out`, what is being done to `say`; what misses the goals.

    Raises:
        WrkMissing: before anything is done.
    """
    demand_wrk()
    out.print(f"The service, commit {_commit()}: its servers in turns of {form.seconds:g} s in every round\n")
    missed: list[str] = []
    for engine, database in (("SQLite", nullcontext()), ("PostgreSQL", postgres())):
        with tempfile.TemporaryDirectory(prefix="gatekeeper-bench-") as folder, database as server:
            Path(folder).chmod(0o755)
            with _said(say, engine) as tell, world(Path(folder), form.size, server, tell) as made:
                for table, misses_ in _cases(made, form, server, tell):
                    missed += misses_
                    for one in table:
                        out.print(one)
                        out.print()
    return missed


def _cases(
    made: World, form: Form, server: Postgres | None, tell: Callable[[str], None]
) -> Iterator[tuple[list[Table], list[str]]]:
    tell("gate queries")
    table, missed = hits(made, form.rounds, form.seconds)
    yield [table], missed
    tell("misses")
    table, missed = misses(made, form.rounds)
    yield [table], missed
    tell("uploads")
    yield ingest(made, form.rounds, form.seconds, form.findings, server)
    tell("everything at once")
    table, missed = mixed(made, form.rounds, 2 * form.seconds, form.megabytes)
    yield [table], missed


@contextmanager
def _said(say: Console, engine: str) -> Iterator[Callable[[str], None]]:
    """Tells on the screen what is being done, for people who wait."""
    began = time.monotonic()

    def tell(what: str) -> None:
        say.print(f"[{time.monotonic() - began:4.0f} s] {engine}: {what}", highlight=False, markup=False)

    if say.is_terminal:
        yield tell
    else:
        yield lambda _what: None


def _commit() -> str:
    """The commit that is checked out, marked when files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=9"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"
