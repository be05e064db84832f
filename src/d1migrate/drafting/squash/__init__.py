"""Squash: one file that replaces many, written from what they build, and checked by running it.

The files run on an empty database at several moments, each with its own time and random numbers (`build`).
What they leave is written (`text`): the schema, and the rows that they inserted. Values that differ between
moments are written as expressions (`values`), taken from the files (`expressions`). Then the squashed file
runs at the same moments and at a new one, and has to build the same each time. Errors name the statement to
blame (`locations`).
"""

from __future__ import annotations

from d1migrate.drafting.squash.build import build, differences
from d1migrate.drafting.squash.expressions import volatile
from d1migrate.drafting.squash.locations import Locations
from d1migrate.drafting.squash.text import write
from d1migrate.drafting.squash.values import ExpressionFinder
from d1migrate.drivers.pinned import Moment
from d1migrate.errors import PlanError
from d1migrate.migrate.file_name import with_words
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.order import number_of
from d1migrate.migrate.squash import lines
from d1migrate.migrate.table import SUFFIX
from d1migrate.migrate.template import header, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.drafting.squash.build import Build
    from d1migrate.drafting.squash.text import SquashedText
    from d1migrate.migrate.table_choice import TableChoice

_SHOWN = 3  # differences in a message
_FIRST, _MOST = 3, 8
"""How many moments values are compared at, first and at most: more are added if these are too few."""


def squash(
    migrations: Sequence[Migration],
    description: str,
    *,
    date: str,
    now: int,
    choice: TableChoice | None = None,
) -> Migration:
    """Return the file that replaces others, with the number of the last.

    Args:
        migrations: the files to replace.
        description: a few words, which its name is made of.
        date: today's, as YYYY-MM-DD.
        now: the time in milliseconds since 1970.
        choice: how to choose the migrations table; by default as the files suggest.

    Raises:
        PlanError: the files do not run on an empty database, or one file cannot do the same; it names file,
            line and reason.
        SourceError: a file cannot be parsed.
        UsageError: the description has no letter or digit.
    """
    locations, choice = Locations(migrations), choice or choose_table(migrations)
    path = with_words(migrations[-1].name + SUFFIX, description)
    expressions = volatile(locations.statements)
    first, most = (_FIRST, _MOST) if expressions else (1, 1)
    moments = [_moment(now, number) for number in range(first)]
    builds = [build(migrations, choice, moment) for moment in moments]
    while True:
        _refuse_unwritable(builds[0], locations)
        _refuse_other_rows(builds, locations)
        finder = ExpressionFinder(expressions, moments, builds[0].draws)
        text = write(builds, finder)
        _refuse_unknown(text, locations)
        squashed = _file(migrations, path, description, date, text.blocks, records=locations.has_records)
        for moment, expected in zip(moments, builds, strict=True):
            _refuse(differences(expected, _built(squashed, choice, moment, finder)), locations)
        moments.append(_moment(now, len(moments)))
        builds.append(build(migrations, choice, moments[-1]))
        different = differences(builds[-1], _built(squashed, choice, moments[-1], finder))
        if len(moments) > most:
            _refuse(different, locations)
        if not different:
            return squashed


def _moment(now: int, number: int) -> Moment:
    """Return a moment: now, or a later one that differs in year, month, weekday and hour."""
    return Moment(now + number * number * 397 * 86_400_000 + number * 12_345_678, number)


def _file(
    migrations: Sequence[Migration],
    path: str,
    description: str,
    date: str,
    blocks: Iterable[str],
    *,
    records: bool,
) -> Migration:
    """Put the squashed file together.

    It records itself only if one of the files does: otherwise another tool runs them, without that table.
    """
    text = "\n".join(
        (
            header(path, description, date=date) + "".join(f"{line}\n" for line in lines(migrations)),
            *(list(filter(None, blocks)) or ["SELECT 1;\n"]),  # or its checksum would identify no file
            *([record(path)] if records else []),
            "-- Rollback: none, it replaces files that were squashed\n",
        )
    )
    squashed = Migration(number_of(path), path.removesuffix(SUFFIX), text)
    squashed.check(choose_table([squashed]).guess)
    return squashed


def _built(squashed: Migration, choice: TableChoice, moment: Moment, finder: ExpressionFinder) -> Build:
    """Run the squashed file, with the random numbers in the order in which it draws them."""
    try:
        return build([squashed], choice, moment, finder.order)
    except PlanError as error:
        raise PlanError(
            f"one file cannot build the same database: {error}", hint="squash up to an earlier file"
        ) from error


def _refuse_unwritable(built: Build, locations: Locations) -> None:
    """Raise PlanError for rows that no INSERT can restore."""
    if built.contents.keys.orphans:
        raise PlanError(
            "some rows reference rows that do not exist, and D1 would not insert them"
            f" ({built.contents.keys.orphans} broken links)",
            hint="`PRAGMA foreign_key_check` lists them; delete them in a new migration first",
        )
    for table, why in built.contents.keys.mismatched.items():
        if built.rows[table]:
            raise PlanError(
                f"{locations.of(table)}: D1 would not insert the rows of {table}: {why}",
                hint="correct the foreign key in a new migration first",
            )
    for virtual_table in built.contents.virtual:
        if virtual_table.lost and not virtual_table.rebuild and built.indexes.get(virtual_table.table.name):
            name = virtual_table.table.name
            raise PlanError(
                f"{locations.of(name)}: {name} indexes text that it does not store, so no file can insert it"
                " again",
                hint="squash up to a file before the one that creates it",
            )


def _refuse_other_rows(builds: Sequence[Build], locations: Locations) -> None:
    """Raise PlanError if the number of rows depends on the time or on random numbers."""
    for table, rows in builds[0].rows.items():
        counts = {len(built.rows.get(table, ())) for built in builds}
        if counts != {len(rows)}:
            raise PlanError(
                f"{locations.of(table)}: how many rows {table} has depends on the time or on random numbers",
                hint="squash up to an earlier file",
            )


def _refuse_unknown(text: SquashedText, locations: Locations) -> None:
    """Raise PlanError for a value that no known expression gives."""
    if text.unknown:
        table, column = text.unknown[0]
        raise PlanError(
            f"{locations.of(table)}: {table}.{column} depends on the time or on random numbers, and no"
            " expression in the files gives its final value",
            hint="squash up to an earlier file, or set a fixed value in a new migration first",
        )


def _refuse(different: Sequence[tuple[str, str]], locations: Locations) -> None:
    """Raise PlanError if the squashed file does not build the same as the files."""
    if different:
        texts = [f"{locations.of(table)}: {text}" if table else text for table, text in different[:_SHOWN]]
        more = f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise PlanError(
            f"the squashed file does not build the same database: {'; '.join(texts)}{more}",
            hint="squash up to an earlier file",
        )
