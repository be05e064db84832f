"""A project of Django goes through five changes of its models, on the local D1 and on the real one.

On the local D1, wrangler applies the files as well as `up` does.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import pytest

from tests.models.django.sample import AUDIT, BY_HAND, CHANGES, KEPT, PEOPLE, ROWS, SHOP, TABLES, read_rows
from tests.models.django.shop import Local, Remote, Shop
from tests.runtime.local import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.models.django.sample import Change, Rows
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

pytestmark = pytest.mark.slow

MODELS = ["category", "coupon", "line", "order", "product", "tag", "user"]


class Sample:
    """The project, and the way to apply its files.

    Args:
        by_wrangler: whether wrangler applies the files, instead of `up`.
    """

    def __init__(self, shop: Shop, *, by_wrangler: bool) -> None:
        self.shop, self._by_wrangler = shop, by_wrangler

    def migrate(self, change: Change) -> None:
        """Do what a user does for a change of the models."""
        self.shop.change(change)
        self.shop.d1migrate("diff", "--check", code=3)
        self.shop.d1migrate("diff", *change.options)
        self.check_and_apply()

    def check_and_apply(self) -> None:
        """Check the new files as CI does, and apply them; then d1migrate and Django agree on the database."""
        shop = self.shop
        shop.d1migrate("lint")
        shop.d1migrate("rehearse")
        if self._by_wrangler:
            shop.project.wrangler("apply")
        else:
            shop.d1migrate("up")
        assert shop.d1migrate("up").out == "nothing to do\n"
        assert shop.d1migrate("diff", "--check").err.endswith("no difference\n")
        assert shop.d1migrate("diff", "--check", "--from", "live").err.endswith("no difference\n")
        assert "[ ]" not in shop.manage("showmigrations")
        shop.manage("migrate", "--check")
        shop.manage("makemigrations", "--check")

    def rows(self, tables: Rows | list[str]) -> Rows:
        """All rows of tables."""
        return read_rows(self.shop.place.read, list(tables))


@pytest.fixture(params=["local", "local by wrangler", "remote"])
def sample(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    wrangler: Wrangler,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> Sample:
    """The project after its first migrations, with 1,000 rows in each table."""
    project = Project(tmp_path / "project", wrangler, run)
    project.path.mkdir()
    if request.param != "remote":
        place: Local | Remote = Local(project)
    else:
        server: Cloudflare = request.getfixturevalue("cloudflare")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        place = Remote(server)
    shop = Shop(project, place, run)
    made = Sample(shop, by_wrangler="wrangler" in request.param)
    shop.manage("makemigrations", settings="mysite.settings")
    shop.d1migrate("diff")
    name = shop.d1migrate("new", "By hand").out.strip()
    project.write({name: BY_HAND})
    made.check_and_apply()
    shop.use("fill")
    shop.place.change(AUDIT)
    return made


def test_five_changes_and_back(sample: Sample) -> None:
    """Each row stays, and so does what no model has; the ORM and the admin work on the result."""
    shop = sample.shop
    expected = sample.rows(TABLES)
    assert {len(rows) for rows in expected.values()} == {ROWS}
    for change in CHANGES.values():
        sample.migrate(change)
        expected = change.expected(expected)
        assert sample.rows(expected) == expected
        check_what_stays(sample)
        shop.use(*shop.place.uses)
        assert sample.rows(expected) == expected
    assert sorted(shop.use("permissions").split()) == sorted({*MODELS, "label", "supplier"} - {"tag"})
    check_the_way_back(sample, expected)


def check_the_way_back(sample: Sample, expected: Rows) -> None:
    """Roll all changes back: each row is as the first models have it, and Django has unapplied its migrations."""
    shop = sample.shop
    # What wrangler applied has no rollback but that of its file.
    back = ["down", "--steps", str(len(CHANGES)), "--rollback-from", "file"]
    assert "people_user.language (1000 rows)" in shop.d1migrate(*back, code=1).err
    shop.d1migrate(*back, "--allow-loss", "people_user.language")
    shop.edit({"people": PEOPLE, "shop": SHOP})
    undone = reduce(lambda rows, change: change.undone(rows), reversed(CHANGES.values()), expected)
    assert sample.rows(undone) == undone
    check_what_stays(sample)
    lines = shop.manage("showmigrations", "people", "shop").splitlines()
    unapplied = [line.split()[-1] for line in lines if "[ ]" in line]
    assert len(unapplied) == len(CHANGES)
    for name in unapplied:
        (file,) = shop.project.path.glob(f"*/migrations/{name}.py")
        file.unlink()
    assert "[ ]" not in shop.manage("showmigrations")
    shop.manage("makemigrations", "--check")
    shop.use(*shop.place.uses)
    assert sample.rows(undone) == undone


def check_what_stays(sample: Sample) -> None:
    """The objects of the file that was written by hand are there, and work; no reference dangles."""
    read = sample.shop.place.read
    assert {name for (name,) in read("SELECT name FROM sqlite_master")} >= KEPT
    assert read("SELECT * FROM sold ORDER BY 1 LIMIT 1") == [["Product 1", ROWS % 9 + 1]]
    assert list(read("PRAGMA foreign_key_check")) == []
    sample.shop.place.change("UPDATE people_user SET username = 'Ada' WHERE id = 7")
    assert read(f"SELECT user_id, what FROM audit WHERE id > {ROWS}") == [[7, "user7 is now Ada"]]
    sample.shop.place.change(
        f"UPDATE people_user SET username = 'user7' WHERE id = 7; DELETE FROM audit WHERE id > {ROWS}"
    )
