"""What a job sees of itself. The functions that do the work depend on this and on no engine."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a job. A run may be repeated: a worker that dies takes its last commit with it.

    So an effect outside (a row, a message) carries `id`, and a second run finds what the first one did.
    """

    id: str
    """Opaque, the same in every attempt."""
    name: str
    argument: str
    attempt: int
    """1 in the first run, one more each time the job begins again after the death of a worker."""
    tell: Callable[[str], None]
    """Say how far it is; shown by `Jobs.progress`. Only from the thread that the job runs on."""
    stopping: Callable[[], bool]
    """Whether the worker is about to stop; a long job then returns, or is done again by another worker."""


Handler = Callable[[Job], None]
"""Does the job. What it raises makes the job `failed` and is logged; it is not tried again."""


def job_name(name: str) -> str:
    """`name` itself.

    Raises:
        ValueError: not lower-case letters, digits and dashes, or over 40 of them; a defect of the caller.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"job name {name!r}: 1 to 40 of a-z, 0-9 and -, beginning with a letter")
    return name
