"""Write indexes, which embed the migrations for a Worker, and the TypeScript that applies them."""

from __future__ import annotations

import os

from d1migrate.errors import UsageError
from d1migrate.migrate.index_module import index_module, is_index_module
from d1migrate.project import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.project.config import Config
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.schema.model import Schema

    Language = Literal["py", "ts"]

_TYPESCRIPT = (".ts", ".mts")
_ENDINGS: dict[Language, tuple[str, ...]] = {
    "py": (".py", ""),  # a pipe or /dev/stdout has no ending
    "ts": (*_TYPESCRIPT, ".js", ".mjs"),  # the index is valid JavaScript, too
}


def write_indexes(project: Project, output: Output) -> None:
    """Write the configured indexes of the folder, and their runtimes, unless they are up to date.

    Raises:
        UsageError: one cannot be written; the migration files are.
    """
    for owner in project.owners_of_folder:
        for path, text in module_texts(owner.config.indexes, owner.config.runtime, owner, output).items():
            if current_module(path) != text:  # a dev server would restart for a new modification time
                try:
                    files.replace(path, text)
                except UsageError as error:
                    raise UsageError(
                        str(error),
                        hint="the migration files are written, only the indexes are not: correct this, then"
                        " run `d1migrate index`",
                    ) from error


def current_module(path: str) -> str | None:
    """Return the generated module that a file contains, None if there is no file.

    Raises:
        UsageError: the file contains something else, which would be lost.
    """
    text = files.current_text(path)
    if text and not _is_generated(text.removeprefix("\ufeff")):  # an editor may have added the mark
        raise UsageError(
            f"{path} exists and was not written by `d1migrate index`: it was not changed",
            hint="move it away; or name another file, by a flag or in d1migrate.toml",
        )
    return text


def _is_generated(text: str) -> bool:
    from d1migrate.migrate.typescript_index import is_typescript_module
    from d1migrate.workers.typescript import is_runtime_module
    from d1migrate.workers.workflow import is_workflow_module

    known = (is_index_module, is_typescript_module, is_runtime_module, is_workflow_module)
    return any(is_known(text) for is_known in known)


def module_texts(
    indexes: Sequence[str],
    runtime: str | None,
    project: Project,
    output: Output,
    *,
    language: Language | None = None,
) -> dict[str, str]:
    """Return {path: text} of indexes and their runtime, and say which files have no schema digests.

    Args:
        indexes: the paths of the indexes.
        runtime: the path of the runtime, if one is to be written.
        project: the project, or the class whose migrations they embed.
        output: gets the note.
        language: that of the indexes; without it, the ending of each name decides.

    Raises:
        UsageError: the name of a file does not end as that of a module does.
        SourceError, LimitExceeded: a migration cannot be embedded.
    """
    texts: dict[str, str] = {}
    if indexes:
        from d1migrate.lint.replay.replayer import schemas_after

        migrations = project.load()
        table = project.choice(migrations).guess
        schemas = schemas_after(migrations, table)
        if unknown := [m for m in migrations if m.name not in schemas]:
            output.note(
                f"no schema digests from {unknown[0].name} on: it cannot be replayed on an empty database"
                " (`d1migrate lint --all` says why)"
            )
        config = project.config
        for path in indexes:
            texts[path] = index_text(
                *(path, migrations, table, schemas),
                language=language,
                in_objects=config.class_name is not None,
                budget=config.budget,
            )
    if runtime:
        texts[runtime] = _runtime(runtime)
    return texts


def language_of(path: str) -> Language | None:
    """Return the language of an index by the ending of its name; None if no language has it."""
    ending = os.path.splitext(path)[1]
    return next((language for language, endings in _ENDINGS.items() if ending in endings), None)


def index_text(
    path: str,
    migrations: Sequence[Migration],
    table: MigrationsTable,
    schemas: Mapping[str, Schema],
    *,
    language: Language | None = None,
    in_objects: bool = False,
    budget: int | None = None,
) -> str:
    """Return the text of an index, with digests of the schemas that are known.

    Args:
        path: where it is to be.
        migrations: what it embeds, in wrangler's order.
        table: the migrations table of a new database.
        schemas: {name: the schema after that migration}.
        language: its language; without it, the ending of the name decides.
        in_objects: whether it is for a class of Durable Objects.
        budget: the most entries that a chunk of a job may write, if the project has a number.

    Raises:
        UsageError: the name does not end as that of a module does.
        SourceError, LimitExceeded: a migration cannot be embedded.
    """
    from d1migrate.schema import digest

    chosen = language or language_of(path)
    if chosen == "py":
        return index_module(migrations, table.shape, digest.changes_of_each(schemas))
    if chosen == "ts":
        from d1migrate.migrate.compiled_index import compile_index
        from d1migrate.migrate.typescript_index import typescript_module
        from d1migrate.schema import text_digest

        digests = digest.changes_of_each(schemas, text_digest.changes)
        index = compile_index(migrations, table, digests, in_objects=in_objects, budget=budget)
        return typescript_module(index)
    raise UsageError(
        f"cannot write {path}: the language of an index follows from the ending of its name",
        hint="name it e.g. src/migrations_index.py for Python, or migrations/index.ts for TypeScript",
    )


def _runtime(path: str) -> str:
    from d1migrate.project import disk
    from d1migrate.workers.typescript import runtime_module

    if not disk.is_stream(path):
        _refuse_other_than_typescript(path, "the runtime", "src/lib/migrations.ts")
    return runtime_module()


def workflow_text(config: Config, fleet: FleetSettings) -> str:
    """Return the text of the Workflow of a fleet of Durable Objects.

    Args:
        config: the settings of the class.
        fleet: the fleet, which has a `workflow`.

    Raises:
        UsageError: the name of the file does not end as that of TypeScript does, the class has no index in
            TypeScript, or the wrangler configuration does not bind what the Workflow needs.
    """
    from d1migrate.workers.workflow import workflow_module

    _refuse_other_than_typescript(fleet.workflow or "", "a Workflow", "src/lib/fleet.ts")
    index = next((path for path in config.indexes if language_of(path) == "ts"), None)
    if index is None:
        raise UsageError(
            f"[fleet.{fleet.name}] has a `workflow`, but [objects.{fleet.objects}] has no TypeScript index",
            hint=f'add to [objects.{fleet.objects}]: index = "migrations/index.ts"',
        )
    return workflow_module(config, fleet, index)


def _refuse_other_than_typescript(path: str, what: str, example: str) -> None:
    if os.path.splitext(path)[1] not in _TYPESCRIPT:
        raise UsageError(f"cannot write {path}: {what} is TypeScript", hint=f"name it e.g. {example}")
