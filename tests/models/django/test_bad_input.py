"""What cannot become tables of D1, or cannot be loaded, is refused by name, and nothing is written."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.models.django.project import SETTINGS

if TYPE_CHECKING:
    from tests.models.django.project import DjangoProject

IMPORTS = (
    "from django.db.models import F, Q\nfrom django.db.models.functions import MD5, Reverse, TruncDate\n"
)
THING = """class Thing(models.Model):
    name = models.TextField()
    at = models.DateTimeField()
"""
META = THING + "    class Meta:\n        "
REFUSED = {
    f"{META}constraints = [models.CheckConstraint(condition=Q(name__regex='a.*'), name='r')]": "REGEXP",
    f"{META}constraints = [models.CheckConstraint(condition=Q(at__month=3), name='r')]": "django_datetime_extract",
    f"{META}indexes = [models.Index(TruncDate('at'), name='r')]": "django_datetime_cast_date",
    f"{META}indexes = [models.Index(MD5('name'), name='r')]": "MD5",
    f"{THING}    back = models.GeneratedField(expression=Reverse('name'), output_field=models.TextField(),"
    " db_persist=True)": "REVERSE",
    f"{THING}    gap = models.GeneratedField(expression=F('at') - F('at'), output_field=models.DurationField(),"
    " db_persist=False)": "django_timestamp_diff",
}
WRONG_SETTINGS = {
    "no variable": (
        (
            "from django.core.exceptions import ImproperlyConfigured\n"
            "raise ImproperlyConfigured('Set the DEBUG environment variable')\n"
        ),
        (
            "Django refuses the settings: Set the DEBUG environment variable\n"
            "hint: d1migrate passes the environment on"
        ),
    ),
    "no token": (
        "import os\nos.environ['CLOUDFLARE_API_TOKEN']\n",
        (
            "the settings need the environment variable 'CLOUDFLARE_API_TOKEN'\n"
            "hint: CLOUDFLARE_* is not passed to the models"
        ),
    ),
    "other variable": ("import os\nos.environ['NOT_THERE']\n", "KeyError: 'NOT_THERE'"),
    "exit": ("print('not ready')\nraise SystemExit(3)\n", "SystemExit: 3"),
    "no app": (
        "INSTALLED_APPS += ['blog.apps.BlogConfig']\n",
        "INSTALLED_APPS has blog.apps.BlogConfig: No module",
    ),
    "no content types": (
        "INSTALLED_APPS.remove('django.contrib.contenttypes')\n",
        "add the app of the model",
    ),
    "nothing installed": ("INSTALLED_APPS = []\n", "its apps have no models with a table"),
}
WRONG_MODELS = {
    "import": ("import not_there\n", "No module named 'not_there'"),
    "relation": (
        "class T(models.Model):\n    a = models.ForeignKey('nope.X', models.CASCADE)\n",
        "shop.T.a: Field",
    ),
    "collation": (
        "class T(models.Model):\n    a = models.CharField(max_length=9, db_collation='xx')\n",
        "table shop_t (shop.T): no such collation sequence: xx",
    ),
    "database": (
        "import sqlite3\nsqlite3.connect('other.db')\n",
        "other.db is opened while the models are loaded, by shop/models.py:6",
    ),
}


def refused(django: DjangoProject, *options: str, code: int = 2) -> str:
    """Return the error of `diff`; nothing was written."""
    before = sorted(path for path in django.path.rglob("*"))
    error = django.d1migrate("diff", *options, code=code).err
    assert sorted(path for path in django.path.rglob("*")) == before
    return error


@pytest.mark.parametrize("models", REFUSED, ids=REFUSED.values())
def test_functions_that_d1_does_not_have(django: DjangoProject, models: str) -> None:
    """Django adds them to its own connections, so SQLite itself accepts the table there."""
    django.models(IMPORTS + models)
    error = refused(django, code=1)
    assert f"table shop_thing (shop.Thing): D1 refuses it: no such function: {REFUSED[models]}\n" in error
    assert "hint: change the model" in error


@pytest.mark.parametrize(("settings", "expected"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_wrong_settings(django: DjangoProject, settings: str, expected: str) -> None:
    """In Django's words, with what to do."""
    django.models(THING)
    django.write({"mysite/settings.py": SETTINGS + settings})
    assert expected in refused(django)


@pytest.mark.parametrize(("models", "expected"), WRONG_MODELS.values(), ids=WRONG_MODELS)
def test_wrong_models(django: DjangoProject, models: str, expected: str) -> None:
    """The model or the line of the project is named."""
    django.models(models)
    assert expected in refused(django)


def test_models_that_are_used_too_early(django: DjangoProject) -> None:
    """The line of the project is shown."""
    django.models(THING)
    django.write({"shop/__init__.py": "import shop.models\n"})
    error = refused(django)
    assert "an app uses models before all of them are loaded" in error
    assert 'File "shop/models.py"' in error


def test_an_app_that_reads_the_database_while_django_starts(django: DjangoProject) -> None:
    """The line of the app and the way on are shown; nothing is written."""
    django.models(THING)
    ready = "    def ready(self):\n        from shop.models import Thing\n        list(Thing.objects.all())\n"
    app = f"from django.apps import AppConfig\nclass Shop(AppConfig):\n    name = 'shop'\n{ready}"
    django.write({"shop/apps.py": app})
    error = refused(django)
    assert "an app reads the database while Django starts: no such table: shop_thing" in error
    assert 'File "shop/apps.py", line 6, in ready' in error
    assert "hint: models are loaded with an empty database" in error


def test_a_folder_that_only_manage_py_adds(django: DjangoProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """PYTHONPATH does the same."""
    django.models(THING)
    (django.path / "apps").mkdir()
    (django.path / "shop").rename(django.path / "apps/shop")
    error = refused(django)
    assert "if manage.py adds a folder to sys.path, set PYTHONPATH=FOLDER" in error
    monkeypatch.setenv("PYTHONPATH", "apps")
    django.d1migrate("diff")


def test_settings_that_are_not_found(django: DjangoProject) -> None:
    """The nearest module is named, or how to write it."""
    django.models(THING)
    assert "hint: did you mean mysite.settings?" in refused(django, "--to", "django:mysite.setings")
    assert "dots: mysite.settings" in refused(django, "--to", "django:mysite/settings.py")


def test_settings_without_a_secret_key(django: DjangoProject) -> None:
    """Nothing that builds tables needs it."""
    django.models(THING)
    django.write({"mysite/settings.py": SETTINGS.replace("SECRET_KEY", "NOT_SECRET")})
    django.d1migrate("diff")


def test_an_interpreter_without_django(django: DjangoProject) -> None:
    """It is named, with the way to choose another."""
    django.models(THING)
    (django.path / "bare").mkdir()
    python = django.path / "python"
    python.write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} -S "$@"\n')
    python.chmod(0o755)
    error = refused(django, "--python", str(python))
    assert "has no Django\n" in error
    assert "hint: --python, or `python` in [schema], names the interpreter" in error


def test_what_django_leaves_out_in_sqlite_is_named(django: DjangoProject) -> None:
    """Django only warns of it."""
    unique = "constraints = [models.UniqueConstraint(fields=['name'], include=['at'], name='r')]"
    django.models(META + unique)
    written = django.d1migrate("diff", "--dry-run").err
    assert (
        "shop.Thing is left out in part: SQLite does not support unique constraints with non-key" in written
    )


OWNED = f"from django.conf import settings\n{THING}    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)\n"


def test_apps_are_chosen_by_label(django: DjangoProject) -> None:
    """An unknown one is refused with the nearest, and so is a table that references one of an app left out."""
    django.models(OWNED)
    assert "hint: did you mean shop?" in refused(django, "--app", "shp")
    assert "hint: installed are: auth, contenttypes, shop, sites" in refused(django, "--app", "zzzz")
    assert "--app chooses apps of a Django project" in refused(django, "--app", "shop", "--to", "want.sql")
    error = refused(django, "--app", "shop")
    assert "shop_thing references auth_user (auth.User), which was left out" in error
    assert "hint: add --app auth\n" in error


def test_an_app_after_the_others(django: DjangoProject) -> None:
    """Its tables reference theirs, and stay when it is left out; its rows are found in their tables."""
    django.models(OWNED)
    django.manage("makemigrations", "shop")
    django.d1migrate("diff", "--app", "auth", "--app", "contenttypes")
    assert "shop" not in django.sql()
    django.d1migrate("diff", "--app", "shop")
    sql = django.sql()
    assert sql.count("CREATE TABLE") == 1
    assert 'REFERENCES "auth_user" ("id")' in sql
    assert "'add_thing'" in sql
    assert "'0001_initial'" in sql
    for apps in (["shop"], ["auth"], ["auth", "contenttypes", "shop"]):
        options = [word for app in apps for word in ("--app", app)]
        assert django.d1migrate("diff", "--check", *options).err.endswith("no difference\n")
    django.d1migrate("lint")
    django.d1migrate("up")
