"""Run an online rebuild, batch by batch, on the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from d1migrate.migrate.jobs import job as row
from d1migrate.migrate.jobs.job import Job
from d1migrate.migrate.jobs.online import OnlineWork
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.migration import Migration
from d1migrate.schema.alter import statement_groups
from d1migrate.schema.diff import diff
from d1migrate.sql.batch import Query
from d1migrate.sql.names import quote_identifier as q
from tests.unit.schema.building import database, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def drafted(old: str, new: str, table: str = "t") -> str:
    """The file that `rebuild` drafts: from one schema to another, under the directive."""
    before, after = read(database(old)), read(database(new))
    groups = statement_groups(diff(before, after).changes, before, after)
    statements = [statement for group in groups for statement in group.statements]
    return f"-- d1migrate: online {table}\n" + "\n".join(f"{statement};" for statement in statements)


def run(connection: apsw.Connection, queries: Iterable[Query]) -> list[tuple[object, ...]]:
    """One batch: all of it or nothing; the rows of its last statement."""
    rows: list[tuple[object, ...]] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for query in queries:
            rows = list(connection.execute(query.sql, query.params or None))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return rows


class Run:
    """A job on a database."""

    def __init__(
        self, connection: apsw.Connection, text: str, *, size: int = 3, budget: int = 50_000, most: int = 5000
    ) -> None:
        self.connection, self.size = connection, size
        self.migration = Migration(1, "001_t", text)
        directive = self.migration.job
        assert directive
        work = OnlineWork.derive(self.migration, read(connection))
        stamp = Stamp("token", 1, "me", "test")
        begun = row.insert(
            self.migration, directive, stamp, state=work.first_state, size=size, most=most, plan=work.plan
        )
        run(connection, [row.CREATE, begun, *work.start(most, budget)])

    @property
    def job(self) -> Job:
        """The row, as it is now."""
        (found,) = self.connection.execute(row.READ.sql)
        job = Job.of(found)
        if job.state == "indexes":
            return job
        (found,) = self.connection.execute(row.read(OnlineWork.of(job).backlog).sql)
        return Job.of(found)

    def step(self) -> bool:
        """Send the next chunk; whether the job is still open."""
        job = self.job
        work = OnlineWork.of(job)
        ending = work.ending(job)
        try:
            self._send(job, work.chunk(job), [row.DROP] if ending.closes else [])
        except apsw.Error as error:
            instead = work.refused(job, str(error))
            if instead is None:
                raise
            self._send(job, instead, [])
        return not ending.closes

    def _send(self, job: Job, queries: Sequence[Query], last: Sequence[Query]) -> None:
        run(self.connection, [row.assert_job(job, state=job.state), row.set_size(self.size), *queries, *last])

    def until(self, state: str) -> None:
        """Send chunks until the job is in a state."""
        while self.job.state != state:
            self.step()

    def finish(self) -> None:
        """Send the rest."""
        while self.step():
            pass

    def cancel(self) -> None:
        """Cancel it."""
        job = self.job
        run(self.connection, [row.assert_job(job), *OnlineWork.of(job).cancel(job), row.DROP])


def guarded(connection: apsw.Connection, text: str) -> None:
    """Run the same file as one transaction."""
    run(connection, [Query(sql) for sql in Migration(1, "001_t", text).texts()])


def contents(
    connection: apsw.Connection,
) -> tuple[list[tuple[object, ...]], dict[str, list[tuple[object, ...]]]]:
    """The schema, and every row with its rowid where there is one."""
    objects = sorted(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"), key=str)
    rows = {}
    for kind, name, _, _ in objects:
        if kind == "table":
            try:
                found = list(connection.execute(f"SELECT rowid, * FROM {q(name)} ORDER BY 1"))
            except apsw.SQLError:
                found = sorted(connection.execute(f"SELECT * FROM {q(name)}"), key=str)
            rows[name] = [r[1:] for r in found] if name == "sqlite_sequence" else found
    return [(k, n, t, (s or "").replace(q(n), n)) for k, n, t, s in objects], rows
