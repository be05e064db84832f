"""`schema`: the live schema, what the files build, or how two states differ; as text, SQL or a diagram."""

from __future__ import annotations

import os
import shlex

from d1migrate.cli.options import FOUND
from d1migrate.errors import UsageError
from d1migrate.hints import exclusive, no_such_table
from d1migrate.migrate.other_tools import without_histories
from d1migrate.migrate.selector import is_none, up_to
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import files
from d1migrate.report import differences, values
from d1migrate.report import schema as report
from d1migrate.schema.model import Schema
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.migration import Migration


class Options(NamedTuple):
    """The options of `schema`; `check` and `output` are True without a FILE."""

    table: str | None = None
    at: str | None = None
    between: tuple[str, str] | None = None
    format: Literal["text", "json", "sql", "mermaid", "svg"] = "text"
    output: str | Literal[True] | None = None
    check: str | Literal[True] | None = None

    @property
    def form(self) -> Literal["sql", "mermaid", "svg"] | None:
        """The form of the document that is wanted, None for a schema to read."""
        if self.format in ("sql", "mermaid", "svg"):
            return self.format
        return "sql" if self.check is not None or self.output is not None else None


class _Document(NamedTuple):
    """A schema as one text: `sql`, `mermaid` or `svg`; and whether it is that of an empty database."""

    form: str
    text: str
    is_empty: bool


def run(options: Options, project: Project, output: Output) -> int:
    """Show a schema, write it to a file, or compare a file with it."""
    _refuse_mistakes(options)
    if options.between:
        _show_between(options.between, options.table, project, output)
        return 0
    schema = _wanted(options, project)
    form = options.form
    if form is None:
        empty = "the database is empty" if options.at is None else "the migrations build no tables or views"
        _show(schema, output, one=options.table is not None, empty=empty)
        return 0
    if options.table is None:
        schema = without_histories(schema, *project.history_tables)
    document = _Document(form, _FORMS[form](schema), is_empty=schema == Schema())
    if options.check is not None:
        return _check(options, document, project, output)
    if options.output is not None:
        _write(options, document, project, output)
    else:
        output.print_data(document.text.removesuffix("\n"))
    return 0


def _refuse_mistakes(given: Options) -> None:
    whole = {
        f"--format {given.format}": given.format in ("sql", "mermaid", "svg"),
        "--output": given.output,
        "--check": given.check,
        "--at": given.at,
    }
    for flag, value in whole.items():
        if given.between and value is not None and value is not False:
            raise exclusive("--between", flag)
        if value == "":
            raise UsageError(f"{flag} is empty")
    if given.check and given.output:
        raise exclusive("--check", "--output")


def _wanted(options: Options, project: Project) -> Schema:
    """Return the schema that is asked for, or the one table of it.

    Raises:
        UsageError: there is no such migration or table.
    """
    at = options.at
    schema = project.migrator().schema() if at is None else project.built_schema(_up_to(project.load(), at))
    return schema if options.table is None else _only(schema, options.table)


def _up_to(migrations: Sequence[Migration], last: str) -> Sequence[Migration]:
    """Return the files up to one, all of them for `latest`."""
    if is_none(migrations, last):
        return ()
    return up_to(migrations, None if last == "latest" else last)


def _only(schema: Schema, wanted: str) -> Schema:
    found = tuple(table for table in schema.tables if fold(table.name) == fold(wanted))
    if not found:
        raise no_such_table(wanted, {table.name for table in schema.tables})
    return Schema(found)


def _show(schema: Schema, output: Output, *, one: bool, empty: str) -> None:
    """Print a schema, or its one table."""
    if output.as_json:
        output.print_json(values.schema(schema))
    elif one:
        output.print(list(report.table_lines(schema.tables[0], output.paint)))
    else:
        output.print(list(report.lines(schema, output.paint, empty=empty)))


def _show_between(ends: tuple[str, str], wanted: str | None, project: Project, output: Output) -> None:
    """Show what differs between two states of the files, or in one table of them."""
    migrations = project.load()
    files = [_up_to(migrations, end) for end in ends]
    keep = [] if wanted is None else [wanted]
    hidden = project.history_tables
    schemas = [without_histories(project.built_schema(some), *hidden, keep=keep) for some in files]
    if wanted is not None:
        name = _only(Schema(schemas[0].tables + schemas[1].tables), wanted).tables[0].name
        schemas = [Schema(tuple(t for t in s.tables if fold(t.name) == fold(name))) for s in schemas]
    found = list(differences.changes(*schemas))
    if output.as_json:
        before, after = (some[-1].name if some else None for some in files)
        output.print_json({"source": before, "target": after, "changes": differences.values(found)})
    elif found:
        output.print(list(differences.lines(found, differences.between(*ends), output.paint)))
    else:
        output.note("no difference")


def _sql(schema: Schema) -> str:
    from d1migrate.schema.render import document

    return document(schema)


def _mermaid(schema: Schema) -> str:
    from d1migrate.report.diagram.mermaid import mermaid

    return mermaid(schema)


def _svg(schema: Schema) -> str:
    from d1migrate.report.diagram.svg import svg

    return svg(schema)


_FORMS = {"sql": _sql, "mermaid": _mermaid, "svg": _svg}


def _target(options: Options, form: str, project: Project) -> str:
    """Return the file to write or check: the one that is named, else that of the schema as SQL.

    Raises:
        UsageError: none is named and it is not the whole schema as SQL, or it is in the migrations folder.
    """
    given = options.output if options.check is None else options.check
    what = "a diagram" if form != "sql" else "one table" if options.table is not None else None
    if given is True and what is not None:
        ending = "mmd" if form == "mermaid" else form
        raise UsageError(f"{what} has no default file", hint=f"name one, e.g. name.{ending}")
    path = project.schema_file if given is True else str(given)
    inside = os.path.realpath(os.path.dirname(path) or ".") == os.path.realpath(project.folder)
    if inside and path.lower().endswith(".sql"):
        raise UsageError(
            f"{path} is in the migrations folder, and would be taken for a migration",
            hint='name another, or set `schema = "…"` in d1migrate.toml',
        )
    return path


def _write(options: Options, document: _Document, project: Project, output: Output) -> None:
    """Write the document, unless the file already has it.

    Raises:
        UsageError: the database is empty and the file is not, as in a fresh checkout without a database.
    """
    path = _target(options, document.form, project)
    if options.output is True:
        project.refuse_outside_schema_file()
    existing = files.current_text(path)
    is_current = existing == document.text
    if existing and not is_current and document.is_empty and options.at is None:
        raise UsageError(
            f"the database is empty and {path} is not; the file was not changed",
            hint="`--at latest` writes what the files build",
        )
    if not is_current:
        files.replace(path, document.text)
    if output.as_json:
        output.print_json({"file": path, "up_to_date": is_current, "written": not is_current, "diff": None})
    else:
        output.print_path(path)


def _check(options: Options, document: _Document, project: Project, output: Output) -> int:
    """Print how the file differs from what would be written; returns the exit code."""
    path = _target(options, document.form, project)
    existing = files.read_text(path)
    is_current = existing == document.text
    built = "the live schema" if options.at is None else "what the files build"
    names = (path if existing is not None else os.devnull, built)
    if output.as_json:
        plain = differences.text_lines(existing or "", document.text, names, lambda text, _: text)
        diff = "\n".join(plain) or None
        output.print_json({"file": path, "up_to_date": is_current, "written": False, "diff": diff})
    else:
        output.print(differences.text_lines(existing or "", document.text, names, output.paint))
    if is_current:
        output.note(f"{path} is up to date")
        return 0
    output.note(f"{path} {'does not exist' if existing is None else f'differs from {built}'}")
    leads = existing and path == project.schema_file and project.config.schema.source is None
    also = "; `d1migrate diff` writes the migration that leads to it" if leads else ""
    if options.at is None and options.table is None:
        also += "; `d1migrate verify` compares the live schema with the migrations"
    output.hint(f"`{_writing_command(options, document.form, path)}` writes it{also}")
    return FOUND


def _writing_command(options: Options, form: str, path: str) -> str:
    """Return the command that would write the file that was checked."""
    words = ["d1migrate", "schema", *([options.table] if options.table is not None else [])]
    words += ["--at", str(options.at)] if options.at is not None else []
    words += ["--sql"] if form == "sql" else ["--format", form]
    return shlex.join([*words, "--output", path])
