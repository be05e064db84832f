"""A Django project starts from a D1 that exists: made with plain SQL, or by Django's own migrate."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.models.django.project import DATABASE, SETTINGS, SOURCE, DjangoProject
from tests.runtime.local import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.cli.project import Outcome
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

pytestmark = pytest.mark.slow

ROWS = 1000
WRANGLER = {"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b"}]}
TABLES = """
CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  email TEXT NOT NULL UNIQUE COLLATE NOCASE,
  name TEXT NOT NULL DEFAULT '',
  vip INTEGER NOT NULL DEFAULT 0 CHECK (vip IN (0, 1)),
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  customer_id INTEGER NOT NULL REFERENCES customers(id) ON DELETE CASCADE,
  status TEXT NOT NULL DEFAULT 'new',
  total REAL NOT NULL
);
CREATE INDEX orders_by_customer ON orders(customer_id, status);
CREATE TABLE lines (
  order_id INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  what TEXT NOT NULL,
  picture BLOB,
  PRIMARY KEY (order_id, n)
) WITHOUT ROWID;
CREATE VIEW big_orders AS SELECT id FROM orders WHERE total > 100;
CREATE TRIGGER vip AFTER INSERT ON orders WHEN NEW.total > 5000 BEGIN
  UPDATE customers SET vip = 1 WHERE id = NEW.customer_id;
END;
"""
COUNTER = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"
INSERTS = (
    f"INSERT INTO customers (id, email, name) {COUNTER} SELECT n, n || '@example.com', 'Customer ' || n FROM n",
    f"INSERT INTO orders (id, customer_id, total) {COUNTER} SELECT n, n % 100 + 1, n / 8.0 FROM n",
    f"INSERT INTO lines {COUNTER} SELECT n, n % 3, 'thing ' || n, CAST(n AS BLOB) FROM n",
)
COLUMNS = {
    "customers": "id, email, name, vip, created_at",
    "orders": "id, customer_id, status, total",
    "lines": "order_id, n, what, hex(picture)",
}
CHECK = "        constraints = [models.CheckConstraint(condition=models.Q(vip__in=(0, 1)), name='vip')]\n"
INDEX = "        indexes = [models.Index(fields=['customer', 'status'], name='orders_by_customer')]\n"
# What `inspectdb` leaves out: defaults, checks, collations, indexes. Names of classes are free.
COMPLETED = [
    ("class Customers(", "class Customer("),
    ("class Orders(", "class Order("),
    ("class Lines(", "class Line("),
    ("(Customers, models.DO_NOTHING)", "(Customer, models.CASCADE, db_index=False)"),
    ("(Orders, models.DO_NOTHING)", "(Order, models.CASCADE, db_index=False)"),
    ("email = models.TextField(unique=True)", 'email = models.TextField(unique=True, db_collation="NOCASE")'),
    ("name = models.TextField()", 'name = models.TextField(db_default="")'),
    ("vip = models.IntegerField()", "vip = models.IntegerField(db_default=0)"),
    ("created_at = models.TextField()", "created_at = models.TextField(db_default=Now())"),
    ("status = models.TextField()", 'status = models.TextField(db_default="new")'),
    ("        managed = False\n", ""),
    ("        db_table = 'customers'\n", f"        db_table = 'customers'\n{CHECK}"),
    ("        db_table = 'orders'\n", f"        db_table = 'orders'\n{INDEX}"),
]
NOW = (
    "class Now(models.Func):\n    template = 'CURRENT_TIMESTAMP'\n    output_field = models.TextField()\n\n\n"
)
NAME = '    name = models.TextField(db_default="")\n'
PHONE = '    phone = models.TextField(default="none")\n'
TAG = "class Tag(models.Model):\n    name = models.SlugField(unique=True)\n"
BOOK = (
    TAG
    + "class Book(models.Model):\n    title = models.CharField(max_length=100, db_index=True)\n"
    + "    tags = models.ManyToManyField(Tag)\n    first = models.ForeignKey(Tag, models.CASCADE, related_name='+')\n"
)


class Shop:
    """The project, and its D1.

    Args:
        url: of the D1, for d1migrate.
        read: returns the rows of a query on the D1.
    """

    def __init__(self, django: DjangoProject, url: str, read: Callable[[str], list[Any]]) -> None:
        self.django, self._read = django, read
        django.write({"d1migrate.toml": f'[schema]\nsource = "{SOURCE}"\n[env.local]\ndatabase = "{url}"\n'})

    def d1migrate(self, *arguments: str, code: int = 0) -> Outcome:
        """Run a command."""
        return self.django.d1migrate(*arguments, code=code)

    def apply(self) -> None:
        """Check the last file as CI does, and apply it."""
        self.d1migrate("lint")
        self.d1migrate("rehearse")
        self.d1migrate("up")
        for current in ("files", "live"):
            assert self.d1migrate("diff", "--check", "--from", current).err.endswith("no difference\n")
        self.d1migrate("verify", "--check")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the D1."""
        return [tuple(row) for row in self._read(sql)]

    def rows(self, columns: Mapping[str, str]) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of tables, with some of their columns."""
        return {
            table: self.query(f"SELECT {names} FROM {table} ORDER BY 1, 2")
            for table, names in columns.items()
        }


def local_project(path: Path, wrangler: Wrangler, run: Run, setup: str) -> tuple[DjangoProject, Project]:
    """A Django project on the file of wrangler's local D1, after a file of SQL was run there by wrangler."""
    django, project = DjangoProject(path, run), Project(path, wrangler, run)
    django.write({"wrangler.json": json.dumps(WRANGLER), "setup.sql": setup})
    project.execute("setup.sql")
    (file,) = project.databases()
    django.write({"mysite/settings.py": SETTINGS.replace(f'"{DATABASE}"', f'"{file}"')})
    return django, project


@pytest.fixture(params=["local", "remote"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A D1 of plain SQL, with 1,000 rows in each table, and a Django project that does not know it yet."""
    if request.param == "local":
        setup = f"{TABLES};{';'.join(INSERTS)};"
        django, project = local_project(tmp_path, request.getfixturevalue("wrangler"), run, setup)
        return Shop(django, "wrangler:DB", project.read)
    server: Cloudflare = request.getfixturevalue("cloudflare")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    database = server.create("shop")
    for sql in (TABLES, *INSERTS):
        server.sql(database, sql)
    return Shop(DjangoProject(tmp_path, run), "d1:shop", lambda sql: server.sql(database, sql)[0])


def inspected(shop: Shop) -> str:
    """Return the models that `inspectdb` writes for a local copy of the schema."""
    shop.d1migrate("schema", "--output", "schema.sql")
    copy = shop.django.path / "copy.db"
    with closing(sqlite3.connect(copy)) as database:
        database.executescript((shop.django.path / "schema.sql").read_text())
    settings = shop.django.path / "mysite/settings.py"
    used = settings.read_text()
    settings.write_text(f'{used}\nDATABASES["default"]["NAME"] = "{copy}"\n')
    models = shop.django.manage("inspectdb", *COLUMNS)
    settings.write_text(used)
    return models


def completed(models: str) -> str:
    """Return what `inspectdb` wrote, with what it leaves out."""
    for old, new in COMPLETED:
        assert old in models, old
        models = models.replace(old, new)
    return models.replace("class Customer(", f"{NOW}class Customer(")


def test_models_for_plain_sql(shop: Shop) -> None:
    """The completed models are no difference: no table is rebuilt, and Django's own tables are added."""
    expected = shop.rows(COLUMNS)
    assert {len(rows) for rows in expected.values()} == {ROWS}
    shop.d1migrate("baseline", "As found")
    models = completed(inspected(shop))
    shop.django.models(models)
    shop.django.manage("makemigrations", "shop")
    shop.d1migrate("diff")
    sql = shop.django.sql()
    assert "CREATE TABLE auth_user" in sql
    assert not [name for name in COLUMNS if f'"{name}"' in sql or f"TABLE {name}" in sql]
    shop.apply()
    assert shop.rows(COLUMNS) == expected


def test_a_rebuild_keeps_what_django_cannot_declare(shop: Shop) -> None:
    """Each row stays, and so do actions of foreign keys, the kind of a table, the trigger and the view."""
    shop.d1migrate("baseline", "As found")
    models = completed(inspected(shop))
    shop.django.models(models)
    shop.django.manage("makemigrations", "shop")
    shop.d1migrate("diff")
    expected = shop.rows(COLUMNS)
    models = models.replace(NAME, NAME + PHONE)
    for kind, other in (
        ("total = models.Float", "total = models.Text"),
        ("what = models.Text", "what = models.Binary"),
    ):
        assert kind in models
        models = models.replace(kind, other)
    shop.django.models(models)
    shop.django.manage("makemigrations", "shop")
    assert "--backfill \"customers.phone='none'\"" in shop.d1migrate("diff", code=1).err
    shop.d1migrate("diff", "--backfill", "customers.phone='none'")
    shop.apply()
    same = {
        **COLUMNS,
        "orders": "id, customer_id, status, CAST(total AS REAL)",
        "lines": "order_id, n, CAST(what AS TEXT), hex(picture)",
    }
    assert shop.rows(same) == expected
    assert shop.query("SELECT DISTINCT phone FROM customers") == [("none",)]
    texts = dict(shop.query("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view', 'trigger')"))
    assert {"vip", "big_orders"} <= texts.keys()
    assert "AUTOINCREMENT" not in texts["customers"]
    assert texts["orders"].count("ON DELETE CASCADE") == texts["lines"].count("ON DELETE CASCADE") == 1
    assert texts["lines"].endswith("WITHOUT ROWID")


def test_the_orm_on_tables_of_plain_sql(tmp_path: Path, wrangler: Wrangler, run: Run) -> None:
    """It reads all rows, and writes; the values that the database gives come back."""
    django, project = local_project(tmp_path, wrangler, run, f"{TABLES};{';'.join(INSERTS)};")
    shop = Shop(django, "wrangler:DB", project.read)
    shop.d1migrate("baseline", "As found")
    django.models(completed(inspected(shop)))
    django.manage("makemigrations", "shop")
    shop.d1migrate("diff")
    shop.apply()
    assert "[ ]" not in django.manage("showmigrations")
    django.manage("migrate", "--check")
    code = """
from shop.models import Customer, Line, Order
assert [m.objects.count() for m in (Customer, Order, Line)] == [1000] * 3
order = Order.objects.select_related("customer").get(pk=(7))
assert order.customer.email == "8@example.com"
new = Customer.objects.create(email="NEW@example.com")
assert (new.pk, new.vip, new.name, len(new.created_at)) == (1001, 0, "", 19)
order = Order.objects.create(customer=new, total=6000)
Line.objects.create(order=order, n=1, what="x")
new.refresh_from_db()
assert (new.vip, order.status) == (1, "new")
assert Customer.objects.get(email="new@EXAMPLE.com") == new
new.delete()
assert [m.objects.count() for m in (Customer, Order, Line)] == [1000] * 3
"""
    django.manage("shell", "--no-imports", "-c", code)


def test_a_database_of_djangos_own_migrate(tmp_path: Path, wrangler: Wrangler, run: Run) -> None:
    """Its history is continued; a new database that is built from the files has the same."""
    django, project = local_project(tmp_path, wrangler, run, "SELECT 1;")
    shop = Shop(django, "wrangler:DB", project.read)
    django.models(BOOK)
    django.manage("makemigrations", "shop")
    django.manage("migrate")
    django.models(BOOK.replace("unique=True)", "unique=True)\n    rank = models.IntegerField(default=3)"))
    django.manage("makemigrations", "shop")
    django.manage("migrate")
    project.change(
        f"{COUNTER} INSERT INTO shop_tag (name, rank) SELECT 'tag' || n, n FROM n;"
        f"{COUNTER} INSERT INTO shop_book (title, first_id) SELECT 'book' || n, n FROM n;"
        f"{COUNTER} INSERT INTO shop_book_tags (book_id, tag_id) SELECT n, n FROM n;"
    )
    columns = {
        "shop_tag": "id, name, rank",
        "shop_book": "id, title, first_id",
        "shop_book_tags": "id, book_id, tag_id",
        "django_migrations": "app, name, applied",
        "auth_permission": "id, codename, content_type_id",
    }
    expected = shop.rows(columns)
    shop.d1migrate("baseline", "As found")
    shop.d1migrate("diff")
    assert "CREATE TABLE" not in django.sql(), "only rows, for databases that are built from the files"
    shop.apply()
    assert shop.rows(columns) == expected

    django.models(BOOK.replace("unique=True)", "unique=True)\n    rank = models.TextField(default='3')"))
    django.manage("makemigrations", "shop")
    shop.d1migrate("diff")
    shop.apply()
    django.manage("migrate", "--check")
    found = shop.rows({**columns, "shop_tag": "id, name, CAST(rank AS INTEGER)"})
    new_names = {(app, name) for app, name, _ in found["django_migrations"]}
    new_names -= {(app, name) for app, name, _ in expected["django_migrations"]}
    assert new_names == {("shop", "0003_alter_tag_rank")}
    del found["django_migrations"], expected["django_migrations"]
    assert found == expected

    new = tmp_path / "new.db"
    django.d1migrate("--database", f"sqlite:{new}", "up")
    settings = django.path / "mysite/settings.py"
    settings.write_text(f'{settings.read_text()}\nDATABASES["default"]["NAME"] = "{new}"\n')
    assert "[ ]" not in django.manage("showmigrations")
    django.manage("migrate", "--check")
