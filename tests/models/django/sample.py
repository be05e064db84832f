"""A sample project of Django: its models, what was written by hand beside them, and five changes of the models.

The models are text, as in an editor, because Django and d1migrate import them in processes of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROWS = 1_000

PEOPLE = """\
from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    bio = models.TextField(blank=True)
    manager = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
"""
SHOP = """\
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now


class Category(models.Model):
    name = models.CharField(max_length=60, unique=True)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")


class Tag(models.Model):
    name = models.SlugField(unique=True)


class Product(models.Model):
    category = models.ForeignKey(Category, models.PROTECT, related_name="products")
    sku = models.CharField(max_length=20)
    title = models.CharField(max_length=200, db_index=True)
    price = models.DecimalField(max_digits=9, decimal_places=2)
    weight = models.CharField(max_length=10)
    stock = models.IntegerField(db_default=0)
    data = models.JSONField(default=dict, blank=True)
    is_live = models.BooleanField(default=True)
    legacy = models.CharField(max_length=40, null=True, blank=True, unique=True)
    double = models.GeneratedField(expression=F("stock") * 2, output_field=models.IntegerField(), db_persist=True)
    slug = models.GeneratedField(expression=Lower("sku"), output_field=models.TextField(), db_persist=False)
    tags = models.ManyToManyField(Tag, blank=True)

    class Meta:
        unique_together = [("category", "sku")]
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="price_not_negative"),
            models.UniqueConstraint(fields=["title"], condition=Q(is_live=True), name="one_live_title"),
        ]
        indexes = [
            models.Index(fields=["-price", "title"], name="by_price"),
            models.Index(fields=["stock"], condition=Q(is_live=True), name="live_stock"),
        ]


class Order(models.Model):
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="orders")
    seller = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    number = models.UUIDField(unique=True)
    placed_at = models.DateTimeField(db_default=Now())
    products = models.ManyToManyField(Product, through="Line")


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE)
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "product"], name="one_line")]


class Coupon(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    code = models.CharField(max_length=20, primary_key=True)
"""
ADMIN = """\
from django.apps import apps
from django.contrib import admin

for model in [*apps.get_app_config("shop").get_models(), *apps.get_app_config("people").get_models()]:
    admin.site.register(model)
"""
SETTINGS = """

INSTALLED_APPS += ["people", "shop"]
AUTH_USER_MODEL = "people.User"
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["NAME"] = os.environ.get("SHOP_DATABASE", BASE_DIR / "db.sqlite3")
"""
ON_D1 = """\
import http.client
import json

from django_cf.d1_api import database
from mysite.settings import *


class Connection(http.client.HTTPConnection):
    def __init__(self, host, **options):
        super().__init__(os.environ["SHOP_API"], **options)


database.http = type("http", (), {"client": type("client", (), {"HTTPSConnection": Connection})})
run_query = database.D1Database.run_query
database.D1Database.run_query = lambda self, query, params=None: run_query(self, query, params or [])  # not null
database.json = type("json", (), {"dumps": lambda value: json.dumps(value, default=str), "loads": json.loads})
DATABASES = {
    "default": {
        "ENGINE": "django_cf.d1_api",
        "CLOUDFLARE_DATABASE_ID": os.environ["SHOP_DATABASE"],
        "CLOUDFLARE_ACCOUNT_ID": os.environ["CLOUDFLARE_ACCOUNT_ID"],
        "CLOUDFLARE_TOKEN": os.environ["CLOUDFLARE_API_TOKEN"],
    }
}
"""
"""The settings with the backend from PyPI, which sends its requests to the address of the stand-in."""

BY_HAND = """\
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES people_user(id) ON DELETE CASCADE,
  product_id INTEGER REFERENCES shop_product(id) ON DELETE CASCADE, what TEXT NOT NULL
);

CREATE TRIGGER product_titled AFTER UPDATE OF title ON shop_product BEGIN
  INSERT INTO audit (product_id, what) VALUES (new.id, old.title || ' is now ' || new.title);
END;
CREATE TRIGGER user_named AFTER UPDATE OF username ON people_user BEGIN
  INSERT INTO audit (user_id, what) VALUES (new.id, old.username || ' is now ' || new.username);
END;

CREATE VIEW sold AS
SELECT p.title, sum(l.quantity) AS quantity FROM shop_product p JOIN shop_line l ON l.product_id = p.id GROUP BY p.id;

-- Rollback:
--   DROP VIEW sold;
--   DROP TRIGGER user_named;
--   DROP TRIGGER product_titled;
--   DROP TABLE audit;
"""
KEPT = {"audit", "product_titled", "user_named", "sold"}
"""What no model has."""
TABLES = [
    "people_user",
    "shop_category",
    "shop_tag",
    "shop_product",
    "shop_product_tags",
    "shop_order",
    "shop_line",
    "shop_coupon",
    "audit",
]
"""The tables with 1,000 rows."""

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""The rows of each table, in the order of their keys."""


class Change(NamedTuple):
    """A change of the models, and what a user types for it.

    Attributes:
        edits: (app, what is replaced in its models, by what).
        answers: to the questions of `makemigrations`.
        options: of `diff`.
        expected: what becomes of the rows.
        undone: what becomes of them when the change is rolled back.
    """

    edits: Sequence[tuple[str, str, str]]
    answers: str
    options: Sequence[str]
    expected: Callable[[Rows], Rows]
    undone: Callable[[Rows], Rows]

    def edit(self, models: dict[str, str]) -> dict[str, str]:
        """Return the models of each app after the change."""
        edited = dict(models)
        for app, old, new in self.edits:
            assert old in edited[app], old
            edited[app] = edited[app].replace(old, new)
        return edited


def _with(rows: Rows, table: str, **values: Any) -> Rows:
    return rows | {table: [row | values for row in rows[table]]}


def _without(rows: Rows, table: str, column: str) -> Rows:
    return rows | {table: [{name: row[name] for name in row if name != column} for row in rows[table]]}


def _no_table(rows: Rows, table: str) -> Rows:
    return {name: own for name, own in rows.items() if name != table}


def _column(rows: Rows, table: str, old: str, new: str) -> Rows:
    renamed = [{new if name == old else name: row[name] for name in row} for row in rows[table]]
    return rows | {table: renamed}


def _table(rows: Rows, old: str, new: str) -> Rows:
    return {new if name == old else name: own for name, own in rows.items()}


def _converted(rows: Rows, kind: type) -> Rows:
    products = [row | {"weight": kind(row["weight"])} for row in rows["shop_product"]]
    return rows | {"shop_product": products}


CHANGES = {
    "add a NOT NULL field": Change(
        [
            (
                "people",
                "    manager =",
                '    language = models.CharField(max_length=8, default="en")\n    manager =',
            )
        ],
        "",
        ["--backfill", "people_user.language='en'"],
        lambda rows: _with(rows, "people_user", language="en"),
        lambda rows: _without(rows, "people_user", "language"),
    ),
    "rename a field and a model": Change(
        [
            ("shop", "    title =", "    name ="),
            ("shop", '"title"', '"name"'),
            ("shop", "class Tag(", "class Label("),
            ("shop", "ManyToManyField(Tag,", "ManyToManyField(Label,"),
        ],
        "y\ny\n",
        [
            *("--rename", "shop_product.title=name", "--rename", "shop_tag=shop_label"),
            *("--rename", "shop_product_tags.tag_id=label_id"),
        ],
        lambda rows: _column(
            _column(_table(rows, "shop_tag", "shop_label"), "shop_product", "title", "name"),
            *("shop_product_tags", "tag_id", "label_id"),
        ),
        lambda rows: _column(
            _column(_table(rows, "shop_label", "shop_tag"), "shop_product", "name", "title"),
            *("shop_product_tags", "label_id", "tag_id"),
        ),
    ),
    "change a type": Change(
        [("shop", "weight = models.CharField(max_length=10)", "weight = models.IntegerField()")],
        "",
        [],
        lambda rows: _converted(rows, int),
        lambda rows: _converted(rows, str),
    ),
    "drop a field and a model": Change(
        [
            (
                "shop",
                "    legacy = models.CharField(max_length=40, null=True, blank=True, unique=True)\n",
                "",
            ),
            ("shop", SHOP[SHOP.index("\n\nclass Coupon") :], ""),
        ],
        "",
        ["--allow-drop", "shop_product.legacy", "--allow-drop", "shop_coupon"],
        lambda rows: _without(_no_table(rows, "shop_coupon"), "shop_product", "legacy"),
        lambda rows: _with(rows, "shop_product", legacy=None) | {"shop_coupon": []},
    ),
    "add relations": Change(
        [
            (
                "shop",
                "class Product(",
                "class Supplier(models.Model):\n    name = models.CharField(max_length=60)\n\n\nclass Product(",
            ),
            (
                "shop",
                "    sku =",
                (
                    "    maker = models.ForeignKey(Supplier, models.SET_NULL, null=True, blank=True, related_name='made')\n"
                    "    suppliers = models.ManyToManyField(Supplier, blank=True)\n    sku ="
                ),
            ),
        ],
        "",
        [],
        lambda rows: (
            _with(rows, "shop_product", maker_id=None) | {"shop_supplier": [], "shop_product_suppliers": []}
        ),
        lambda rows: _without(
            _no_table(_no_table(rows, "shop_supplier"), "shop_product_suppliers"), "shop_product", "maker_id"
        ),
    ),
}


AUDIT = (
    f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"
    " INSERT INTO audit (user_id, product_id, what) SELECT n, n, 'entry ' || n FROM n"
)
"""The rows of the table outside the models."""


def read_rows(read: Callable[[str], Sequence[Sequence[Any]]], tables: Sequence[str]) -> Rows:
    """Return all rows of tables, as the database has them; the order of columns does not count."""
    found: Rows = {}
    for table in tables:
        columns = [
            str(row[0])
            for row in read(f"SELECT name FROM pragma_table_xinfo('{table}') WHERE hidden <> 1 ORDER BY cid")
        ]
        chosen = ", ".join(f'"{name}"' for name in columns)
        found[table] = [
            dict(zip(columns, row, strict=True))
            for row in read(f'SELECT {chosen} FROM "{table}" ORDER BY rowid')
        ]
    return found
