"""What models do not have stays, and follows what they rename."""

from __future__ import annotations

import pytest

from d1migrate.drafting import Declarations, Desired, complete, draft, read
from d1migrate.drafting.desired import Models
from d1migrate.drivers.scratch import ScratchEngine
from d1migrate.errors import DataLoss, PlanError, UsageError
from d1migrate.schema.changes import Create
from d1migrate.schema.diff import diff

CURRENT = """\
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE notes (id INTEGER PRIMARY KEY, tag INTEGER REFERENCES tags(id));
CREATE TRIGGER named AFTER UPDATE OF name ON tags BEGIN SELECT new.name; END;
CREATE VIEW names AS SELECT name FROM tags;
"""
MODELS = "CREATE TABLE labels (id INTEGER PRIMARY KEY, title TEXT);\n"

NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, extra TEXT);\n"
SEARCH = "CREATE VIRTUAL TABLE search USING fts5(body, content = notes, content_rowid='id');\n"
AROUND = """\
CREATE TRIGGER added AFTER INSERT ON notes BEGIN INSERT INTO search (rowid, body) VALUES (new.id, new.body); END;
CREATE VIEW newest AS SELECT max(id) AS id FROM notes;
CREATE TRIGGER into_newest INSTEAD OF INSERT ON newest BEGIN INSERT INTO notes (id) VALUES (new.id); END;
CREATE VIRTUAL TABLE places USING rtree(id, x0, x1);
CREATE TABLE comments (id INTEGER PRIMARY KEY, note INTEGER REFERENCES notes(id) ON DELETE CASCADE);
CREATE INDEX comments_note ON comments (note);
CREATE TRIGGER counted AFTER INSERT ON comments BEGIN SELECT 1; END;
"""
EVERYTHING = NOTES + SEARCH + AROUND


def whole_of(current: str, models: str, rename: tuple[str, ...] = (), drop: tuple[str, ...] = ()) -> Desired:
    """The whole desired schema."""
    desired = read(models, file="models")._replace(models=Models("python:models:Base"), locations={})
    return complete(read(current, file="now.sql").schema, desired, Declarations.of(rename, [], drop))


def statements(
    current: str, models: str, rename: tuple[str, ...] = (), drop: tuple[str, ...] = ()
) -> list[str]:
    """What the migration runs; afterwards there is no difference, and the rollback leads back."""
    before, whole = read(current, file="now.sql").schema, whole_of(current, models, rename, drop)
    found = draft(before, whole, renames=Declarations.of(rename, [], []).renames, allow_drop=drop)
    if found is None:
        return []
    assert found.down.irreversible is None
    return [sql for group in found.up for sql in group.statements]


def test_what_stays_follows_renames() -> None:
    """A renamed table is no table outside the models, and triggers, views and foreign keys have the new names."""
    whole = whole_of(CURRENT, MODELS, ("tags=labels", "tags.name=title")).schema
    tables = {table.name: table for table in whole.tables}
    assert tables.keys() == {"labels", "notes"}
    assert [trigger.name for trigger in tables["labels"].triggers] == ["named"]
    assert [key.table for key in tables["notes"].foreign_keys] == ["labels"]
    assert [view.sql for view in whole.views] == ['CREATE VIEW names AS SELECT "title" FROM "labels"']


def test_everything_else_stays() -> None:
    """The models have one table of many objects, and that is no difference; neither is a second look."""
    current = read(EVERYTHING, file="now.sql").schema
    whole = whole_of(EVERYTHING, NOTES)
    assert not diff(current, whole.schema).changes
    assert complete(current, whole, Declarations()) == whole


@pytest.mark.parametrize(
    ("models", "drop"),
    [
        (NOTES.replace("TEXT)", "TEXT UNIQUE)"), ()),
        (NOTES.replace("TEXT)", "JSON)"), ()),
        (NOTES.replace(", extra TEXT", ""), ("notes.extra",)),
    ],
)
def test_through_every_change(models: str, drop: tuple[str, ...]) -> None:
    """A rebuild, another type, a dropped column."""
    whole = whole_of(EVERYTHING, models, (), drop).schema
    assert statements(EVERYTHING, models, (), drop)
    assert {table.name for table in whole.tables} == {"notes", "search", "places", "comments"}
    triggers = [*whole.triggers, *(trigger for table in whole.tables for trigger in table.triggers)]
    assert {trigger.name for trigger in triggers} == {"added", "into_newest", "counted"}
    assert [view.name for view in whole.views] == ["newest"]


@pytest.mark.parametrize(
    ("models", "renames", "arguments"),
    [
        (NOTES.replace("notes", "posts"), ("notes=posts",), "body, content = 'posts', content_rowid='id'"),
        (NOTES.replace("id", "nr"), ("notes.id=nr",), "body, content = 'notes', content_rowid='nr'"),
        (
            NOTES.replace("notes (id", '"a ""b" (nr'),
            ('notes=a "b', "notes.id=nr"),
            "body, content = 'a \"b', content_rowid='nr'",
        ),
    ],
)
def test_a_full_text_table_follows(models: str, renames: tuple[str, ...], arguments: str) -> None:
    """SQLite does not rewrite what it indexes; it is created again, and filled."""
    ran = statements(EVERYTHING, models, renames)
    assert ran[-3:] == [
        'DROP TABLE "search"',
        f"CREATE VIRTUAL TABLE search USING fts5({arguments})",
        'INSERT INTO "search" ("search") VALUES (\'rebuild\')',
    ]
    scratch = ScratchEngine()
    for sql in (*EVERYTHING.split(";\n")[:-1], "INSERT INTO notes (body) VALUES ('found')", *ran):
        assert scratch.run(sql).refusal is None, sql
    assert scratch.rows("SELECT body FROM search WHERE search MATCH 'found'") == [("found",)]
    scratch.close()


OUTSIDE = "outside the models: change or drop it first, in a migration of its own"
REFUSED = [
    (NOTES + SEARCH, NOTES.replace("body", "text"), ("notes.body=text",), (), "virtual table search uses notes.body"),
    (NOTES + SEARCH, NOTES.replace(" body TEXT,", ""), (), ("notes.body",), "virtual table search uses notes.body"),
    (EVERYTHING, NOTES, (), ("search",), "trigger added uses table search"),
    (CURRENT, MODELS.replace(", title TEXT", ""), ("tags=labels",), ("labels.name",), "view names uses"),
    (CURRENT, "CREATE TABLE notes (id INTEGER PRIMARY KEY, tag INTEGER);\n", (), ("tags",), "view names uses table tags"),
    (
        NOTES + SEARCH + "CREATE VIRTUAL TABLE words USING fts5vocab(search, row);\n",
        *(NOTES, (), ("search",)),
        "virtual table words would fail when used",
    ),
    (
        NOTES + "CREATE VIEW v AS SELECT body FROM notes;\n"
        "CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN SELECT new.body; END;\n",
        *(NOTES.replace("body", "text"), ("notes.body=text",), ()),
        "trigger t prevents the rename notes.body=text",
    ),
    (NOTES + "CREATE VIEW posts AS SELECT 1;\n", NOTES.replace("notes", "posts"), ("notes=posts",), (), "view posts prevents"),
    (
        NOTES + "CREATE TABLE a (b);\nCREATE INDEX posts ON a (b);\n",
        *(NOTES.replace("notes", "posts"), ("notes=posts",), ()),
        "index posts prevents",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("current", "models", "renames", "drop", "message"), REFUSED)
def test_what_would_break(
    current: str, models: str, renames: tuple[str, ...], drop: tuple[str, ...], message: str
) -> None:
    """It is refused, with the way on; nothing that stays is lost or left broken."""
    with pytest.raises(PlanError, match=message) as caught:
        statements(current, models, renames, drop)
    assert OUTSIDE in str(caught.value.hint)


def test_an_index_with_the_new_name() -> None:
    """The models own the indexes of their tables."""
    current = f"{NOTES}CREATE INDEX posts ON notes (body);\n"
    ran = statements(current, NOTES.replace("notes", "posts"), ("notes=posts",))
    assert ran == ['DROP INDEX "posts"', 'ALTER TABLE "notes" RENAME TO "posts"']


TAKEN = [
    ("CREATE TABLE b (c);\nCREATE INDEX i ON b (c);\n", "CREATE INDEX I ON notes (body);\n", "create index I, but index i on b"),
    ("CREATE VIEW v AS SELECT 1;\n", "CREATE TABLE v (a);\n", "create table v, but view v"),
    ("CREATE TABLE i (c);\n", "CREATE INDEX i ON notes (body);\n", "create index i, but table i"),
    (
        "CREATE TABLE b (c);\nCREATE TRIGGER t AFTER INSERT ON b BEGIN SELECT 1; END;\n",
        "CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT 1; END;\n",
        "create trigger t, but a trigger on b",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("current", "models", "message"), TAKEN)
def test_names_that_are_taken(current: str, models: str, message: str) -> None:
    """Neither of the two is left out."""
    with pytest.raises(PlanError, match=message):
        whole_of(NOTES + current, NOTES + models)


def test_what_the_tool_creates() -> None:
    """A trigger or view of the models replaces the one of its name."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT {}; END;\nCREATE VIEW v AS SELECT {};\n"
    ran = statements(NOTES + trigger.format(1, 1), NOTES + trigger.format(2, 2))
    assert [sql.partition(" BEGIN")[0] for sql in ran] == [
        *('DROP TRIGGER "t"', 'DROP VIEW "v"', "CREATE VIEW v AS SELECT 2"),
        "CREATE TRIGGER t AFTER INSERT ON notes",
    ]


def test_drops() -> None:
    """A table outside the models is dropped only by its name, with its triggers; `all` names none."""
    assert statements(EVERYTHING, NOTES, (), ("all",)) == []
    assert statements(EVERYTHING, NOTES, (), ("Comments", "places")) == [
        'DROP TRIGGER "counted"',
        'DROP TABLE "places"',
        'DROP TABLE "comments"',
    ]


def test_a_view_is_dropped_in_a_migration_of_its_own() -> None:
    """The models drop none, so a flag cannot permit it."""
    current, desired = read(EVERYTHING, file="now.sql").schema, read(NOTES, file="models")
    for name, kind in (("Newest", "view newest"), ("added", "trigger added")):
        declared = Declarations(allow_drop=(name,))
        with pytest.raises(UsageError, match=f"{kind} is outside the models, and stays"):
            declared.refuse_unknown(current, desired._replace(models=Models("python:models:Base")))
        with pytest.raises(UsageError, match="needs no permission"):
            declared.refuse_unknown(current, desired)


def test_a_table_called_all() -> None:
    """`all` does not name it either."""
    assert statements(f'{NOTES}CREATE TABLE "all" (a);\n', NOTES, (), ("all",)) == []


def test_clauses_that_the_models_cannot_declare() -> None:
    """They stay through a rename of the parent, unless every clause counts."""
    current = read(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p REFERENCES p ON DELETE CASCADE);\n",
        file="now.sql",
    ).schema
    models = read(
        "CREATE TABLE q (id INTEGER PRIMARY KEY AUTOINCREMENT);\nCREATE TABLE c (p REFERENCES q, x);\n",
        file="models",
    )
    desired = models._replace(models=Models("django:mysite.settings", undeclared=("actions", "rowids")))
    declared = Declarations.of(("p=q",), [], ())
    assert {table.name: table.sql for table in complete(current, desired, declared).schema.tables} == {
        "q": "CREATE TABLE q (id INTEGER PRIMARY KEY)",
        "c": "CREATE TABLE c (p REFERENCES q ON DELETE CASCADE, x)",
    }
    assert complete(current, desired, declared, types=True).schema.tables == models.schema.tables


def test_a_full_text_table_that_a_model_reads() -> None:
    """It stays: models declare only ordinary tables. Where there is none, one is created."""
    full_text = "CREATE VIRTUAL TABLE words USING fts5(body);\n"
    models = f"{NOTES}CREATE TABLE words (rowid INTEGER NOT NULL PRIMARY KEY, body TEXT NOT NULL);\n"
    assert statements(NOTES + full_text, models) == []
    assert len(statements(NOTES, models)) == 1


def test_a_whole_schema() -> None:
    """It is as it is."""
    current, desired = read(CURRENT, file="now.sql"), read(MODELS, file="schema.sql")
    assert complete(current.schema, desired, Declarations()) is desired


PEOPLE = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, mail TEXT);
CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT);
CREATE TABLE user_tags (user_id INT REFERENCES users(id), tag_id INT REFERENCES tags(id));
"""
RENAMED = PEOPLE.replace("users", "people").replace("user_", "person_").replace(" name ", " full_name ")


def test_a_renamed_class() -> None:
    """Its table, one column of it and a table between two others: each step says what is the next."""
    renames: tuple[str, ...] = ()
    for possible in ("users=people", "user_tags=person_tags"):
        with pytest.raises(DataLoss) as caught:
            whole_of(PEOPLE, RENAMED, renames)
        old, _, new = possible.partition("=")
        assert (caught.value.renames, caught.value.rows, caught.value.stays) == (
            (possible,),
            {old: None},
            True,
        )
        assert str(caught.value) == f"{new} would be new and empty, beside {old}, outside the models"
        assert caught.value.hint == (
            f"to rename: --rename {possible}; to keep both: --keep {old}; to drop: --allow-drop {old}"
        )
        renames += (possible,)
    renames += ("people.name=full_name", "person_tags.user_id=person_id")
    assert len(statements(PEOPLE, RENAMED, renames)) == 4


@pytest.mark.parametrize(
    "columns", ["name TEXT, mail TEXT, age INT", "age INT, title TEXT, mail TEXT, role TEXT"]
)
def test_a_renamed_class_with_new_columns(columns: str) -> None:
    """It may have changed otherwise, too."""
    with pytest.raises(DataLoss, match="new would be new and empty, beside users"):
        whole_of(PEOPLE, f"CREATE TABLE new (id INTEGER PRIMARY KEY, {columns});\n")


@pytest.mark.parametrize(
    "new",
    [
        "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT, phone INT);\n",
        "CREATE TABLE new (id INTEGER PRIMARY KEY, title TEXT, phone TEXT);\n",
        "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT);\n",
        "CREATE TABLE new (id INTEGER PRIMARY KEY, title TEXT);\n",
        "CREATE TABLE new (id INTEGER PRIMARY KEY, tag TEXT, color TEXT);\n",
    ],
)
def test_tables_that_do_not_look_alike(new: str) -> None:
    """Another type, two other columns, one less; of two columns, any other or one more."""
    assert whole_of(PEOPLE, new).schema.tables[0].name == "new"


def test_a_table_that_is_kept() -> None:
    """A new table is created beside it; a flag that has no effect is an error."""
    current = read(PEOPLE, file="now.sql").schema
    desired = read(RENAMED, file="models")._replace(models=Models("python:models:Base"))
    declared = Declarations.of([], [], [], ["Users"])
    declared.refuse_unknown(current, desired)
    whole = complete(current, desired, declared)
    found = draft(current, whole)
    assert found is not None
    declared.refuse_useless(found.changes, current, whole)
    assert [change.name for change in found.changes if isinstance(change, Create)] == [
        "people",
        "person_tags",
    ]
    for name, message in (("user", "no such table: user"), ("tags", "it is a table of the models")):
        with pytest.raises(UsageError, match=message):
            Declarations(keep=(name,)).refuse_unknown(current, desired)
    with pytest.raises(UsageError, match="--keep user_tags has no effect: no new table looks like it"):
        Declarations(keep=("user_tags",)).refuse_useless(found.changes, current, whole)
