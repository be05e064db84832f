"""The table of keys: what each takes."""

from __future__ import annotations

from typing import Any

import pytest
import tomli

from d1migrate.errors import UsageError
from d1migrate.project.settings import ENVIRONMENT, FLEET, OBJECT_CLASS, PROJECT, Setting, check

TABLES = {
    "": PROJECT,
    "[env.local] ": ENVIRONMENT,
    "[objects.Tenant] ": OBJECT_CLASS,
    "[fleet.tenants] ": FLEET,
}


@pytest.mark.parametrize(
    "setting", PROJECT + ENVIRONMENT + OBJECT_CLASS + FLEET, ids=lambda setting: setting.name
)
def test_an_example_is_a_value_of_its_key(setting: Setting) -> None:
    """It is TOML, of the kind that the key takes."""
    (found,) = tomli.loads(setting.example).items()
    assert found[0] == setting.name
    assert setting.accepts(found[1])


@pytest.mark.parametrize("where", TABLES)
def test_names_are_unique(where: str) -> None:
    """A key is in its section once."""
    names = [setting.name for setting in TABLES[where]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("where", "section", "message"),
    [
        ("", {"patern": "*.sql"}, "d1migrate.toml: unknown key 'patern'"),
        ("", {"pattern": 3}, "d1migrate.toml: pattern is 3, expected a string"),
        ("", {"pattern": ""}, "d1migrate.toml: pattern is empty"),
        ("", {"env": []}, "d1migrate.toml: env is [], expected a table"),
        ("", {"out_of_order": True}, 'out_of_order is True, expected "refuse" or "allow"'),
        ("[env.local] ", {"protected": "yes"}, "[env.local] protected is 'yes', expected true or false"),
        ("[fleet.tenants] ", {"at_once": True}, "[fleet.tenants] at_once is True, expected a whole number"),
        ("[fleet.tenants] ", {"inspect": "3"}, "[fleet.tenants] inspect is '3', expected a whole number"),
        ("[env.local] ", {"lint": "info"}, """lint is 'info', expected a table, "error" or "warning\""""),
    ],
)
def test_a_wrong_value_is_refused(where: str, section: dict[str, Any], message: str) -> None:
    """With what is expected."""
    with pytest.raises(UsageError) as caught:
        check("d1migrate.toml", where, section, TABLES[where])
    assert message in str(caught.value)
    assert caught.value.hint
