"""One file that replaces many: written from what they build, and checked by building it.

The files run on an empty database at several moments, each with its own time and random numbers. What they
leave is written: the schema, and the rows that they inserted themselves. Then the one file runs at the same
moments and at one that nothing was derived from, and has to build the same each time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d1migrate.drafting.squash.build import build, differences
from d1migrate.drafting.squash.expressions import volatile
from d1migrate.drafting.squash.locations import Origins
from d1migrate.drafting.squash.text import text_of
from d1migrate.drafting.squash.values import Sources
from d1migrate.drivers.pinned import Moment
from d1migrate.errors import PlanError
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.source import header, record
from d1migrate.migrate.squash import stands_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.drafting.squash.build import Build
    from d1migrate.drafting.squash.text import Text

_SHOWN = 3  # differences in a message
_BEGIN, _MOST = 3, 8
"""At how many moments values are compared; where that is found to be too few, another one is added."""


def squash(migrations: Sequence[Migration], slug: str, description: str, *, date: str, now: int) -> Migration:
    """Return the file that stands for others, with the number of the last.

    Args:
        migrations: those files.
        slug: the words of its name.
        description: a few words.
        date: today's, as YYYY-MM-DD.
        now: the time in milliseconds since 1970.

    Raises:
        PlanError: the files do not run on an empty database, or what they do cannot be done by one file; it
            names file, line and reason.
        SourceError: a file cannot be parsed.
    """
    origins = Origins(migrations)
    name = re.sub(r"\D.*", "", migrations[-1].name, flags=re.DOTALL) + f"_{slug}"
    expressions = volatile(origins.statements)
    begin, most = (_BEGIN, _MOST) if expressions else (1, 1)
    moments = [_moment(now, number) for number in range(begin)]
    builds = [build(migrations, moment) for moment in moments]
    while True:
        _refuse_unwritable(builds[0], origins)
        _refuse_other_rows(builds, origins)
        sources = Sources(expressions, moments, builds[0].draws)
        text = text_of(builds, sources)
        _refuse_unknown(text, origins)
        one = _file(migrations, name, description, date, text.blocks, records=origins.record)
        for moment, expected in zip(moments, builds, strict=True):
            _refuse(differences(expected, _built(one, moment, sources)), origins)
        moments.append(_moment(now, len(moments)))
        builds.append(build(migrations, moments[-1]))
        different = differences(builds[-1], _built(one, moments[-1], sources))
        if len(moments) > most:
            _refuse(different, origins)
        if not different:
            return one


def _moment(now: int, number: int) -> Moment:
    """Return a moment: now, or one of those after it, which differ in year, month, weekday and hour."""
    return Moment(now + number * number * 397 * 86_400_000 + number * 12_345_678, number)


def _file(
    migrations: Sequence[Migration],
    name: str,
    description: str,
    date: str,
    blocks: Iterable[str],
    *,
    records: bool,
) -> Migration:
    """Put a file together.

    It records itself only if one of the many does: else another tool runs them, which has no table for it.
    """
    text = "\n".join(
        (
            header(f"{name}.sql", description, date=date)
            + "".join(f"-- Squashes: {file_name} {known}\n" for file_name, known in _known(migrations)),
            *(list(filter(None, blocks)) or ["SELECT 1;\n"]),  # a file has to hold a statement
            *([record(f"{name}.sql")] if records else []),
            "-- Rollback: none, it stands for files that were squashed\n",
        )
    )
    one = Migration(migrations[-1].version, name, text)
    one.check()
    return one


def _known(migrations: Iterable[Migration]) -> Iterator[tuple[str, str]]:
    """Yield names and checksums of files; before a squashed one, those of the files that it stands for."""
    for migration in migrations:
        yield from ((file.name, file.checksum) for file in stands_for(migration))
        yield migration.name, migration.checksum


def _built(one: Migration, moment: Moment, sources: Sources) -> Build:
    """Run the one file, with the random numbers in the order in which it draws them."""
    try:
        return build([one], moment, sources.order)
    except PlanError as error:
        raise PlanError(
            f"one file cannot build the same database: {error}", hint="squash up to an earlier file"
        ) from error


def _refuse_unwritable(built: Build, origins: Origins) -> None:
    """Raise PlanError for rows that no INSERT brings back."""
    if built.layout.keys.orphans:
        raise PlanError(
            "some rows reference rows that do not exist, and D1 would not insert them"
            f" ({built.layout.keys.orphans} broken links)",
            hint="`PRAGMA foreign_key_check` lists them; delete them in a new migration first",
        )
    for table, why in built.layout.keys.unfit.items():
        if built.rows[table]:
            raise PlanError(
                f"{origins.of(table)}: D1 would not insert the rows of {table}: {why}",
                hint="correct the foreign key in a new migration first",
            )
    for unit in built.layout.virtual:
        if unit.lost and not unit.rebuild and built.indexes.get(unit.table.name):
            raise PlanError(
                f"{origins.of(unit.table.name)}: {unit.table.name} indexes text that it does not store, so no"
                " file can insert it again",
                hint="squash up to a file before the one that creates it",
            )


def _refuse_other_rows(builds: Sequence[Build], origins: Origins) -> None:
    """Raise PlanError where the time or random numbers decide which rows there are."""
    for table, rows in builds[0].rows.items():
        counts = {len(built.rows.get(table, ())) for built in builds}
        if counts != {len(rows)}:
            raise PlanError(
                f"{origins.of(table)}: how many rows {table} has depends on the time or on random numbers",
                hint="squash up to an earlier file",
            )


def _refuse_unknown(text: Text, origins: Origins) -> None:
    """Raise PlanError for a value that no known expression gives."""
    if text.unknown:
        table, column = text.unknown[0]
        raise PlanError(
            f"{origins.of(table)}: {table}.{column} depends on the time or on random numbers, and no"
            " expression in the files gives its final value",
            hint="squash up to an earlier file, or set a fixed value in a new migration first",
        )


def _refuse(different: Sequence[tuple[str, str]], origins: Origins) -> None:
    """Raise PlanError where one file does not build what the many build."""
    if different:
        texts = [f"{origins.of(table)}: {text}" if table else text for table, text in different[:_SHOWN]]
        more = f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise PlanError(
            f"the one file does not build the same database: {'; '.join(texts)}{more}",
            hint="squash up to an earlier file",
        )
