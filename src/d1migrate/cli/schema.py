"""`schema`: the live one, that of a version, or what came between two; as text, SQL, JSON or a picture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import UsageError
from d1migrate.migrate.history import OTHER_TOOLS
from d1migrate.project import files
from d1migrate.report import differences, values
from d1migrate.report import schema as report
from d1migrate.schema.model import Schema
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from d1migrate.cli.project import Context
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Table

_DIFFERENT = 3


class _Document(NamedTuple):
    """A schema as one text: `sql`, `mermaid` or `svg`; and whether it is that of an empty database."""

    form: str
    text: str
    is_empty: bool


def schema_command(context: Context) -> int:
    """Show a schema, write it to a file, or hold a file against it."""
    arguments = context.arguments
    _refuse_mistakes(context)
    if arguments.between:
        return _between(context, *arguments.between)
    form = _form(context)
    if form is None:
        _show(context, _asked(context))
        return 0
    schema = _asked(context)
    if arguments.table is None:
        schema = own(context, schema)
    document = _Document(form, _FORMS[form](schema), is_empty=schema == Schema())
    if arguments.check is not None:
        return _check(context, document)
    if arguments.output is not None:
        _write(context, document)
    elif context.json:
        context.out_json({form: document.text})
    else:
        text = document.text.removesuffix("\n")
        context.out_data(text)
    return 0


def own(context: Context, schema: Schema, *, named: Collection[str | None] = ()) -> Schema:
    """Return a schema without the tables of other migration tools, as `verify` leaves them out.

    Args:
        context: tells which is kept in step with ours.
        schema: it.
        named: tables that somebody named, which stay.
    """
    hidden = {*OTHER_TOOLS, fold(context.config.mirror or "")}.difference(fold(name or "") for name in named)
    return schema._replace(tables=tuple(t for t in schema.tables if fold(t.name) not in hidden))


def _refuse_mistakes(context: Context) -> None:
    given = context.arguments
    whole = [("--sql", given.sql), ("--format", given.format), ("--output", given.output)]
    whole += [("--check", given.check), ("--at", given.at)]
    for flag, value in whole:
        if given.between and value is not None and value is not False:
            raise UsageError(f"--between and {flag} exclude each other")
        if value == "":
            raise UsageError(f"{flag} is there, and says nothing")
    for one, other in (("sql", "format"), ("check", "output")):
        if getattr(given, one) and getattr(given, other):
            raise UsageError(f"--{one} and --{other} exclude each other")


def _form(context: Context) -> str | None:
    """Return the form of the document that is asked for; None for none."""
    given = context.arguments
    is_document = given.sql or given.check is not None or given.output is not None
    form: str | None = given.format or ("sql" if is_document else None)
    return form


def _asked(context: Context) -> Schema:
    """Return the schema that is asked for, or the table of it.

    Raises:
        UsageError: there is no such version or table.
    """
    at = context.arguments.at
    schema = context.migrator.schema() if at is None else _built(context.load(), at)
    return _only(schema, context.arguments.table) if context.arguments.table is not None else schema


def _built(migrations: Sequence[Migration], version: int | str) -> Schema:
    """Return what the files up to a version build; `latest` is all of them, 0 none."""
    from d1migrate.lint.replay.replayer import schema_of

    if version == "latest":
        return schema_of(migrations)
    if version and version not in [migration.version for migration in migrations]:
        raise UsageError(f"no version {version}", hint="`d1migrate list` shows the versions there are")
    return schema_of(m for m in migrations if m.version <= int(version))


def _only(schema: Schema, wanted: str) -> Schema:
    found = tuple(table for table in schema.tables if fold(table.name) == fold(wanted))
    if not found:
        known = ", ".join(t.name for t in schema.tables) or "none"
        raise UsageError(f"no table {wanted!r}", hint=f"tables: {known}")
    return Schema(found)


def _show(context: Context, schema: Schema) -> None:
    """Print a schema, or the one table of it that is asked for."""
    table: Table | None = schema.tables[0] if context.arguments.table is not None else None
    if context.json:
        context.out_json(values.table(table) if table else values.schema(schema))
    elif table:
        context.out(list(report.table_lines(table, context.paint)))
    else:
        context.out(list(report.lines(schema, context.paint)))


def _between(context: Context, *versions: int | str) -> int:
    """Show what differs between two versions."""
    migrations, wanted = context.load(), context.arguments.table
    newest = migrations[-1].version if migrations else 0
    before, after = (newest if version == "latest" else int(version) for version in versions)
    schemas = [own(context, _built(migrations, version), named=(wanted,)) for version in (before, after)]
    if wanted is not None:
        name = _only(Schema(schemas[0].tables + schemas[1].tables), wanted).tables[0].name
        schemas = [Schema(tuple(t for t in s.tables if fold(t.name) == fold(name))) for s in schemas]
    found = list(differences.changes(*schemas))
    if context.json:
        context.out_json({"from": before, "to": after, "differences": differences.values(found)})
    elif found:
        context.out(list(differences.lines(found, differences.between(before, after), context.paint)))
    else:
        context.say("no difference")
    return 0


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


def _target(context: Context, form: str, given: str | bool) -> str:
    """Return the file that is meant: the one that is named, else that of the schema as SQL.

    Raises:
        UsageError: none is named and it is not all of the schema as SQL, or it lies where migrations lie.
    """
    what = "a diagram" if form != "sql" else "one table" if context.arguments.table is not None else None
    if given is True and what is not None:
        ending = "mmd" if form == "mermaid" else form
        raise UsageError(f"{what} has no file of its own", hint=f"name one, e.g. name.{ending}")
    path = context.schema_file if given is True else str(given)
    inside = os.path.realpath(os.path.dirname(path) or ".") == os.path.realpath(context.folder)
    if inside and path.lower().endswith(".sql"):
        raise UsageError(
            f"{path} lies in the migrations folder, and would be taken for a migration",
            hint='name another, or `schema = "…"` in d1migrate.toml',
        )
    return path


def _write(context: Context, document: _Document) -> None:
    """Write it, unless that is what the file has.

    Raises:
        UsageError: the database is empty and the file is not, as where a fresh checkout has no database yet.
    """
    path = _target(context, document.form, context.arguments.output)
    if context.arguments.output is True:
        context.permit_schema_file()
    there = files.current_text(path)
    is_current = there == document.text
    if there and not is_current and document.is_empty and context.arguments.at is None:
        raise UsageError(
            f"the database is empty, and {path} is not: it stays as it is",
            hint="`--at latest` writes what the files build",
        )
    if not is_current:
        files.replace(path, document.text)
    if context.json:
        context.out_json({"path": path, "written": not is_current})
    else:
        context.out_path(path)


def _check(context: Context, document: _Document) -> int:
    """Say whether the file is what would be written, and print what differs."""
    path = _target(context, document.form, context.arguments.check)
    there = files.read_text(path)
    is_current = there == document.text
    built = "the live schema" if context.arguments.at is None else "what the files build"
    names = (path if there is not None else os.devnull, built)
    lines = differences.text_lines(there or "", document.text, names, context.paint)
    if context.json:
        plain = differences.text_lines(there or "", document.text, names, lambda text, _: text)
        context.out_json({"path": path, "up_to_date": is_current, "diff": "\n".join(plain) or None})
    else:
        context.out(lines)
    if is_current:
        context.say(f"{path} is up to date")
        return 0
    context.say(f"{path} is {'not there' if there is None else f'not {built}'}")
    leads = (
        "; `d1migrate diff` writes the migration that leads to it"
        if there and path == context.schema_file
        else ""
    )
    context.say(f"hint: {_command(context, document.form, path)}{leads}")
    return _DIFFERENT


def _command(context: Context, form: str, path: str) -> str:
    """Return the command that would write the file that was checked."""
    given = context.arguments
    words = ["schema", *([given.table] if given.table is not None else [])]
    words += ["--at", str(given.at)] if given.at is not None else []
    words += ["--sql"] if form == "sql" else ["--format", form]
    return f"`d1migrate {' '.join(words)} --output {path}` writes it"
