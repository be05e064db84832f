"""What is read from drizzle-kit's and Prisma's configurations: literals, and nothing that only looks like one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import UsageError
from d1migrate.project.generators import find

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "dialect", "folder", "database"),
    [
        ("", None, "drizzle", None),
        ("export default { out: './a/b/' }", None, "a/b", None),
        ('{"out": "a", "dialect": "sqlite", "dbCredentials": {"url": "./x.db"}}', "sqlite", "a", "x.db"),
        ("// out: 'no'\n/* out: 'no' */ ({ out: `a` })", None, "a", None),
        ('const text = "out: \'no\'"; export default { out: "a" }', None, "a", None),
        ("({ out: process.env.OUT })", None, None, None),
        ("({ out: 'a' + suffix })", None, None, None),
        ("({ out: `a/${name}` })", None, None, None),
        ("({ out })", None, "drizzle", None),
        ("({ layout: 'no', out: 'a' })", None, "a", None),
        ("({ dialect: 'turso', dbCredentials: { url: 'libsql://x' } })", "turso", "drizzle", None),
        ("({ dbCredentials: { url: ':memory:' } })", None, "drizzle", None),
        ("({ dbCredentials: { url: 'file:x.db?mode=ro' } })", None, "drizzle", "x.db"),
        ("({ out: 'a\\nb' })", None, "a\\nb", None),
        ("({ out: 'a", None, None, None),
    ],
)
def test_drizzle(
    tmp_path: Path, text: str, dialect: str | None, folder: str | None, database: str | None
) -> None:
    """A value is known only if it is one literal; a missing `out` is the default."""
    (tmp_path / "drizzle.config.ts").write_text(text)
    found = find(".")
    assert found
    assert (found.dialect, found.folder, found.database) == (dialect, folder, database)


@pytest.mark.parametrize(
    ("files", "folder", "database"),
    [
        ({"prisma/schema.prisma": 'url = "file:./dev.db"'}, "prisma/migrations", "prisma/dev.db"),
        ({"schema.prisma": 'url = env("URL")'}, "migrations", None),
        ({"schema.prisma": '// url = "file:no.db"'}, "migrations", None),
        (
            {
                "db/main.prisma": "",
                "prisma.config.ts": 'defineConfig({ schema: "db/main.prisma", typedSql: { path: "no" },'
                ' migrations: { path: "db/m" }, datasource: { url: "file:./dev.db" } })',
            },
            "db/m",
            "dev.db",
        ),
        ({"db/schema.prisma": "", "prisma.config.ts": '({ schema: "db" })'}, "db/migrations", None),
    ],
)
def test_prisma(tmp_path: Path, files: dict[str, str], folder: str, database: str | None) -> None:
    """The schema file counts, or prisma.config.ts; a generator's `provider` is not the database's."""
    for path, text in files.items():
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        block = f'generator g {{ provider = "no" }}\ndatasource db {{\n  provider = "sqlite"\n  {text}\n}}\n'
        file.write_text(block if path.endswith(".prisma") else text)
    found = find(".")
    assert found
    assert (found.tool, found.dialect, found.folder, found.database) == ("Prisma", "sqlite", folder, database)
    assert found.is_for_sqlite


def test_neither(tmp_path: Path) -> None:
    """Another folder, or another provider."""
    assert find(".") is None
    (tmp_path / "schema.prisma").write_text('datasource db { provider = "postgresql" }')
    found = find(".")
    assert found
    assert not found.is_for_sqlite


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is an error with its name."""
    (tmp_path / "drizzle.config.ts").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"cannot read drizzle\.config\.ts"):
        find(".")
