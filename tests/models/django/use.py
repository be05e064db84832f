"""What the sample does with its database: `python use.py WHAT`, in the folder of the project.

The ORM writes 1,000 rows into every table, reads them, and writes again; the admin shows and edits them.
"""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from decimal import Decimal
from typing import Any

import django

ROWS = 1_000


def model(name: str) -> Any:
    """Return a model of the shop, or the user."""
    from django.apps import apps
    from django.contrib.auth import get_user_model

    return get_user_model() if name == "User" else apps.get_model("shop", name)


def fill() -> None:
    """Write the rows."""
    numbers = range(1, ROWS + 1)
    user, category, tag, product, order, line, coupon = map(
        model, ["User", "Category", "Tag", "Product", "Order", "Line", "Coupon"]
    )
    create(
        user(
            id=n, username=f"user{n}", email=f"{n}@example.com", is_staff=n == 1, is_superuser=n == 1,
            bio="about me" if n % 2 else "", manager_id=n // 2 or None,
        )
        for n in numbers
    )  # fmt: skip
    create(category(id=n, name=f"Category {n}", parent_id=n // 3 or None) for n in numbers)
    create(tag(id=n, name=f"tag-{n}") for n in numbers)
    create(
        product(
            id=n, category_id=ROWS + 1 - n, sku=f"SKU{n}", title=f"Product {n}", price=Decimal(n) / 4, weight=str(n % 13),
            stock=n % 50, data={"n": n, "on": n % 2 == 0}, is_live=n % 7 != 0, legacy=f"L{n}" if n % 4 else None,
        )
        for n in numbers
    )  # fmt: skip
    create(product.tags.through(product_id=n, tag_id=n) for n in numbers)
    create(
        order(id=n, customer_id=n, seller_id=n if n % 5 else None, number=uuid.UUID(int=n)) for n in numbers
    )
    create(line(id=n, order_id=n, product_id=ROWS + 1 - n, quantity=n % 9 + 1) for n in numbers)
    create(coupon(code=f"C{n}", owner_id=n) for n in numbers)


def create(objects: Any) -> None:
    """Write objects of one model."""
    found = list(objects)
    type(found[0]).objects.bulk_create(found)


def read() -> None:
    """Read all rows, and follow relations."""
    user, product, order, line = map(model, ["User", "Product", "Order", "Line"])
    for one in (user, model("Category"), product, order, line, product.tags.through):
        found = {row.pk: row for row in one.objects.all()}
        assert len(found) == ROWS, (one, len(found))
    title = "name" if hasattr(product, "name") else "title"
    seventh = product.objects.get(pk=7)
    assert getattr(seventh, title) == "Product 7"
    assert seventh.price == Decimal("1.75")
    assert seventh.data == {"n": 7, "on": False}
    assert (seventh.double, seventh.slug, str(seventh.weight)) == (14, "sku7", "7")
    assert (seventh.category.name, seventh.tags.get().name) == ("Category 994", "tag-7")
    seventh_order = order.objects.get(customer=7)
    assert seventh_order.number == uuid.UUID(int=7)
    assert seventh_order.products.get().pk == 994
    assert user.objects.get(pk=7).manager.username == "user3"


def edit() -> None:
    """Write objects without the functions of Django that have a form of their own for SQLite, and delete them."""
    user, category = model("User"), model("Category")
    ada = user.objects.create_user("ada", manager_id=7)
    ada.bio = "countess"
    ada.save()
    parent = category.objects.create(name="New", parent_id=7)
    child = category.objects.create(name="Newer", parent=parent)
    assert category.objects.filter(parent__name="New").get().name == "Newer"
    assert user.objects.get(username="ada").bio == "countess"
    for each in (child, parent, ada):
        each.delete()
    assert not category.objects.filter(name="Newer").exists()


def write() -> None:
    """Write one object of each model, change it, and delete all; the database sees what it must."""
    from django.db import DatabaseError, transaction

    user, category, product, order, line = map(model, ["User", "Category", "Product", "Order", "Line"])
    title = "name" if hasattr(product, "name") else "title"
    assert product.objects.filter(data__n=7).get().pk == 7
    ada = user.objects.create_user("ada")
    made: dict[str, Any] = {
        "category": category.objects.create(name="New"),
        "sku": "NEW",
        title: "New",
        "price": 3,
        "weight": 4,
    }
    if hasattr(product, "maker"):
        made["maker"] = model("Supplier").objects.create(name="Turin")
    new = product.objects.create(**made)
    if hasattr(product, "maker"):
        new.suppliers.add(made["maker"])
        assert made["maker"].made.get() == new
    new.tags.set([1, 2])
    bought = order.objects.create(customer=ada, number=uuid.uuid4())
    line.objects.create(order=bought, product=new)
    new.refresh_from_db()
    assert (new.stock, new.slug) == (0, "new")
    setattr(new, title, "Newer")
    new.save()
    for wrong in ({"sku": "NEW"}, {"sku": "X", "price": -1}, {"sku": "X", title: "Newer"}):
        with contextlib.suppress(DatabaseError), transaction.atomic():
            product.objects.create(**made | wrong)
            raise AssertionError(wrong)
    ada.delete()
    assert not order.objects.filter(pk=bought.pk).exists()
    new.delete()
    made["category"].delete()
    if hasattr(product, "maker"):
        made["maker"].delete()


def admin() -> None:
    """Read and write through the admin: a list, a search by relation, a form, a new object, its deletion."""
    from django.contrib.auth.signals import user_logged_in
    from django.test import Client

    product, category = model("Product"), model("Category")
    client = Client()
    user_logged_in.disconnect(dispatch_uid="update_last_login")  # the test compares rows
    client.force_login(model("User").objects.get(pk=1))
    for one in (model("User"), category, product, model("Order"), model("Line")):
        place = f"/admin/{one._meta.app_label}/{one._meta.model_name}/"
        for page in (place, f"{place}7/change/", f"{place}add/"):
            assert client.get(page).status_code == 200, page
    place = "/admin/shop/category/"
    answer = client.post(f"{place}add/", {"name": "By the admin", "parent": "7"})
    assert answer.status_code == 302, answer.content
    made = category.objects.get(name="By the admin")
    assert made.parent_id == 7
    answer = client.post(f"{place}{made.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302, answer.content
    assert not category.objects.filter(name="By the admin").exists()


def permissions() -> None:
    """Print the models of the two apps that have a content type with all permissions."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    for one in ContentType.objects.filter(app_label__in=["people", "shop"]).order_by("model"):
        actions = {row.codename.partition("_")[0] for row in Permission.objects.filter(content_type=one)}
        assert actions == {"add", "change", "delete", "view"}, (one, actions)
        print(one.model)


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    django.setup()
    for what in sys.argv[1:]:
        globals()[what]()
