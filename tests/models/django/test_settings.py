"""Whatever databases the settings have, only the scratch file is used, and values of the models are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.models.django.project import SETTINGS

if TYPE_CHECKING:
    import pytest

    from tests.models.django.project import DjangoProject

TAG = "class Tag(models.Model):\n    name = models.SlugField(unique=True)\n"
DATABASES = f"""{SETTINGS}
import os
DATABASES = {{
    "default": {{"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "nobody"}},
    "events": {{"ENGINE": "not.installed", "NAME": "events"}},
    "nowhere": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "nowhere.sqlite3"}},
}}
DATABASE_ROUTERS = ["mysite.routers.Router"]
LOGGING = {{
    "version": 1,
    "handlers": {{"file": {{"class": "logging.FileHandler", "filename": "shop.log"}}}},
    "root": {{"handlers": ["file"]}},
}}
assert not [name for name in os.environ if name.startswith("CLOUDFLARE_")]
print("loaded")
"""
ROUTER = """
class Router:
    def allow_migrate(self, db, app_label, model_name=None, **hints):
        if model_name == "tag":
            return db == "events"
        return model_name != "hidden"
"""


def test_every_database_is_the_scratch_file(django: DjangoProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a router allows in any of them is built; no server, file or log is opened, and no token passed on."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "secret")
    django.models(TAG + "class Hidden(models.Model):\n    pass\n")
    django.write({"mysite/settings.py": DATABASES, "mysite/routers.py": ROUTER})
    before = {path.name for path in django.path.rglob("*")}
    given = django.d1migrate("diff", "--dry-run")
    assert "CREATE TABLE shop_tag" in given.out
    assert "CREATE TABLE auth_user" in given.out
    assert "shop_hidden" not in given.out
    assert "loaded" not in given.out
    assert {path.name for path in django.path.rglob("*")} == before


def test_the_models_default_is_offered(django: DjangoProject) -> None:
    """As SQL, for rows that exist; a function is only named."""
    django.models(TAG)
    django.d1migrate("diff")
    django.models(f'{TAG}    kind = models.CharField(max_length=9, default="it\'s")\n')
    refused = django.d1migrate("diff", code=1).err
    assert "--backfill \"shop_tag.kind='it''s'\"" in refused
    django.models(f"{TAG}    note = models.CharField(max_length=9, blank=True)\n")
    assert "--backfill \"shop_tag.note=''\"" in django.d1migrate("diff", code=1).err
    django.models(
        f"{TAG}    token = models.UUIDField(default=uuid.uuid4)\n    at = models.DateField(auto_now=True)\n"
    )
    refused = django.d1migrate("diff", code=1).err
    assert "uuid.uuid4" in refused
    assert "auto_now" in refused


def test_a_default_of_the_database_needs_no_value(django: DjangoProject) -> None:
    """It is in the schema."""
    django.models(TAG)
    django.d1migrate("diff")
    django.models(f"{TAG}    size = models.IntegerField(db_default=3)\n")
    django.d1migrate("diff")
    assert "DEFAULT 3" in django.sql()
