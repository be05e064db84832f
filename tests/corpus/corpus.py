"""The corpus: small migrations, each with the codes that a linter must report on it.

A case is a file `cases/<letter>/<name>.sql`. Its first lines say what it is about, its sections are SQL:

    -- Case: the canonical rebuild of a parent deletes its children
    -- Source: cloudflare/workers-sdk#5438
    -- Expect: D101
    -- Info: W103
    -- Loses: posts
    -- == before
    CREATE TABLE users …
    -- == rows
    INSERT INTO users …
    -- == migration
    … the migration, byte for byte to the end of the file …

`Source` is a thread, a section of what was measured on D1, or `-`. `Expect` has all codes of severity error
or warning, and nothing else may be reported at these severities. `Info` has codes of severity info that must
be among those reported; it is there only where the case is about them. `Loses` names the tables, other than
those the SQL says it empties, that lose rows or links on the real D1; a name with a space is in quotes.
`Info`, `Loses`, `before` and `rows` may be missing.

`before` is migration 001_before.sql, and `migration` is 002_case.sql. A good case is named `<name>.good.sql`,
beside the bad one that it mends where there is one, and expects nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

CASES = Path(__file__).parent / "cases"

ERRORS = frozenset(
    "D101 D102 D103 D114 R101 R102 R103 R104 R105 R106 R107 R108 R109 R110 R112"
    " P101 P102 P103 P105 P109 P110 P111 P112 P113 H115".split()
)
WARNINGS = frozenset(
    "D104 D105 D106 D107 D108 D109 D110 D111 D112 D113 D115 D116 D117 D118 D119 D120 F101 F102 F103 F104 F105 F106 F107 F108 P104 P106 P107 P108 P114"
    " S101 S102 S103 S104 S105 S106 S107 S108 S109 W101 W104 W105 W106 H103 H110 H111 H112 H114".split()
)
INFOS = frozenset("W102 W103 H101 H102 H104 H105 H106 H107 H108 H109 H113".split())

_HEADER = re.compile(r"-- (\w+):(?: (\S.*))?")
_SECTION = re.compile(r"^-- == (.*)\n", re.MULTILINE)
_NAME = re.compile(r'"([^"]+)"|(\S+)')
_REQUIRED, _OPTIONAL = ("Case", "Source", "Expect"), ("Info", "Loses")
_ORDER = [("migration",), ("before", "migration"), ("before", "rows", "migration")]


class CaseError(ValueError):
    """A case file is not written as this module's docstring says."""


class Case(NamedTuple):
    """One case.

    Attributes:
        path: the file.
        name: its path below `cases`, without `.sql`.
        title: what it shows, in a sentence.
        source: where it was seen.
        expect: the codes of severity error and warning, all of them.
        info: codes of severity info that must be among those reported.
        loses: the tables that lose rows or links on the real D1.
        before: what 001_before.sql holds.
        rows: what is in the tables when the migration runs.
        migration: what 002_case.sql holds, with its own line ends.
        good: whether it is a good twin or another case without a fault.
    """

    path: Path
    name: str
    title: str
    source: str
    expect: frozenset[str]
    info: frozenset[str]
    loses: frozenset[str]
    before: str
    rows: str
    migration: str
    good: bool

    @property
    def group(self) -> str:
        """The letter of its codes."""
        return self.path.parent.name


def load_cases() -> list[Case]:
    """Read all cases, by name.

    Raises:
        CaseError: a file is not a case.
    """
    return [read_case(path) for path in sorted(CASES.rglob("*")) if path.is_file()]


def read_case(path: Path) -> Case:
    """Read one case.

    Raises:
        CaseError: it has an unknown header or section, lacks one, or they contradict each other.
    """
    if path.suffix != ".sql" or path.parent.parent != CASES:
        raise CaseError(f"{path}: expected cases/<letter>/<name>.sql")
    text = path.read_bytes().decode()  # read_text would turn CRLF into LF
    head, *pieces = _SECTION.split(text, maxsplit=len(_ORDER[-1]))
    if tuple(pieces[::2]) not in _ORDER:
        raise CaseError(f"{path}: sections {pieces[::2]}, expected one of {_ORDER}")
    headers = _headers(path, head)
    sections = dict(zip(pieces[::2], pieces[1::2], strict=True))
    name = path.relative_to(CASES).with_suffix("").as_posix()
    case = Case(
        path=path,
        name=name,
        title=headers["Case"],
        source=headers["Source"],
        expect=_codes(path, headers["Expect"], ERRORS | WARNINGS),
        info=_codes(path, headers.get("Info", ""), INFOS),
        loses=frozenset(a or b for a, b in _NAME.findall(headers.get("Loses", ""))),
        before=sections.get("before", ""),
        rows=sections.get("rows", ""),
        migration=sections["migration"],
        good=name.endswith(".good"),
    )
    if case.good and (case.expect or case.info or case.loses):
        raise CaseError(f"{path}: a good case expects nothing")
    if not case.good and not case.expect and not case.info:
        raise CaseError(f"{path}: a case that expects nothing is named <name>.good.sql")
    if not case.migration.strip():
        raise CaseError(f"{path}: the migration is empty")
    if case.loses and not case.rows:
        raise CaseError(f"{path}: what loses rows needs rows")
    return case


def _headers(path: Path, head: str) -> dict[str, str]:
    """Return the headers by name, checked for being complete and in order."""
    found: dict[str, str] = {}
    for line in head.splitlines():
        match = _HEADER.fullmatch(line)
        if match is None or match[1] in found:
            raise CaseError(f"{path}: {line!r} is no header, or there twice")
        found[match[1]] = match[2] or ""
    if tuple(found) not in [
        (*_REQUIRED, *(name for name in _OPTIONAL if name in present))
        for present in ((), ("Info",), ("Loses",), _OPTIONAL)
    ]:
        raise CaseError(f"{path}: headers {list(found)}, expected {_REQUIRED} and perhaps {_OPTIONAL}")
    if not all(value for name, value in found.items() if name != "Expect"):
        raise CaseError(f"{path}: a header without a value")
    return found


def _codes(path: Path, value: str, known: frozenset[str]) -> frozenset[str]:
    """Return the codes of a header, which are known, sorted and there once."""
    codes = value.split()
    if codes != sorted(set(codes)) or not known.issuperset(codes):
        raise CaseError(f"{path}: {value!r} should be sorted codes of {sorted(known)}")
    return frozenset(codes)
