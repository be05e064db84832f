"""The rows that Django expects are in the file: its history, content types, permissions, the default site."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.models.django.project import DjangoProject

pytestmark = pytest.mark.slow

TAG = "class Tag(models.Model):\n    name = models.SlugField(unique=True)\n"
BOOK = TAG + "class Book(models.Model):\n    title = models.TextField()\n"


def query(django: DjangoProject, sql: str) -> list[Any]:
    """Return the first column of a query on the database."""
    with closing(sqlite3.connect(django.path / "db.sqlite3")) as database:
        return [row[0] for row in database.execute(sql)]


def migrate(django: DjangoProject, models: str) -> None:
    """Write models, the Django migration for them, and ours, and apply ours."""
    django.models(models)
    django.manage("makemigrations", "shop")
    django.d1migrate("diff")
    django.d1migrate("up")


def test_django_agrees_on_the_database_afterwards(django: DjangoProject) -> None:
    """Django's own commands find every migration applied, and nothing to do."""
    migrate(django, TAG)
    assert "[ ]" not in django.manage("showmigrations")
    django.manage("migrate", "--check")
    assert "No planned migration operations" in django.manage("migrate", "--plan")
    before = query(django, "SELECT count(*) FROM auth_permission")
    django.manage("migrate")
    assert query(django, "SELECT count(*) FROM auth_permission") == before
    assert query(django, "SELECT domain FROM django_site") == ["example.com"]
    django.manage("shell", "-c", "from django.contrib.sites.models import Site; Site.objects.get()")


def test_a_new_model_brings_its_content_type_and_its_permissions(django: DjangoProject) -> None:
    """They are in the file of its table, and only they."""
    migrate(django, TAG)
    migrate(django, BOOK)
    sql = django.sql()
    assert "CREATE TABLE shop_book" in sql
    assert sql.count("INSERT INTO") == 1 + 4 + 1
    assert query(
        django,
        "SELECT codename FROM auth_permission JOIN django_content_type AS t ON t.id = content_type_id"
        " WHERE model = 'book' ORDER BY 1",
    ) == ["add_book", "change_book", "delete_book", "view_book"]
    django.manage("migrate", "--check")
    django.d1migrate("lint")
    django.d1migrate("rehearse")
    assert django.d1migrate("verify").code == 0


def test_the_rollback_forgets_the_migration_and_up_records_it_again(django: DjangoProject) -> None:
    """Django sees the migration unapplied in between."""
    migrate(django, TAG)
    migrate(django, BOOK)
    django.d1migrate("down")
    assert "[ ] 0002_book" in django.manage("showmigrations", "shop")
    django.d1migrate("up")
    assert "[X] 0002_book" in django.manage("showmigrations", "shop")
    assert query(django, "SELECT count(*) FROM django_content_type WHERE model = 'book'") == [1]


def test_a_migration_that_changes_no_table_is_a_difference(django: DjangoProject) -> None:
    """A Django migration with only RunPython is recorded, and named."""
    migrate(django, TAG)
    django.write(
        {
            "shop/migrations/0002_fill.py": "from django.db import migrations\n\n\n"
            "def fill(apps, schema_editor):\n    raise RuntimeError('it runs')\n\n\n"
            "class Migration(migrations.Migration):\n"
            "    dependencies = [('shop', '0001_initial')]\n"
            "    operations = [\n"
            "        migrations.RunPython(fill, migrations.RunPython.noop),\n"
            "        migrations.RunPython(migrations.RunPython.noop),\n"
            "        migrations.SeparateDatabaseAndState([\n"
            "            migrations.RunSQL(['UPDATE shop_tag\\n  SET name = 1',"
            " ('DELETE FROM shop_tag WHERE name = %s', [\"it's\"])]),\n"
            "        ]),\n"
            "    ]\n"
        }
    )
    assert "different: add rows to django_migrations" in django.d1migrate("diff", "--check", code=3).err
    written = django.d1migrate("diff").err
    python = (
        "shop.0002_fill: RunPython fill (shop/migrations/0002_fill.py:4) is not run: write what it does as"
        " SQL, or as a --backfill"
    )
    assert python in written
    assert "shop.0002_fill: RunSQL is not run: in the new file, uncomment what is still needed" in written
    sql = django.sql()
    assert f"-- {python}\n" in sql
    assert (
        "--     UPDATE shop_tag\n--       SET name = 1;\n--     DELETE FROM shop_tag WHERE name = 'it''s';"
        in sql
    )
    django.d1migrate("lint")
    django.d1migrate("up")
    django.manage("migrate", "--check")
    django.d1migrate("diff", "--check")
    django.d1migrate("diff", "--check", "--from", "live")


def test_rows_that_a_database_lacks_are_found_in_it(django: DjangoProject) -> None:
    """With `--from live` the database is asked; the files alone know nothing of a deleted row."""
    migrate(django, TAG)
    with closing(sqlite3.connect(django.path / "db.sqlite3")) as database, database:
        database.execute("DELETE FROM django_content_type WHERE model = 'tag'")
    django.d1migrate("diff", "--check")
    django.d1migrate("diff", "--check", "--from", "live", code=3)


SHELF = """class Tag(models.Model):
    name = models.SlugField(unique=True)


class Shelf(models.Model):
    tag = models.ForeignKey(Tag, models.CASCADE)
    tags = models.ManyToManyField(Tag, related_name="+")
"""
RENAMED = """class Label(models.Model):
    title = models.SlugField(unique=True)


class Shelf(models.Model):
    label = models.ForeignKey(Label, models.CASCADE)
    labels = models.ManyToManyField(Label, related_name="+")
"""
RENAMES = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RenameModel("Tag", "Label"),
        migrations.RenameField("Label", "name", "title"),
        migrations.RenameField("Shelf", "tag", "label"),
        migrations.RenameField("Shelf", "tags", "labels"),
    ]
"""


def test_what_django_migrations_rename_is_renamed(django: DjangoProject) -> None:
    """Tables, columns, and content types, with their rows: all without --rename, and Django finds the same."""
    migrate(django, SHELF)
    fill = "t = Tag.objects.create(name='a'); Shelf.objects.create(tag=t).tags.add(t)"
    django.manage("shell", "-c", f"from shop.models import *; {fill}")
    django.models(RENAMED)
    django.write({"shop/migrations/0002_rename.py": RENAMES})
    (before,) = query(django, "SELECT id FROM django_content_type WHERE model = 'tag'")
    django.d1migrate("diff")
    assert django.sql().count("RENAME ") == 2 * 5  # and back
    django.d1migrate("up")
    use = "assert Shelf.objects.get(label__title='a').labels.get().title == 'a'"
    django.manage("shell", "-c", f"from shop.models import *; {use}")
    assert query(django, "SELECT id FROM django_content_type WHERE model = 'label'") == [before]
    assert query(django, "SELECT id FROM django_content_type WHERE model = 'tag'") == []
    django.manage("migrate", "--check")
    assert "No changes detected" in django.manage("makemigrations", "--check", "--dry-run")
    assert django.d1migrate("diff", "--check").err.endswith("no difference\n")
    django.d1migrate("down")
    django.d1migrate("up")
    assert django.d1migrate("verify", "--check").out == "files, history and schema agree\n"


def test_a_deleted_model_leaves_its_table(django: DjangoProject) -> None:
    """Until `--allow-drop` names it; the note says so."""
    migrate(django, BOOK)
    django.models(TAG)
    django.manage("makemigrations", "shop")
    note = (
        "the table shop_book stays, with its rows, although no model has it any more: --allow-drop shop_book"
    )
    assert note in django.d1migrate("diff", "--dry-run").err
    assert note not in django.d1migrate("diff", "--allow-drop", "shop_book").err
    django.d1migrate("up")
    assert query(django, "SELECT name FROM sqlite_schema WHERE name LIKE 'shop%' AND type = 'table'") == [
        "shop_tag"
    ]


def test_squashed_migrations_are_recorded_as_django_records_them(django: DjangoProject) -> None:
    """The squashed one, and those that it replaces; later none of it is new."""
    migrate(django, TAG)
    migrate(django, BOOK)
    django.manage("squashmigrations", "shop", "0002", "--noinput")
    django.d1migrate("diff")
    assert "0001_squashed_0002" in django.sql()
    django.d1migrate("up")
    django.manage("migrate", "--check")
    assert "[ ]" not in django.manage("showmigrations")
    names = "SELECT name FROM django_migrations WHERE app = 'shop' ORDER BY 1"
    by_us = query(django, names)
    (django.path / "db.sqlite3").unlink()
    django.manage("migrate")
    assert query(django, names) == by_us


def test_changes_that_no_django_migration_has_are_named(django: DjangoProject) -> None:
    """The app is named, with what to do first; an app without migrations needs none."""
    django.models(TAG)
    assert "shop: its models have changes" in django.d1migrate("diff", "--dry-run").err
    (django.path / "shop" / "migrations" / "__init__.py").unlink()
    (django.path / "shop" / "migrations").rmdir()
    assert "shop: its models" not in django.d1migrate("diff", "--dry-run").err


def test_rows_of_other_handlers_are_inserted_once(django: DjangoProject) -> None:
    """By what is unique in them, else by primary key; what they reference is looked up."""
    django.write(
        {
            "shop/apps.py": "from django.apps import AppConfig\n"
            "from django.db.models.signals import post_migrate\n\n\n"
            "def fill(sender, using, **kwargs):\n"
            "    from shop.models import Tag, Book\n"
            '    tag, _ = Tag.objects.using(using).get_or_create(name="it\'s")\n'
            "    Book.objects.using(using).get_or_create(title='first', tag=tag)\n\n\n"
            "def broken(sender, **kwargs):\n    raise RuntimeError('no data')\n\n\n"
            "class ShopConfig(AppConfig):\n"
            "    name = 'shop'\n\n"
            "    def ready(self):\n"
            "        post_migrate.connect(fill, sender=self)\n"
            "        post_migrate.connect(broken, sender=self)\n"
        }
    )
    django.models(
        TAG + "class Book(models.Model):\n    id = models.UUIDField(primary_key=True, default=uuid.uuid4)\n"
        "    title = models.TextField()\n    tag = models.ForeignKey(Tag, models.CASCADE)\n"
    )
    django.manage("makemigrations", "shop")
    written = django.d1migrate("diff").err
    assert "shop.apps.broken (post_migrate) failed" in written
    assert "no data" in written
    django.d1migrate("up")
    assert query(django, "SELECT t.name FROM shop_book JOIN shop_tag AS t ON t.id = tag_id") == ["it's"]
    assert django.d1migrate("diff", "--check").err.endswith("no difference\n")
    assert django.d1migrate("diff", "--check", "--from", "live").err.endswith("no difference\n")


def test_rows_of_inherited_models_reference_the_row_of_their_parent(django: DjangoProject) -> None:
    """Over several generations: the id of the first one is another in each database."""
    django.write(
        {
            "shop/apps.py": "from django.apps import AppConfig\n"
            "from django.db.models.signals import post_migrate\n\n\n"
            "def fill(sender, using, **kwargs):\n"
            "    from shop.models import Car\n"
            "    Car.objects.using(using).get_or_create(name='red')\n\n\n"
            "class ShopConfig(AppConfig):\n"
            "    name = 'shop'\n\n"
            "    def ready(self):\n"
            "        post_migrate.connect(fill, sender=self)\n"
        }
    )
    thing = "class Thing(models.Model):\n    name = models.TextField(unique=True)\n"
    migrate(django, thing)
    with closing(sqlite3.connect(django.path / "db.sqlite3")) as database, database:
        database.execute("INSERT INTO shop_thing (id, name) VALUES (7, 'old')")
    migrate(
        django,
        f"{thing}class Vehicle(Thing):\n    wheels = models.IntegerField(default=4)\nclass Car(Vehicle):\n    pass\n",
    )
    assert query(django, "SELECT name FROM shop_car JOIN shop_thing ON id = vehicle_ptr_id") == ["red"]
    assert django.d1migrate("diff", "--check", "--from", "live").err.endswith("no difference\n")
