"""Models that cannot be loaded, or that D1 refuses: what is said, and that nothing is written or left."""

from __future__ import annotations

import sqlite3
import tempfile
from typing import TYPE_CHECKING, NamedTuple

import pytest

from d1migrate.drafting.sources import process

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project
    from tests.models.sqlalchemy.conftest import Write

pytestmark = pytest.mark.slow

HEAD = """\
from sqlalchemy import *
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
AT = HEAD.count("\n") + 1
"""The line after HEAD."""

OPENS = f"app.db is opened while the models are loaded, by app/models.py:{AT + 1}"
NO_CONNECTION = "put what connects, such as `create_all`, into a function"
CREATES = "Base.metadata.create_all(create_engine('sqlite:///app.db'))"
INTERPRETER = "--python, or `python` in [schema], names the interpreter of the models"


LISTENER = """\
@event.listens_for(__import__("sqlalchemy.engine").engine.Engine, "connect")
def set_up(connection, record):
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_mode=WAL")
"""


class Case(NamedTuple):
    """Models, after HEAD, and what the error has in this order."""

    models: str
    message: tuple[str, ...]
    hint: str | None = None
    code: int = 2


LOADING = "while loading python:app.models:Base.metadata:\n    Traceback (most recent call last):\n"

CASES = {
    "a missing package": Case(
        "import no_such_package",
        (LOADING, f'File "app/models.py", line {AT}, in <module>', "ModuleNotFoundError: No module named 'no_such_package'"),
        INTERPRETER,
    ),
    "an error in a function": Case(
        "def name():\n    return 1 / 0\nclass Two(Base):\n    __tablename__ = name()",
        (LOADING, f"line {AT + 3}, in Two", f'File "app/models.py", line {AT + 1}, in name', "ZeroDivisionError"),
    ),
    "an error in a library": Case(
        "class Two(Base):\n    __tablename__ = 'two'\n    id: Mapped[object]",
        (LOADING, f'File "app/models.py", line {AT}, in <module>\n', "Could not locate SQLAlchemy Core type"),
    ),
    "an error with a cause": Case(
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise RuntimeError('no') from error",
        (LOADING, "ZeroDivisionError", "The above exception was the direct cause", f"line {AT + 3}, in <module>", "RuntimeError: no"),
    ),
    "a token of Cloudflare": Case(
        "import os\nos.environ['CLOUDFLARE_API_TOKEN']", (LOADING, "KeyError: 'CLOUDFLARE_API_TOKEN'"), "models are loaded without Cloudflare's variables"
    ),
    "a syntax error": Case("class:", ("while loading python:app.models:Base.metadata:\n", f'app/models.py", line {AT}\n', "SyntaxError")),
    "sys.exit": Case("import sys\nsys.exit('no')", (LOADING, f"line {AT + 1}, in <module>", "SystemExit: no")),
    "a BaseException": Case("raise GeneratorExit('no')", (LOADING, "GeneratorExit: no")),
    "an interrupt": Case("raise KeyboardInterrupt", (LOADING, "KeyboardInterrupt")),
    "os._exit": Case(
        "import os\nprint('bye', flush=True)\nos._exit(3)",
        ("the interpreter ended while it loaded the models (exit code 3)\n    bye",),
        "must not end the process",
    ),
    "a crash": Case(
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ("while it loaded the models (SIGKILL)",), "must not end the process"
    ),
    "stdin": Case("print('shown?')\ninput('name: ')", (LOADING, f"line {AT + 1}, in <module>", "EOFError")),
    "create_all": Case(f"\n{CREATES}", (OPENS,), NO_CONNECTION),
    "create_all, caught": Case(f"try:\n    {CREATES}\nexcept BaseException:\n    pass", (OPENS,), NO_CONNECTION),
    "sqlite3": Case("import sqlite3\nsqlite3.connect('app.db')", (OPENS,), NO_CONNECTION),
    "sqlite3 with a URI": Case(
        "import sqlite3\nsqlite3.connect('file:app.db?mode=rwc', uri=True)", (OPENS.replace("app.db", "file:app.db?mode=rwc", 1),), NO_CONNECTION
    ),
    "sqlite3 with bytes": Case("import sqlite3\nsqlite3.connect(b'app.db')", (OPENS,), NO_CONNECTION),
    "sqlite3 with a Path": Case("import pathlib, sqlite3\nsqlite3.connect(pathlib.Path('app.db'))", (OPENS,), NO_CONNECTION),
    "ATTACH": Case(
        "import sqlite3\nsqlite3.connect(':memory:').execute('ATTACH \"app.db\" AS other')", (OPENS.replace("opened", "attached"),), NO_CONNECTION
    ),
    "ATTACH of a parameter": Case(
        "import sqlite3\nsqlite3.connect(':memory:').execute('ATTACH ? AS other', ('app.db',))", ("a file is attached while the models",), NO_CONNECTION
    ),
    "VACUUM INTO": Case(
        "import sqlite3\nsqlite3.connect(':memory:').execute('VACUUM INTO \"app.db\"')", ("is attached while the models are loaded, by app/models.py",), NO_CONNECTION
    ),
    "ATTACH by a listener": Case(
        LISTENER + "    connection.execute('ATTACH \"app.db\" AS auth')",
        (f"app.db is attached while the models are loaded, by app/models.py:{AT + 4}",), NO_CONNECTION
    ),
    "a schema": Case(
        "class Two(Base):\n    __tablename__ = 'two'\n    __table_args__ = {'schema': 'auth'}\n    id: Mapped[int] = mapped_column(primary_key=True)",
        ("table two (app.models.Two) is in the schema 'auth', and D1 has no schemas",), "leave out schema='auth'",
    ),
    "a type of PostgreSQL": Case(
        "from sqlalchemy.dialects.postgresql import HSTORE\nclass Two(Base):\n    __tablename__ = 'two'\n"
        "    id: Mapped[int] = mapped_column(primary_key=True)\n    tags = mapped_column(HSTORE)",
        ("column tags of table two (app.models.Two): SQLite's dialect does not know the type HSTORE",), 'HSTORE(...).with_variant(JSON(), "sqlite")',
    ),
    "an array": Case(
        "Table('plain', Base.metadata, Column('a', ARRAY(Integer)))", ("column a of table plain: SQLite's dialect does not know the type ARRAY",),
    ),
    "no type": Case("Table('plain', Base.metadata, Column('a'))", ("(in table 'plain', column 'a')", "NullType")),
    "a missing table": Case("Table('plain', Base.metadata, Column('a', ForeignKey('nothing.id')))", ("'plain.a'", "could not find table 'nothing'")),
    "names that differ by case": Case(
        "Table('Users', Base.metadata, Column('id', Integer))",
        ("table users (app.models.User), table Users: SQLite compares names without regard to case",),
    ),
    "SQL that SQLite refuses": Case(
        "class Two(Base):\n    __tablename__ = 'two'\n    id: Mapped[int] = mapped_column(primary_key=True)\n    __table_args__ = (CheckConstraint('id >'),)",
        ('table two (app.models.Two): near ")": syntax error', "CREATE TABLE two ("),
    ),
    "a function that D1 does not have": Case(
        "class Two(Base):\n    __tablename__ = 'two'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    code: Mapped[str] = mapped_column(CheckConstraint(\"code REGEXP '^a'\"))",
        ("table two (app.models.Two): D1 refuses it: no such function: REGEXP", "code VARCHAR NOT NULL CHECK"), "D1 has only SQLite's built-in functions", 1,
    ),
    "a function in a server default": Case(
        "Table('plain', Base.metadata, Column('a', Uuid, server_default=text('(gen_random_uuid())')))",
        ("table plain: D1 refuses it: not authorized to use function: gen_random_uuid",), "D1 has only SQLite's built-in functions", 1,
    ),
    "too many columns": Case(
        "class Two(Base):\n    __table__ = Table('two', Base.metadata, *[Column(f'c{i}', Integer, primary_key=not i) for i in range(101)])",
        ("table two (app.models.Two): D1 refuses it: too many columns on two",), "D1 allows 100 columns in a table: split the model", 1,
    ),
    "a name that D1 reserves": Case(
        "Table('_cf_x', Base.metadata, Column('id', Integer))", ("table _cf_x: D1 refuses it: the name _cf_x is reserved",), "rename it", 1,
    ),
}  # fmt: skip


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of its own, for this process and its children."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("case", CASES)
def test_models_that_cannot_be_used(
    case: str, project: Project, models: Write, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is all that is printed, and nothing is written."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "value")
    text, message, hint, code = CASES[case]
    models(f"{HEAD}{text}\n")
    before = sorted(project.folder.rglob("*"))
    refused = project.run("diff", "--to", "python:app.models:Base.metadata", code=code)
    assert refused.out == ""
    error, _, shown = refused.err.partition("\nhint: ")
    assert error.startswith("error: ")
    place = 0
    for part in message:
        place = error.find(part, place)
        assert place >= 0, f"no {part!r} in {error}"
    assert "site-packages" not in error
    assert "d1migrate_answer" not in error
    assert "importlib" not in error
    assert hint is None or hint in shown.replace("\n      ", " ")
    assert sorted(project.folder.rglob("*")) == before
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "print('to stdout')\nimport sys\nprint('to stderr', file=sys.stderr)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
        "import sys\nsys.stdout.close()\nsys.stdin = None",
        "import os\nos.chdir('/')",
        "import atexit, time\natexit.register(time.sleep, 600)",
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])",
        "import multiprocessing, time\nmultiprocessing.get_context('fork').Process(target=time.sleep, args=(600,)).start()",
        "import sqlite3\nfor name in (':memory:', '', b':memory:'):\n    sqlite3.connect(name).executescript('ATTACH \":memory:\" AS x; VACUUM')\nsqlite3.connect('file:x?mode=memory', uri=True)",
        "Base.metadata.create_all(create_engine('sqlite://'))",
        "create_engine('sqlite:///app.db')",
        "import os\nassert not [name for name in os.environ if name.startswith('CLOUDFLARE_')]",
        LISTENER,
    ],
)
def test_what_does_no_harm(
    text: str, project: Project, models: Write, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output, threads, exit handlers, children, databases in memory, engines without a connection, listeners."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "value")
    models(f"{HEAD}{text}\n")
    before = sorted(project.folder.rglob("*"))
    found = project.run("diff", "--to", "python:app.models:Base.metadata", "--dry-run")
    assert "CREATE TABLE users" in found.out
    assert "to std" not in found.out + found.err
    assert sorted(project.folder.rglob("*")) == before
    assert not list(temporary.iterdir())


def test_models_that_hang(
    project: Project, models: Write, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stopped."""
    monkeypatch.setattr(process, "SECONDS", 1)
    models(f"{HEAD}import time\ntime.sleep(600)\n")
    refused = project.run("diff", "--to", "python:app.models:Base", code=2)
    assert refused.err.startswith(
        "error: python:app.models:Base: no schema after 1 s; it was stopped\nhint: neither models"
    )
    assert not list(temporary.iterdir())


def test_a_database_that_exists_is_not_opened(project: Project, models: Write) -> None:
    """Not even by a function that builds the metadata."""
    sqlite3.connect(project.database).close()
    before = project.database.read_bytes()
    models(f"{HEAD}def make():\n    {CREATES}\n    return Base\n")
    refused = project.run("diff", "--to", "python:app.models:make", code=2)
    assert f"app.db is opened while the models are loaded, by app/models.py:{AT + 1}" in refused.err
    assert project.database.read_bytes() == before


def test_two_metadatas_with_one_table(project: Project, models: Write) -> None:
    """SQLAlchemy would leave out the second without a word."""
    models(f"{HEAD}other = MetaData()\nTable('users', other, Column('id', Integer))\nboth = [Base, other]\n")
    refused = project.run("diff", "--to", "python:app.models:both", code=2)
    assert "python:app.models:both: two of the metadatas declare the table users\n" in refused.err
