"""The tables that Django builds for models of every kind become migrations, and Django finds no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.models.django.project import DjangoProject

TAG = "class Tag(models.Model):\n    name = models.SlugField(unique=True)\n"


def test_the_tables_of_all_installed_apps_are_built(django: DjangoProject) -> None:
    """Those of Django's own apps, of the project's, and Django's history; then nothing differs."""
    django.models(TAG)
    django.d1migrate("diff")
    for table in ("auth_user", "django_content_type", "django_site", "shop_tag", "django_migrations"):
        assert f"CREATE TABLE {table} (" in django.sql()
    assert django.d1migrate("diff", "--check").err.endswith("no difference\n")
    django.d1migrate("up")
    assert django.d1migrate("diff", "--check", "--from", "live").err.endswith("no difference\n")
