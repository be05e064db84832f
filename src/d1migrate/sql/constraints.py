"""Parses the constraints of a column, or one group of table constraints."""

from __future__ import annotations

from d1migrate.sql.definitions import Check, KeyDefinition, NotNull, Reference, Term
from d1migrate.sql.names import quote_identifier, unquote
from d1migrate.sql.token_groups import closing, parted, span, text_at
from d1migrate.sql.tokens import BLANKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.tokens import Token

_NAMES = ("word", "quoted", "string")


def term(sql: str, tokens: Sequence[Token]) -> Term:
    """Parse one column or expression of a key or an index."""
    if len(tokens) > 2 and tokens[-2].keyword == "NULLS":
        tokens = tokens[:-2]
    descending = tokens[-1].keyword == "DESC"
    if len(tokens) > 1 and tokens[-1].keyword in ("ASC", "DESC", "AUTOINCREMENT"):
        return term(sql, tokens[:-1])._replace(descending=descending)
    collation = None
    if len(tokens) > 2 and tokens[-2].keyword == "COLLATE":
        collation, tokens = unquote(tokens[-1].text), tokens[:-2]
    is_column = len(tokens) == 1 and tokens[0].kind in _NAMES
    column = unquote(tokens[0].text) if is_column else None
    return Term(span(sql, tokens), column, collation)


def names(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return the names in a list, given without its parentheses."""
    return tuple(unquote(group[0].text) for group in parted(tokens, ",") if group)


class Constraints:
    """The constraints of a column, or those of the table between two commas.

    Args:
        sql: the text that contains them.
        tokens: their tokens.
        column: the column's name, if they belong to a column.
    """

    def __init__(self, sql: str, tokens: Sequence[Token], column: str | None = None) -> None:
        self.checks: list[Check] = []
        self.keys: list[KeyDefinition] = []
        self.references: list[Reference] = []
        self.not_null: NotNull | None = None
        self.default: str | None = None
        self.collation: str | None = None
        self.generated: str | None = None
        self.stored = False
        self._sql, self._tokens, self._column = sql, tokens, column
        # SQLite gives a name to every constraint up to the next name or comma, not only to the next one.
        self._name: str | None = None
        at = 0
        while at < len(tokens):
            at = self._read(at)

    def _read(self, at: int) -> int:
        """Parse one constraint; return the position after it."""
        word, following = self._word(at), text_at(self._tokens, at + 1)
        if word == "CONSTRAINT":
            self._name = unquote(following)
        elif word == "COLLATE":
            self.collation = unquote(following)
        elif word == "CHECK" and following == "(":
            expression, at = self._group(at + 1)
            self.checks.append(Check(expression, self._name))
            return at
        elif word == "AS" and following == "(":
            self.generated, at = self._group(at + 1)
            self.stored = self._word(at) == "STORED"
            return at
        elif word == "DEFAULT":
            self.default, at = self._value(at + 1)
            return at
        elif word == "NOT" and self._word(at + 1) == "NULL":
            conflict, at = self._conflict(at + 2)
            self.not_null = NotNull(conflict, self._name)
            return at
        elif word in ("PRIMARY", "UNIQUE"):
            return self._key(at + (2 if word == "PRIMARY" else 1), primary=word == "PRIMARY")
        elif word in ("FOREIGN", "REFERENCES"):
            return self._reference(at)
        else:
            return self._other(at)
        return at + 2

    def _word(self, at: int) -> str:
        return self._tokens[at].keyword if at < len(self._tokens) else ""

    def _other(self, at: int) -> int:
        """Parse DEFERRABLE, which belongs to the foreign key before it; skip tokens without meaning here."""
        if self._word(at) == "DEFERRABLE" and self.references:
            end = at + (3 if self._word(at + 1) == "INITIALLY" else 1)
            words = [token.keyword for token in self._tokens[at:end]]
            words = ["NOT", *words] if self._word(at - 1) == "NOT" else words
            self.references[-1] = self.references[-1]._replace(deferrable=" ".join(words))
            return end
        return self._group(at)[1] if self._tokens[at].text == "(" else at + 1

    def _group(self, at: int) -> tuple[str, int]:
        """Return the text between the parentheses at a position, and the position after them."""
        end = closing(self._tokens, at)
        if end == len(self._tokens):
            return "", end
        return self._sql[self._tokens[at].start + 1 : self._tokens[end].start].strip(BLANKS), end + 1

    def _listed(self, at: int) -> tuple[tuple[str, ...], int]:
        """Return the names in the parentheses at a position, if any, and the position after them."""
        if text_at(self._tokens, at) != "(":
            return (), at
        end = closing(self._tokens, at)
        return names(self._tokens[at + 1 : end]), end + 1

    def _value(self, at: int) -> tuple[str, int]:
        if text_at(self._tokens, at) == "(":
            return self._group(at)
        end = at + (2 if text_at(self._tokens, at) in ("+", "-") else 1)
        return span(self._sql, self._tokens[at:end]), end

    def _conflict(self, at: int) -> tuple[str, int]:
        if self._word(at) == "ON" and self._word(at + 1) == "CONFLICT":
            return self._word(at + 2), at + 3
        return "", at

    def _key(self, at: int, *, primary: bool) -> int:
        begin, descending = at, False
        if self._column is not None:
            terms: tuple[Term, ...] = (Term(quote_identifier(self._column), self._column),)
            if self._word(at) in ("ASC", "DESC"):
                descending, at = self._word(at) == "DESC", at + 1
                terms = (terms[0]._replace(descending=descending),)
        else:
            at = closing(self._tokens, begin) + 1
            inside = self._tokens[begin + 1 : at - 1]
            terms = tuple(term(self._sql, group) for group in parted(inside, ",") if group)
        conflict, at = self._conflict(at)
        at += 1 if self._column is not None and self._word(at) == "AUTOINCREMENT" else 0
        autoincrement = any(token.keyword == "AUTOINCREMENT" for token in self._tokens[begin:at])
        self.keys.append(KeyDefinition(terms, primary, autoincrement, conflict, self._name))
        return at

    def _reference(self, at: int) -> int:
        columns: tuple[str, ...] = (self._column,) if self._column is not None else ()
        if self._word(at) == "FOREIGN":
            columns, at = self._listed(at + 2)
        table = unquote(text_at(self._tokens, at + 1))
        to, at = self._listed(at + 2)
        found = Reference(columns, table, to, name=self._name)
        while self._word(at) in ("ON", "MATCH"):
            if self._word(at) == "MATCH":
                found, at = found._replace(match=unquote(text_at(self._tokens, at + 1))), at + 2
                continue
            size = 2 if self._word(at + 2) in ("SET", "NO") else 1
            action = " ".join(token.keyword for token in self._tokens[at + 2 : at + 2 + size])
            if self._word(at + 1) == "DELETE":
                found = found._replace(on_delete=action)
            elif self._word(at + 1) == "UPDATE":
                found = found._replace(on_update=action)
            at += 2 + size
        self.references.append(found)
        return at
