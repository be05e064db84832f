"""Django's own migrations of the sample's five changes, on the real D1: which rows are lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.docs.pages import ROOT
from tests.models.django.sample import AUDIT, BY_HAND, CHANGES, KEPT, TABLES, Change, read_rows
from tests.models.django.shop import Remote, Shop
from tests.models.sqlalchemy.autogenerate import damage
from tests.runtime.local import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.models.django.sample import Rows
    from tests.models.django.shop import Place
    from tests.models.sqlalchemy.autogenerate import Damage
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

pytestmark = pytest.mark.slow

REDEEMED = """
CREATE TABLE redeemed (id INTEGER PRIMARY KEY, coupon TEXT REFERENCES shop_coupon(code) ON DELETE CASCADE);
INSERT INTO redeemed (coupon) SELECT code FROM shop_coupon
"""
"""A table made by hand, and the only one that references coupons."""
COUPONS = "add a NOT NULL field to coupons"
CODE = "    code = models.CharField(max_length=20, primary_key=True)\n"
EVERY = CHANGES | {
    COUPONS: Change(
        [("shop", CODE, f'{CODE}    kind = models.CharField(max_length=8, default="")\n')],
        "",
        [],
        # Django reorders its columns, and it has no id: only the other tables are compared.
        lambda rows: {table: own for table, own in rows.items() if table != "shop_coupon"},
        lambda rows: rows,
    )
}
GUIDE = ROOT / "docs" / "guides" / "django.md"


class Trials:
    """The project with its rows on D1, where each change is tried on copies of the database."""

    def __init__(self, shop: Shop, server: Cloudflare) -> None:
        self._shop, self._server, self._first = shop, server, shop.models
        place = shop.place
        assert isinstance(place, Remote)
        self._id, self._copies = place.id, 0
        self._rows = read_rows(place.read, [*TABLES, "redeemed"])

    def change(self, name: str) -> tuple[str, str]:
        """Try both ways for one change: the cells of the table of the guide."""
        self._reset()
        self._shop.change(EVERY[name])
        return self._migrate(name), self._sqlmigrate(name)

    def _reset(self) -> None:
        """Take the models, and the migrations of Django, back to the first ones."""
        self._shop.edit(self._first)
        for file in self._shop.project.path.glob("*/migrations/0*.py"):
            if file.name != "0001_initial.py":
                file.unlink()

    def _copy(self) -> str:
        self._copies += 1
        (copy,) = self._server.copies(self._id, [f"copy-{self._copies}"])
        return copy

    def _migrate(self, name: str) -> str:
        """Run `manage.py migrate` with the backend from PyPI, which sends each statement alone."""
        shop = Shop.__new__(Shop)
        shop.__dict__.update(self._shop.__dict__, place=Remote(self._server, self._copy()))
        try:
            shop.manage("migrate")
        except AssertionError:
            return f"fails; {self._damage(name, shop.place, failed=True)}"
        return self._damage(name, shop.place)

    def _sqlmigrate(self, name: str) -> str:
        """Run the text of `sqlmigrate` without BEGIN and COMMIT, which D1 refuses, as one batch."""
        files = sorted(self._shop.project.path.glob("*/migrations/0002*.py"))
        texts = [
            self._shop.manage("sqlmigrate", file.parent.parent.name, file.stem, settings="mysite.settings")
            for file in files
        ]
        text = re.sub(r"^(BEGIN|COMMIT);\n", "", "".join(texts), flags=re.MULTILINE)
        place, server = Remote(self._server, self._copy()), self._server
        url = f"{server.base_url}/accounts/{server.account}/d1/database/{place.id}/query"
        headers = {"Authorization": f"Bearer {server.token}"}
        answer = httpx.post(url, json={"sql": text}, headers=headers, timeout=60)
        if answer.is_success:
            return self._damage(name, place)
        return f"fails; {self._damage(name, place, failed=True)}"

    def _damage(self, name: str, place: Place, *, failed: bool = False) -> str:
        """What was lost; after a failure, beside the rows before or after the change, whichever is nearer."""
        choices: list[Rows] = [EVERY[name].expected(self._rows), *([self._rows] if failed else [])]
        found = min((damage(rows, KEPT, place.read) for rows in choices), key=_size)
        left = [
            table
            for (table,) in place.read(
                "SELECT name FROM sqlite_master WHERE name LIKE 'new\\_\\_%' ESCAPE '\\'"
            )
        ]
        return "; ".join([found.text, *(f"leaves `{table}`" for table in left)])


def _size(found: Damage) -> int:
    return sum(found.deleted.values()) + sum(found.changed.values())


def test_the_table_of_the_guide(
    cloudflare: Cloudflare, tmp_path: Path, wrangler: Wrangler, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has what happened here."""
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    project = Project(tmp_path / "project", wrangler, run)
    project.path.mkdir()
    shop = Shop(project, Remote(cloudflare), run)
    shop.manage("makemigrations", settings="mysite.settings")
    shop.d1migrate("diff")
    project.write({shop.d1migrate("new", "By hand").out.strip(): BY_HAND})
    shop.d1migrate("up")
    shop.use("fill")
    shop.place.change(AUDIT)
    shop.place.change(REDEEMED)
    trials = Trials(shop, cloudflare)
    lines = [f"| {name} | {' | '.join(trials.change(name))} |" for name in EVERY]
    assert "\n".join(lines) in GUIDE.read_text()
