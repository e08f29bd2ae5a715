"""A worker process for the tests of the jobs: `jobs_worker.py DATABASE SIDE ID [SCHEDULED EVERY_S]`.

Its job `note` writes to the database SIDE when it begins, and, under the id of the job, when it is done.
"""

import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

from gatekeeper.service.jobs.engine import JobEngine
from gatekeeper.service.jobs.work import Job
from gatekeeper.service.jobs.worker import run_worker

JOB_S = 0.2


def main() -> None:
    """Work until SIGTERM; then leave with 0 if all was well."""
    database, side, executor_id, *schedule = sys.argv[1:]

    def write(statement: str, *values: object) -> None:
        with closing(sqlite3.connect(side, timeout=30)) as connection, connection:
            connection.execute(statement, values)

    def note(job: Job) -> None:
        job.tell(f"begun {job.argument}")
        write("INSERT INTO begun VALUES (?, ?, ?, ?)", job.id, executor_id, job.attempt, time.time())
        time.sleep(JOB_S)
        write("INSERT INTO effect VALUES (?, ?) ON CONFLICT DO NOTHING", job.id, job.argument)

    def tick(job: Job) -> None:
        write("INSERT INTO begun VALUES (?, ?, ?, ?)", job.id, executor_id, job.attempt, time.time())

    engine = JobEngine(
        database if "://" in database else Path(database), executor_id=executor_id, upkeep_s=0.25, slots=4
    )
    ended = run_worker(
        engine,
        {"note": note, "tick": tick},
        schedules={schedule[0]: int(schedule[1])} if schedule else {},
        stop=threading.Event(),
    )
    sys.exit(0 if ended else 1)


if __name__ == "__main__":
    main()
