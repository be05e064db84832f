"""A plan written to a file by `plan --output`, for `up --plan`. The format belongs in `migrate.plan_file`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.errors import UsageError
from d1migrate.migrate import plan_file
from d1migrate.project import files
from d1migrate.project.identity import identify

if TYPE_CHECKING:
    from d1migrate.cli import plan, up
    from d1migrate.cli.project import Project
    from d1migrate.migrate.plan import Plan

_RECORDED = {"to": None, "single_transaction": False, "allow_out_of_order": False, "phase": None}
"""The options of an `up` that its plan file records, and their defaults."""


class WrittenPlan(NamedTuple):
    """A plan that was written to a file.

    Attributes:
        path: the file.
        content: its content.
        options: those of the `up`, completed with what the file records. What runs still comes from the
            migration files alone.
    """

    path: str
    content: dict[str, Any]
    options: up.Options

    @classmethod
    def read(cls, path: str, given: up.Options) -> WrittenPlan:
        """Read a plan file for an `up`.

        Args:
            path: the file.
            given: the options of the `up`.

        Raises:
            UsageError: there is no such file, it is not a plan, or an option contradicts it.
            PlanError: it was edited.
        """
        text = files.read_text(path)
        if text is None:
            raise UsageError(f"no plan file {path}", hint="`d1migrate plan --output FILE` writes one")
        if any(getattr(given, name) != default for name, default in _RECORDED.items()):
            raise UsageError(
                "--plan already determines what to apply: leave out --to, --phase, --single-transaction and"
                " --allow-out-of-order"
            )
        content = plan_file.load(text, path)
        return cls(path, content, given._replace(**plan_file.options(content, path)))

    def refuse_stale(self, plan: Plan, project: Project) -> None:
        """Refuse a plan that is not the written one.

        Raises:
            PlanError: files, history or database changed since.
        """
        now = _describe(plan, self.options, project)
        plan_file.refuse_stale(self.content, now, self.path)


def write(path: str, plan: Plan, options: plan.Options, project: Project) -> None:
    """Write a plan to a file, for `up --plan`."""
    files.replace(path, plan_file.dump(_describe(plan, options, project)))


def _describe(plan: Plan, options: plan.Options | up.Options, project: Project) -> dict[str, Any]:
    environment = project.environment
    return plan_file.describe(
        plan,
        environment=environment.name,
        database=environment.database,
        database_id=identify(environment, project.config.wrangler).id,
        options={name: getattr(options, name) for name in _RECORDED},
    )
