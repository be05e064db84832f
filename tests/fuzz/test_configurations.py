"""Random configuration: ours and wrangler's, of random values and of random bytes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.fuzz import project, values

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.conftest import Run

_OURS = b"""\
migrations = "migrations"
index = "index.py"
table = "d1_migrations"
pattern = "*.sql"
out_of_order = "refuse"
[lint]
D104 = "error"
S = "off"
[schema]
file = "schema.sql"
source = "app.db"
python = "python3"
[env.local]
database = "sqlite:app.db"
restore_point = false
[env.production]
database = "sqlite:production.db"
after = "local"
window = "* 2-4 * * 0"
protected = true
lint = { D = "warning", level = "error" }
[env.tenant]
database = "do:Tenant/acme"
[objects.Tenant]
migrations = "migrations"
index = ["tenant.py", "tenant_index.py"]
table = "t"
schema = "tenant.sql"
"""
_WRANGLER_TOML = b"""\
name = "w"
compatibility_date = "2026-01-01"
[[d1_databases]]
binding = "DB"
database_name = "app"
database_id = "0a1b2c3d-0000-4000-8000-000000000001"
migrations_dir = "migrations"
migrations_pattern = "migrations/*.sql"
[env.dev]
d1_databases = [ { binding = "DB", database_name = "app-dev", migrations_table = "m" } ]
"""
_WRANGLER_JSON = b"""{
  // comments
  "name": "w",
  "d1_databases": [{"binding": "DB", "database_name": "app", "migrations_dir": "migrations",},],
  "durable_objects": {"bindings": [{"name": "TENANT", "class_name": "Tenant", "script_name": "w"}]},
  "migrations": [{"tag": "1", "new_sqlite_classes": ["Old"]},
    {"renamed_classes": [{"from": "Old", "to": "Tenant"}], "deleted_classes": ["Old"], "new_classes": ["K"]}],
  "exports": {"Room": {"type": "durable-object", "storage": "sqlite"}},
  "env": {"dev": {"name": "v", "d1_databases": [{"binding": "DB", "preview_database_id": "x"}]}},
}"""
_FILES = {
    "d1migrate.toml": _OURS,
    "pyproject.toml": b"[tool.d1migrate]\n"
    + _OURS.replace(b"[lint]", b"[tool.d1migrate.lint.check]")
    .replace(b"[schema]", b"[tool.d1migrate.schema]")
    .replace(b"[env.", b"[tool.d1migrate.env.")
    .replace(b"[objects.", b"[tool.d1migrate.objects."),
    "wrangler.toml": _WRANGLER_TOML,
    "wrangler.jsonc": _WRANGLER_JSON,
    "wrangler.json": _WRANGLER_JSON,
    ".wrangler/deploy/config.json": b'{"configPath": "../../wrangler.jsonc"}',
}
_KEYS = (
    *(
        "migrations",
        "index",
        "schema",
        "wrangler",
        "pattern",
        "table",
        "out_of_order",
        "lint",
        "env",
        "database",
        "after",
    ),
    *(
        "window",
        "protected",
        "irreversible",
        "rehearse",
        "restore_point",
        "level",
        "account",
        "D104",
        "d1_databases",
    ),
    *("binding", "database_name", "database_id", "preview_database_id"),
    *("migrations_dir", "migrations_pattern", "migrations_table"),
    *("source", "python", "file"),
    *("objects", "runtime", "name", "durable_objects", "bindings", "class_name", "script_name", "exports"),
)
_COMMANDS = (
    *(
        "status",
        "env",
        "list",
        "lint",
        "plan",
        "up",
        "history",
        "current",
        "adopt --dry-run",
        "status --env dev",
    ),
    *(
        "status --database wrangler:DB",
        "status --database wrangler:DB?env=dev",
        "plan --env production",
        "schema",
    ),
    *(
        "status --env tenant",
        "index --check --migrations migrations",
        "status --database do:Tenant/acme?env=dev",
    ),
    *("up --env tenant", "status --database do:Room", "new x --env tenant"),
    *(
        "diff --check",
        "diff --check --migrations tenant",
        "diff --dry-run --to app.db",
        "schema --check --at latest",
    ),
    *("up --env production", "index --check", "env --json", "status --database sqlite:app.db"),
)


def configurations(generator: random.Random, folder: Path) -> Sequence[Sequence[str]]:
    """One to three files, and a few commands."""
    project.write(folder)
    (folder / "d1migrate.toml").unlink()
    for name in values.some(generator, list(_FILES), 3):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(generator, name))
    return [command.split() for command in values.some(generator, _COMMANDS, 2)]


def _content(generator: random.Random, name: str) -> bytes:
    if generator.random() < 0.4:
        return _other_value(generator, _FILES[name].decode()).encode("utf-8", "surrogatepass")
    if generator.random() < 0.5:
        return values.mutated(generator, _FILES[name], most=2)
    if name.endswith("toml"):
        return _toml(generator).encode("utf-8", "surrogatepass")
    found = {generator.choice(_KEYS): _settings(generator) for _ in range(3)}
    return json.dumps(found, ensure_ascii=generator.random() < 0.5).encode("utf-8", "surrogatepass")


def _other_value(generator: random.Random, text: str) -> str:
    """Give one or two settings another value; the file is well-formed still, as a rule."""
    for _ in range(generator.randint(1, 2)):
        places = [match.span(1) for match in re.finditer(r"[=:] (\"[^\"]*\"|\w+|\[[^\]]*\])", text)]
        if not places:
            break
        start, end = generator.choice(places)
        given = json.dumps(values.value(generator), ensure_ascii=generator.random() < 0.5)
        text = text[:start] + given + text[end:]
    return text


def _settings(generator: random.Random) -> object:
    kind = generator.randrange(4)
    if kind == 0:
        return values.value(generator)
    entry = {
        generator.choice(_KEYS): values.value(generator, depth=1) for _ in range(generator.randint(1, 4))
    }
    return (
        entry if kind == 1 else [entry] if kind == 2 else {values.text(generator): {"d1_databases": [entry]}}
    )


def _toml(generator: random.Random) -> str:
    lines = []
    for _ in range(generator.randint(1, 8)):
        if generator.random() < 0.3:
            lines.append(
                f"[{generator.choice(('env.local', 'env.dev', 'lint', 'tool.d1migrate', json.dumps(values.text(generator))))}]"
            )
        elif generator.random() < 0.2:
            lines.append("[[d1_databases]]")
        given = json.dumps(values.value(generator), ensure_ascii=generator.random() < 0.5)
        lines.append(f"{generator.choice(_KEYS)} = {given.replace('null', '0').replace(': ', ' = ')}")
    return "\n".join(lines)


def test_configurations(run: Run) -> None:
    """No configuration makes a command stumble."""
    run("configurations", configurations)
