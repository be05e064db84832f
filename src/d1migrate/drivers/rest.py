"""`d1:NAME_OR_UUID`: a remote D1, through Cloudflare's REST API.

A batch is one request, and one transaction. What that cannot carry, a file of more than 1 MiB or a trigger
that the server would cut in two, goes as a file through the import API; the history tells what became of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from d1migrate.batch import Result
from d1migrate.drivers import cloudflare
from d1migrate.errors import QueryError, UsageError
from d1migrate.sql.parameters import inline
from d1migrate.sql.triggers import is_carried, is_create_trigger, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.batch import Batch, Query

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PAGE = 100


class RestDriver:
    """A remote D1. Nothing is sent before the first batch.

    Args:
        name: the name of the database, or its id.
        url: how it was named, for messages.
        api: the API; that of the process's environment without it.
        database_id: its id, where a configuration has it, so that it need not be looked up.
        account: the account it must be in, where one is configured.
    """

    def __init__(
        self,
        name: str,
        *,
        url: str,
        api: cloudflare.Api | None = None,
        database_id: str | None = None,
        account: str | None = None,
    ) -> None:
        self.url = url
        self._name, self._account = name, account
        known = (database_id, name)  # a configuration may hold a placeholder for the id
        self._id = next((value for value in known if value and _UUID.fullmatch(value)), None)
        self._api, self._path = api, ""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction; all of them, or nothing."""
        if batch.reads:
            return self._read(batch.queries)
        if batch.size or any(not is_carried(query.sql) for query in batch.queries):
            from d1migrate.drivers.importing import run_import

            run_import(self._cloudflare, self.path, batch)
        results = self._send("query", batch.queries, writes=True)
        costs = [result["meta"] for result in results]
        return (Result((), _sum(costs, "rows_read"), _sum(costs, "rows_written")),)

    def close(self) -> None:
        """Let go of the connections."""
        if self._api:
            self._api.close()

    @property
    def path(self) -> str:
        """The database's path in the API; it is looked up when it is first needed."""
        if not self._path:
            account = self._cloudflare.account()
            if self._account and account != self._account:
                raise UsageError(
                    f"{self.url} is configured for the account {self._account}, and this is {account}",
                    hint="set CLOUDFLARE_ACCOUNT_ID, or use that account's token",
                )
            databases = f"/accounts/{account}/d1/database"
            self._path = f"{databases}/{self._id or self._look_up(databases)}"
        return self._path

    def bookmark(self, at: str | None = None) -> str:
        """Return D1's Time Travel bookmark of this moment, or of another one (ISO 8601); it reads only."""
        moment = {"timestamp": at} if at else {}
        return str(self._cloudflare.get(f"{self.path}/time_travel/bookmark", **moment)["bookmark"])

    def travel(self, bookmark: str) -> None:
        """Make the database what it was at a bookmark. What was written since is gone from it.

        Raises:
            UsageError: there is no such bookmark, or it is older than what D1 keeps (30 days, 7 on the free
                plan).
            UnavailableError: it did not happen.
            AmbiguousError: it may have happened; doing it again does no harm.
        """
        self._cloudflare.post(f"{self.path}/time_travel/restore", writes=True, bookmark=bookmark)

    @property
    def _cloudflare(self) -> cloudflare.Api:
        self._api = self._api or cloudflare.from_environment()
        return self._api

    def _look_up(self, databases: str) -> str:
        """Return the id of the database with exactly this name: the API's filter matches parts of names."""
        page, near = 1, list[str]()
        while True:
            found = self._cloudflare.get(databases, name=self._name, page=page, per_page=_PAGE)
            for database in found:
                if database["name"] == self._name:
                    return str(database["uuid"])
                near.append(str(database["name"]))
            if len(found) < _PAGE:
                break
            page += 1
        hint = f"there is {', '.join(sorted(near)[:5])}" if near else "`wrangler d1 list` shows them"
        raise UsageError(f"{self.url}: this account has no D1 database {self._name!r}", hint=hint)

    def _read(self, queries: Iterable[Query]) -> Sequence[Result]:
        results = self._send("raw", queries, writes=False)
        return [
            Result(tuple(tuple(map(_value, row)) for row in result["results"]["rows"])) for result in results
        ]

    def _send(self, route: str, queries: Iterable[Query], *, writes: bool) -> list[Any]:
        statements = [_statement(query) for query in queries]
        if not statements:
            raise QueryError("No SQL statements detected.")
        body = {"batch": statements}
        results = self._cloudflare.post(f"{self.path}/{route}", body, writes=writes)
        return list(results)


def _statement(query: Query) -> dict[str, Any]:
    sql, params = inline(query.sql, query.params, bound=(str,))
    if is_create_trigger(sql):
        sql = one_line(sql) or sql
    return {"sql": sql, "params": list(params)} if params else {"sql": sql}


def _value(value: Any) -> Any:
    return bytes(value) if isinstance(value, list) else value


def _sum(costs: Sequence[dict[str, Any]], name: str) -> int | None:
    known = [cost[name] for cost in costs if isinstance(cost.get(name), int)]
    return sum(known) if known else None
