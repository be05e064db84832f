"""`d1:NAME_OR_UUID`: a remote D1, through Cloudflare's REST API.

A batch is one request, and one transaction. What a request cannot carry, a migration of more than 1 MiB or a
trigger that the server would split in two, is sent as a file through the import API.
"""

from __future__ import annotations

from itertools import count
from typing import Any, TypeVar

from d1migrate.drivers import cloudflare
from d1migrate.drivers.database_id import is_database_id
from d1migrate.drivers.protocol import Capabilities
from d1migrate.errors import QueryError, UsageError
from d1migrate.sql.batch import Result
from d1migrate.sql.d1 import NO_STATEMENTS
from d1migrate.sql.names import HELPER
from d1migrate.sql.parameters import inline
from d1migrate.sql.split import split
from d1migrate.sql.triggers import is_carried, is_create_trigger, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d1migrate.drivers.protocol import OnProgress, Permit
    from d1migrate.sql.batch import Batch, Query

T = TypeVar("T")

_PAGE = 1000


class RestDriver:
    """A remote D1. Nothing is sent before the first batch.

    Args:
        name: the name of the database, or its id.
        url: how the user named it, for messages.
        api: the API, which stays open; by default the one that the process's environment describes.
        database_id: its id, if a configuration has it, which saves a request.
        account: the account it must be in; any without it.
        on_wait: called before each wait with its reason and its seconds; a given `api` has its own.
        permit: raises for a local path that must not be written, for restores that keep the log in a file.
    """

    def __init__(
        self,
        name: str,
        *,
        url: str,
        api: cloudflare.Api | None = None,
        database_id: str | None = None,
        account: str | None = None,
        on_wait: cloudflare.OnWait | None = None,
        permit: Permit | None = None,
    ) -> None:
        self.url, self._on_wait = url, on_wait
        self._name, self._account = name, account
        known = (database_id, name)  # a configuration may hold a placeholder for the id
        self._id = next((value for value in known if value and is_database_id(value)), None)
        self._api, self._path = api, ""
        self._owns_api = api is None
        self._permit, self._lookups = permit, 0
        self._on_progress: OnProgress = lambda *_: None

    @property
    def capabilities(self) -> Capabilities:
        """D1 keeps its past, and a batch that is sent as a file reports its progress."""
        return Capabilities(
            time_travel=self,
            report_progress=self._report_progress,
            permit=self._permit,
            lookups=self._lookups,
        )

    def _report_progress(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""
        if batch.reads:
            return self._read(tuple(batch.queries))
        if not batch.size:
            # Iterated only once: a watcher counts each query.
            batch = batch._replace(queries=tuple(batch.queries))
        if batch.size or any(not is_carried(query.sql) for query in batch.queries):
            from d1migrate.drivers.importing import run_import

            _refuse_guards(batch.queries)
            run_import(self._cloudflare, self.api_path, batch, self._on_progress)
        route, read = ("raw", _costs_and_last_rows) if batch.last_rows else ("query", _costs)
        costs, rows = self._send(route, tuple(batch.queries), read, writes=True)
        return (Result(rows, _sum(costs, "rows_read"), _sum(costs, "rows_written"), _seconds(costs)),)

    def close(self) -> None:
        """Close the connections, unless they are the caller's."""
        if self._api and self._owns_api:
            self._api.close()

    @property
    def api_path(self) -> str:
        """The database's path in the API; it is looked up when it is first needed."""
        if not self._path:
            before = self._cloudflare.requests
            account = self._cloudflare.account()
            if self._account and account != self._account:
                raise UsageError(
                    f"{self.url} is configured for the account {self._account}, but the account is {account}",
                    hint="set CLOUDFLARE_ACCOUNT_ID, or use that account's token",
                )
            databases = f"/accounts/{account}/d1/database"
            self._path = f"{databases}/{self._id or self._look_up(databases)}"
            self._lookups = self._cloudflare.requests - before
        return self._path

    def bookmark(self, at: str | None = None) -> str:
        """Return D1's Time Travel bookmark of now, or of a time (ISO 8601); this only reads."""
        moment = {"timestamp": at} if at else {}
        return self._cloudflare.get(f"{self.api_path}/time_travel/bookmark", _bookmark, **moment)

    def travel(self, bookmark: str) -> None:
        """Restore the database to a bookmark; everything written since is lost.

        Raises:
            UsageError: there is no such bookmark, or it is older than D1 keeps (30 days, 7 on the free plan).
            UnavailableError: nothing was done.
            AmbiguousError: no response came. It may have happened, or may happen later.
        """
        restore = f"{self.api_path}/time_travel/restore"
        self._cloudflare.post(restore, None, _bookmark, writes=True, bookmark=bookmark)

    def wait(self, seconds: float, reason: str) -> None:
        """Wait, and report why."""
        self._cloudflare.wait(seconds, reason)

    @property
    def _cloudflare(self) -> cloudflare.Api:
        self._api = self._api or cloudflare.from_environment(self._on_wait)
        return self._api

    def _look_up(self, databases: str) -> str:
        """Return the id of the database with exactly this name: the API's filter matches parts of names."""
        near: dict[str, str] = {}
        for page in count(1):
            found = self._cloudflare.get(databases, _databases, name=self._name, page=page, per_page=_PAGE)
            if self._name in found:
                return found[self._name]
            # A server that repeats a page is not Cloudflare's.
            if len(found) < _PAGE or found.keys() <= near.keys():
                break
            near |= found
        near |= found
        hint = f"similar: {', '.join(sorted(near)[:5])}" if near else "`wrangler d1 list` shows the databases"
        raise UsageError(f"{self.url}: this account has no D1 database {self._name!r}", hint=hint)

    def _read(self, queries: Sequence[Query]) -> Sequence[Result]:
        return self._send("raw", queries, _rows, writes=False)

    def _send(self, route: str, queries: Sequence[Query], read: Callable[[Any], T], *, writes: bool) -> T:
        statements = [_statement(query) for query in queries]
        if not statements:
            raise QueryError(NO_STATEMENTS)

        def read_all(result: Any) -> T:
            if not isinstance(result, list):
                raise TypeError("not a list of results")
            if len(result) != len(statements) and len(result) != (expected := sum(map(_results, queries))):
                raise ValueError(f"{len(result)} results of {expected} statements")
            if any(one["success"] is not True for one in result):
                raise ValueError("a statement without success")
            return read(result)

        body = {"batch": statements}
        return self._cloudflare.post(f"{self.api_path}/{route}", body, read_all, writes=writes)


def _refuse_guards(queries: Iterable[Query]) -> None:
    """Refuse to import a guarded rebuild: an import that fails halfway may leave a guard trigger in place.

    Raises:
        QueryError: there is one. With its trigger left, DELETE on its table would silently do nothing
            (d1-facts §10).
    """
    if any(query.sql.startswith("CREATE TRIGGER") and HELPER in query.sql[:40] for query in queries):
        raise QueryError(
            "a guarded rebuild must be a single request, but this migration would be imported",
            hint="move what makes it an import (over 1 MiB, or a trigger no request can carry) to another"
            " migration",
        )


def _results(query: Query) -> int:
    """Return how many results D1 has for a query: one per statement, none for comments alone."""
    return 1 if query.whole else sum(bool(statement.sql) for statement in split(query.sql))


def _statement(query: Query) -> dict[str, Any]:
    sql, params = inline(query.sql, query.params, bound=(str,))
    if is_create_trigger(sql):
        sql = one_line(sql) or sql
    return {"sql": sql, "params": list(params)} if params else {"sql": sql}


def _rows(results: Any) -> list[Result]:
    return [Result(_table(one["results"]["columns"], one["results"]["rows"])) for one in results]


def _table(columns: Any, rows: Any) -> tuple[tuple[Any, ...], ...]:
    """Return the rows of a result, each with one value per column."""
    if not all(isinstance(part, list) for part in (columns, rows, *rows)):
        raise TypeError("no rows")
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("a row does not match the columns")
    return tuple(tuple(map(_value, row)) for row in rows)


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        raise TypeError("not a value of SQLite")
    return bytes(value) if isinstance(value, list) else value


_Costs = tuple[list[dict[str, Any]], tuple[tuple[Any, ...], ...]]


def _costs(results: Any) -> _Costs:
    if not all(isinstance(one["results"], list) for one in results):
        raise TypeError("no rows")
    return [dict(one["meta"]) for one in results], ()


def _costs_and_last_rows(results: Any) -> _Costs:
    return [dict(one["meta"]) for one in results], tuple(_rows(results)[-1].rows)


def _sum(costs: Sequence[dict[str, Any]], name: str) -> int | None:
    known = [cost[name] for cost in costs if isinstance(cost.get(name), int)]
    return sum(known) if known else None


def _seconds(costs: Sequence[dict[str, Any]]) -> float | None:
    known = [cost["duration"] for cost in costs if isinstance(cost.get("duration"), (int, float))]
    return sum(known) / 1000 if known else None


def _bookmark(result: Any) -> str:
    return _text(result["bookmark"])


def _databases(result: Any) -> dict[str, str]:
    """Return {name: id}; an id becomes part of a path."""
    found = {_text(database["name"]): _text(database["uuid"]) for database in result}
    if not all(map(is_database_id, found.values())):
        raise ValueError("a database without an id")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value
