"""The list of an account, which changes while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from d1migrate.errors import UnavailableError
from d1migrate.fleet.sources.account import list_account

if TYPE_CHECKING:
    from collections.abc import Callable


class Account:
    """An API whose pages have at most `cap` databases, the newest first."""

    def __init__(self, count: int, cap: int = 10_000) -> None:
        self.databases = [self.made(number) for number in range(count)]
        self.cap, self.asked = cap, list[dict[str, Any]]()
        self.before: dict[int, Callable[[], None]] = {}

    @staticmethod
    def made(number: int) -> dict[str, str]:
        """A database; a higher number is newer."""
        return {"uuid": str(UUID(int=number)), "name": f"t-{number}", "created_at": f"{number:09}"}

    def get(self, path: str, read: Callable[[Any], Any], *, page: int, per_page: int, name: str = "") -> Any:
        """Answer as the API."""
        assert path == "/accounts/abc/d1/database"
        self.before.get(len(self.asked), lambda: None)()
        self.asked.append({"page": page, "name": name})
        found = [one for one in reversed(self.databases) if name in one["name"]]
        size = min(self.cap, per_page)
        return read(found[(page - 1) * size : page * size])

    def names(self, pattern: str = "t-*") -> list[str]:
        """What is listed."""
        seen = set[str]()

        def is_new(listed: Any) -> bool:
            known = listed.identity in seen
            seen.add(listed.identity)
            return not known

        return [one.tenant.name for one in list_account(self, "abc", pattern, is_new)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (999, 1), (1_000, 4), (10_000, 4), (25_000, 6)])
def test_the_largest_pages(count: int, requests: int) -> None:
    """A list of more than one page is read twice: that takes a request for each 5,000."""
    account = Account(count)
    assert sorted(account.names()) == sorted(one["name"] for one in account.databases)
    assert len(account.asked) == requests


def test_smaller_pages_than_asked_for() -> None:
    """The API may cap them; nothing is missed."""
    account = Account(5_500, cap=1_000)
    assert len(set(account.names())) == len(account.names()) == 5_500


def test_the_api_filters_by_what_the_pattern_begins_with() -> None:
    """It matches parts of names; the rest is compared here."""
    account = Account(200)
    assert account.names("t-1?5") == [f"t-1{digit}5" for digit in range(9, -1, -1)]
    assert account.asked == [{"page": 1, "name": "t-1"}]
    account.names("*")
    assert account.asked[-1]["name"] == ""


def test_a_database_deleted_between_two_pages_hides_no_other() -> None:
    """The next one moved to a page that was read already: the second reading has it."""
    account = Account(3_000, cap=1_000)
    account.before[1] = lambda: account.databases.pop()  # type: ignore[assignment]
    found = account.names()
    assert len(found) == len(set(found)) == 3_000
    assert account.names() == account.names()


def test_a_database_created_between_two_pages() -> None:
    """The last one of a page is on the next one, too: it is listed once, and the new one at most once."""
    account = Account(3_000, cap=1_000)
    account.before[1] = lambda: account.databases.append(Account.made(5_000))
    found = account.names()
    assert len(found) == len(set(found))
    assert {f"t-{number}" for number in range(3_000)} <= set(found)


def test_an_account_that_grows_all_the_time() -> None:
    """What is new needs no further reading: only what should have been there before does."""
    account = Account(3_000, cap=1_000)
    for request in range(100):
        account.before[request] = lambda n=request: account.databases.append(Account.made(5_000 + n))  # type: ignore[misc]
    assert len(account.names()) >= 3_000
    assert len(account.asked) <= 12


def test_databases_that_are_deleted_all_the_time() -> None:
    """What one reading missed, the next one has, though that misses others, which were read before."""
    account = Account(9_000, cap=1_000)
    for request in range(1, 100):
        account.before[request] = lambda: account.databases.pop()  # type: ignore[assignment]
    assert {one["name"] for one in account.databases} <= set(account.names())


def test_an_account_that_changes_too_fast() -> None:
    """A list that may lack databases is an error: here old ones appear in each reading."""
    account = Account(3_000, cap=1_000)
    old = iter(range(10_000, 20_000))
    for request in range(1, 100):
        account.before[request] = lambda: account.databases.append(
            Account.made(next(old)) | {"created_at": ""}
        )
    with pytest.raises(UnavailableError, match="changed during each of 5 listings") as caught:
        account.names()
    assert "query" in (caught.value.hint or "")


def test_a_database_without_an_id_is_not_cloudflares() -> None:
    """The response is not trusted."""
    account = Account(1)
    account.databases[0]["uuid"] = "../x"
    with pytest.raises(ValueError, match="without an id"):
        account.names()
