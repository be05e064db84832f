"""The parts of a statement that a cut needs: what it changes, whose rows are cut, and its clauses."""

from __future__ import annotations

from d1migrate.migrate.jobs.directive import directive_line
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.select import end_of_query, selects, with_names
from d1migrate.sql.statement import assignments, insert_of, shape_of
from d1migrate.sql.token_groups import outside, text_at
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.sql.split import Statement
    from d1migrate.sql.tokens import Token


class Uncuttable(NamedTuple):
    """Why a statement cannot be cut into chunks.

    Attributes:
        reason: a sentence without its full stop.
        token: the place in the SQL of the statement; None for the file.
        hint: how to write it instead, or None.
        statement: the statement in its file; None if it was read alone.
    """

    reason: str
    token: Token | None
    hint: str | None = None
    statement: Statement | None = None


class Parts(NamedTuple):
    """A statement as far as a cut needs it.

    Attributes:
        verb: `update`, `delete` or `insert`.
        changes: the table that it changes, folded.
        tokens: all of it.
        at: the position of the verb in `tokens`, after WITH; `target` is that of the table's name.
        main: the part that has the clauses: an UPDATE or DELETE, or the query of an INSERT.
        tail: what follows the query of an INSERT: ON CONFLICT and RETURNING.
        name: the last token of the name and alias of the table whose rows are cut.
        alone: whether `main` has no other table.
        sets: the new values of an UPDATE, or of DO UPDATE, by column.
    """

    verb: str
    changes: str
    tokens: Sequence[Token]
    at: int
    target: int
    main: Sequence[Token]
    tail: Sequence[Token]
    name: Token
    alone: bool
    sets: Mapping[str, Sequence[Token]]

    @property
    def after_name(self) -> Sequence[Token]:
        """The tokens after the name and alias of the table whose rows are cut."""
        return self.tokens[self.tokens.index(self.name) + 1 :]

    @property
    def where(self) -> Sequence[Token]:
        """The condition of `main`; a statement that can be cut has no clause after it."""
        at = next((i for i in outside(self.main) if self.main[i].keyword == "WHERE"), len(self.main))
        return self.main[at + 1 :]


_VERBS = "a batch migration is an UPDATE, a DELETE or an INSERT … SELECT"
_COMPOUNDS = ("UNION", "EXCEPT", "INTERSECT")


def parse(sql: str, table: str) -> Parts | Uncuttable:
    """Return the parts of a statement, or why it is not one that is cut by the rows of a table."""
    tokens = significant(sql)
    shape = shape_of(tokens)
    if shape.verb in ("insert", "replace"):
        return _insert(tokens, shape.at, fold(table))
    if shape.verb not in ("update", "delete"):
        return Uncuttable(_VERBS, tokens[0])
    target = _name_after(tokens, shape.at)
    name = unquote(text_at(tokens, target))
    changes = fold(name)
    if changes != fold(table):
        reason = f"it changes {name}, and the directive names {table}"
        return Uncuttable(reason, tokens[target], f"write `{directive_line('batch', name)}`")
    last = target + 2 if text_at(tokens, target + 1).upper() == "AS" else target
    main, rest = tokens[shape.at :], tokens[last + 1 :]
    alone = not any(rest[i].keyword == "FROM" for i in outside(rest))
    sets = assignments(rest) if shape.verb == "update" else {}
    return Parts(shape.verb, changes, tokens, shape.at, target, main, (), tokens[last], alone, sets)


def _insert(tokens: Sequence[Token], at: int, table: str) -> Parts | Uncuttable:
    query = _query(tokens, at)
    if isinstance(query, Uncuttable):
        return query
    source, names = query
    end = end_of_query(source)
    main, tail = source[:end], source[end:]
    (select,) = selects(main, names)
    driving = [source for source in select.sources if source.table == table]
    target = _name_after(tokens, at)
    changes = fold(unquote(text_at(tokens, target)))
    if changes == table:
        return Uncuttable(f"it inserts into {table}, whose rows are cut", tokens[target])
    if not driving or (name := driving[0].last) is None:
        return Uncuttable(f"its FROM does not name {table}, as the directive does", main[0])
    if len(driving) > 1:
        return Uncuttable(f"it reads {table} twice, and only one of them could be cut", driving[1].last)
    if driving[0].optional:
        reason = f"the join has rows without one of {table}, which are in no chunk"
        return Uncuttable(reason, name, f"let FROM begin with {table}")
    alone = len(select.sources) == 1
    return Parts("insert", changes, tokens, at, target, main, tail, name, alone, assignments(tail))


def _query(tokens: Sequence[Token], at: int) -> tuple[Sequence[Token], set[str]] | Uncuttable:
    """Return the query of an INSERT, from SELECT, and the names, folded, that WITH defines for it."""
    insert = insert_of(tokens)
    source = insert.source if insert else ()
    names = {*with_names(tokens)[0]} if at else set[str]()
    if text_at(source, 0).upper() == "WITH":
        own, begin = with_names(source)
        source, names = source[begin:], names | {*own}
    if text_at(source, 0).upper() != "SELECT":
        return Uncuttable(_VERBS, tokens[at])
    compound = next((source[i] for i in outside(source) if source[i].keyword in _COMPOUNDS), None)
    if compound:
        return Uncuttable(f"{compound.keyword} has several queries, and only one can be cut", compound)
    return source, names


def _name_after(tokens: Sequence[Token], at: int) -> int:
    """Return the position of the table's name after a verb."""
    at += 3 if text_at(tokens, at + 1).upper() == "OR" else 1
    at += 1 if text_at(tokens, at).upper() in ("INTO", "FROM") else 0
    return at + 2 if text_at(tokens, at + 1) == "." else at
