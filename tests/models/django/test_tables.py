"""The tables that Django builds for models of every kind become migrations, and Django finds no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.models.django.project import DjangoProject

TAG = "class Tag(models.Model):\n    name = models.SlugField(unique=True)\n"

FIELDS = """
class Kind(models.TextChoices):
    OLD = "old"
    NEW = "new"


class Thing(models.Model):
    small = models.PositiveSmallIntegerField(default=3)
    big = models.BigIntegerField(null=True)
    real = models.FloatField(default=1.5)
    price = models.DecimalField(max_digits=9, decimal_places=2, default="1.50")
    is_on = models.BooleanField(default=True)
    maybe = models.BooleanField(null=True)
    char = models.CharField(max_length=20, db_collation="NOCASE", db_comment="a comment")
    kind = models.CharField(max_length=3, choices=Kind, default=Kind.NEW)
    text = models.TextField(blank=True)
    slug = models.SlugField()
    mail = models.EmailField(unique=True)
    day = models.DateField(auto_now_add=True)
    moment = models.DateTimeField(default=timezone.now)
    hour = models.TimeField(null=True)
    length = models.DurationField(null=True)
    data = models.JSONField(default=dict)
    token = models.UUIDField(default=uuid.uuid4, editable=False)
    raw = models.BinaryField(default=b"raw")
    file = models.FileField(upload_to="files")
    address = models.GenericIPAddressField(null=True)
    link = models.URLField()
    stored = models.GeneratedField(
        expression=models.F("small") * 2, output_field=models.IntegerField(), db_persist=True
    )
    virtual = models.GeneratedField(
        expression=Lower("char"), output_field=models.TextField(), db_persist=False
    )
    since = models.DateTimeField(db_default=Now())
    count = models.IntegerField(db_default=7)
"""
RELATIONS = """
class Node(models.Model):
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    friends = models.ManyToManyField("self")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)


class Leaf(Node):
    size = models.IntegerField(default=0)


class Shadow(Node):
    class Meta:
        proxy = True


class Link(models.Model):
    first = models.ForeignKey(Node, models.CASCADE, related_name="+")
    second = models.OneToOneField(Leaf, models.CASCADE)

    class Meta:
        db_table = "odd table's name"
        unique_together = [("first", "second")]


class Group(models.Model):
    nodes = models.ManyToManyField(Node, through="Member")


class Member(models.Model):
    pk = models.CompositePrimaryKey("group_id", "node_id")
    group = models.ForeignKey(Group, models.CASCADE)
    node = models.ForeignKey(Node, models.CASCADE, db_column="Node Id")


class Foreign(models.Model):
    class Meta:
        managed = False
        db_table = "elsewhere"


class Base(models.Model):
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class Derived(Base):
    code = models.CharField(max_length=5, primary_key=True)
"""
CONSTRAINTS = """
class Item(models.Model):
    name = models.CharField(max_length=20)
    size = models.IntegerField()
    is_live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__gte=0) & ~Q(name=""), name="sane"),
            models.CheckConstraint(condition=Q(name__startswith="it's %"), name="prefix"),
            models.UniqueConstraint(fields=["name"], condition=Q(is_live=True), name="one_live"),
            models.UniqueConstraint(Lower("name"), F("size").desc(), name="lower_name"),
            models.UniqueConstraint(fields=["name", "size"], deferrable=None, name="plain"),
        ]
        indexes = [
            models.Index(fields=["-size", "name"], name="by_size"),
            models.Index(Lower("name"), name="by_lower"),
            models.Index(fields=["size"], condition=Q(is_live=True), name="live_size"),
        ]
        default_permissions = ["add"]
        permissions = [("ship", "Can ship it's")]
"""
IMPORTS = """from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
"""
USE = {
    FIELDS: "t = Thing.objects.create(char='A', mail='a@b.c', raw=b'1', data={'a': [1]}, link='x');"
    " t.refresh_from_db(); assert (t.stored, t.virtual, t.count, t.kind) == (6, 'a', 7, 'new'), vars(t);"
    " assert t.data == {'a': [1]} and t.since and t.moment",
    RELATIONS: "n = Leaf.objects.create(size=1); n.friends.add(Node.objects.create(parent=n));"
    " Link.objects.create(first=n, second=n); g = Group.objects.create(); Member.objects.create(group=g, node=n);"
    " assert g.nodes.get().pk == n.pk and Shadow.objects.count() == 2; n.delete();"
    " assert not Link.objects.exists() and not Member.objects.exists(); Derived.objects.create(code='a')",
    CONSTRAINTS: "from django.db import IntegrityError; from django.db.transaction import atomic\n"
    'Item.objects.create(name="it\'s %", size=1)\n'
    "for values in ({'name': \"IT'S %\", 'size': 1}, {'name': \"it's %\", 'size': 2}, {'name': 'x', 'size': 1}):\n"
    "    try:\n        with atomic(): Item.objects.create(**values)\n"
    "    except IntegrityError: pass\n    else: raise AssertionError(values)",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "models", [FIELDS, RELATIONS, CONSTRAINTS], ids=["fields", "relations", "constraints"]
)
def test_models_of_every_kind(django: DjangoProject, models: str) -> None:
    """Nothing differs afterwards, and Django's ORM works on the tables."""
    django.models(IMPORTS + models)
    django.manage("makemigrations", "shop")
    django.d1migrate("diff")
    assert django.d1migrate("diff", "--check").err.endswith("no difference\n")
    django.d1migrate("lint")
    django.d1migrate("up")
    assert django.d1migrate("diff", "--check", "--from", "live").err.endswith("no difference\n")
    assert django.d1migrate("verify", "--check").out == "files, history and schema agree\n"
    django.manage("check")
    django.manage("migrate", "--check")
    django.manage("shell", "-c", f"from shop.models import *\n{USE[models]}")


@pytest.mark.slow
def test_what_django_migrates_is_no_difference(django: DjangoProject) -> None:
    """A database that Django's own migrations built has the tables of the models, and its rows."""
    django.models(IMPORTS + FIELDS + RELATIONS + CONSTRAINTS)
    django.manage("makemigrations", "shop")
    django.manage("migrate")
    assert django.d1migrate("diff", "--check", "--from", "live").err.endswith("no difference\n")
    django.d1migrate("diff")
    assert "recorded 1 migration" in django.d1migrate("adopt", "--yes").out
    assert django.d1migrate("verify", "--check").out == "files, history and schema agree\n"


def test_the_tables_of_all_installed_apps_are_built(django: DjangoProject) -> None:
    """Those of Django's own apps, of the project's, and Django's history; then nothing differs."""
    django.models(TAG)
    django.d1migrate("diff")
    for table in ("auth_user", "django_content_type", "django_site", "shop_tag", "django_migrations"):
        assert f"CREATE TABLE {table} (" in django.sql()
    assert django.d1migrate("diff", "--check").err.endswith("no difference\n")
    django.d1migrate("up")
    assert django.d1migrate("diff", "--check", "--from", "live").err.endswith("no difference\n")
