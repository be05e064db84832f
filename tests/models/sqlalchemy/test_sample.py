"""A project with SQLAlchemy's models goes through five changes of them, on the local D1 and on the real one.

On the local D1, wrangler applies the files as well as `up` does.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.models.sqlalchemy.places import Local, Remote, opened
from tests.models.sqlalchemy.sample import BY_HAND, CHANGES, KEPT, MODELS, ROWS, Change, Rows, load, read_rows
from tests.runtime.local import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Outcome
    from tests.models.sqlalchemy.places import Place
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.conftest import Run
    from tests.runtime.wrangler import Wrangler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*does \\*not\\* support Decimal"),
    pytest.mark.filterwarnings("ignore:DELETE statement on table .* expected to delete"),  # see places.d1
]

SOURCE = '[schema]\nsource = "python:app.models:Base.metadata"\n'
DATABASE = {"binding": "DB", "database_name": "shop", "database_id": "0a1b"}


class Sample:
    """The project: its models as they are now, and its database.

    Args:
        by_wrangler: whether wrangler applies the files, instead of `up`.
    """

    def __init__(self, project: Project, place: Place, run: Run, *, by_wrangler: bool = False) -> None:
        self.project, self.place, self._run, self._by_wrangler = project, place, run, by_wrangler
        project.configure({"d1_databases": [DATABASE]})
        project.write({"d1migrate.toml": SOURCE})
        self.edit(MODELS)

    def edit(self, models: str) -> None:
        """Change the models."""
        self.text, self.models = models, load(models)
        self.project.write({"app/models.py": models})

    def d1migrate(self, *arguments: str, code: int = 0) -> Outcome:
        """Run a command."""
        return self._run(self.project.path, *arguments, "--database", self.place.url, code=code)

    def migrate(self, change: Change) -> None:
        """Do what a user does after a change of the models."""
        self.edit(change.edit(self.text))
        self.d1migrate("diff", "--check", code=3)
        self.d1migrate("diff", *change.options)
        self.check_and_apply()

    def check_and_apply(self) -> None:
        """Check the new files as CI does, and apply them."""
        self.d1migrate("lint")
        self.d1migrate("rehearse")
        if self._by_wrangler:
            self.project.wrangler("apply")
        else:
            self.d1migrate("up")
        assert self.d1migrate("up").out == "nothing to do\n"
        assert self.d1migrate("diff", "--check").err.endswith("no difference\n")

    def rows(self) -> Rows:
        """All rows of the models' tables, and of the table outside them."""
        return read_rows(self.place.read, [*self.models.Base.metadata.tables, "audit"])


@pytest.fixture(params=["local", "local by wrangler", "remote"])
def sample(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    wrangler: Wrangler,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> Sample:
    """The project after its first migrations, with 1,000 rows in each table."""
    project = Project(tmp_path / "project", wrangler, run)
    if request.param != "remote":
        made = Sample(project, Local(project), run, by_wrangler="wrangler" in request.param)
    else:
        server: Cloudflare = request.getfixturevalue("cloudflare")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        made = Sample(project, Remote(server, tmp_path / "scratch.db"), run)
    made.d1migrate("diff")
    name = made.d1migrate("new", "By hand").out.strip()
    project.write({name: BY_HAND})
    made.check_and_apply()
    made.place.fill()
    return made


def test_five_changes_and_back(sample: Sample) -> None:
    """Each row stays, and so does what no model has; the ORM works on the result."""
    expected = sample.rows()
    assert {len(rows) for rows in expected.values()} == {ROWS}
    for change in CHANGES.values():
        sample.migrate(change)
        expected = change.expected(expected)
        assert sample.rows() == expected
        check_what_stays(sample)
        check_the_orm(sample, expected)
        assert sample.rows() == expected
    (last,) = sample.project.path.glob("migrations/0007_*.sql")
    assert "ADD COLUMN office_id" in last.read_text(), "a new relation needs no rebuild"
    back = [
        "down",
        "--steps",
        str(len(CHANGES)),
        "--rollback-from",
        "file",
    ]  # what wrangler applied has no other
    assert "would delete values of teams.region (1000 rows)" in sample.d1migrate(*back, code=1).err
    sample.d1migrate(*back, "--allow-loss", "teams.region")
    sample.edit(MODELS)
    undone = reduce(lambda rows, change: change.undone(rows), reversed(CHANGES.values()), expected)
    assert sample.rows() == undone
    check_what_stays(sample)


def check_what_stays(sample: Sample) -> None:
    """The objects of the file that was written by hand are there and in step with the tables."""
    read = sample.place.read
    assert {name for (name,) in read("SELECT name FROM sqlite_master")} >= KEPT
    assert [list(row) for row in read("SELECT * FROM team_sizes WHERE name = 'Team 7'")] == [["Team 7", 1]]
    assert [list(row) for row in read("SELECT rowid FROM tasks_fts WHERE tasks_fts MATCH 'word7'")] == [[7]]
    assert list(read("PRAGMA foreign_key_check")) == []


def check_the_orm(sample: Sample, expected: Rows) -> None:
    """The ORM reads all rows, follows relationships, and writes what it deletes again; triggers see it."""
    models, read = sample.models, sample.place.read
    with opened(sample.place.engine()) as engine, Session(engine) as session:
        for mapper in models.Base.registry.mappers:
            found = session.scalars(select(mapper.class_)).all()
            assert len(found) == len(expected[mapper.local_table.name])
        seventh = session.get_one(models.User, 7)
        assert (seventh.team.name, seventh.manager.email) == ("Team 7", "3@example.com")
        assert [tag.name for tag in session.get_one(models.Project, 7).tags] == ["tag 7"]

        added = new_objects(models)
        for one in added:
            session.add(one)
            session.commit()
        *_, team, user, project, task = added
        assert (project.slug, project.left, task.priority) == ("new project", 3, 3)
        column = "full_name" if hasattr(models.User, "full_name") else "name"
        setattr(user, column, "Grace")
        session.commit()
        (what,) = read(f"SELECT what FROM audit WHERE team_id = {team.id}")
        assert list(what) == ["Ada is now Grace"]
        (found_task,) = read("SELECT rowid FROM tasks_fts WHERE tasks_fts MATCH 'zebra'")
        assert list(found_task) == [task.id]
        for one in reversed(added):
            session.delete(one)
            session.commit()
    assert list(read("SELECT rowid FROM tasks_fts WHERE tasks_fts MATCH 'zebra'")) == []


def new_objects(models: Any) -> list[Any]:
    """An office if there are offices, a team, a member, a project and a task, as the models are now."""
    region = {"region": "us"} if hasattr(models.Team, "region") else {}
    column = "full_name" if hasattr(models.User, "full_name") else "name"
    is_counted = models.Task.__table__.c.estimate.type.python_type is int
    team = models.Team(name="New", plan=models.Plan.paid, settings={"a": [1]}, **region)
    user = models.User(team=team, email="ada@example.com", role=models.Role.admin, **{column: "Ada"})
    offices = [models.Office(city="Turin")] if hasattr(models, "Office") else []
    for office in offices:
        user.office = office
    project = models.Project(team_id=1, owner_id=1, title="New Project", budget=5, spent=2)
    task = models.Task(project=project, title="zebra", notes="", estimate=4 if is_counted else "4")
    return [*offices, team, user, project, task]
