"""A plan written to a file by `plan --output`, for `up --plan`. The format belongs in `migrate.plan_file`."""

from __future__ import annotations

from d1migrate.cli.options import ApplyOptions
from d1migrate.errors import UsageError
from d1migrate.migrate import plan_file
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import files
from d1migrate.project.identity import identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from d1migrate.cli.project import Project
    from d1migrate.migrate.plan import Plan


class WrittenPlan(NamedTuple):
    """A plan that was read from a file. What runs still comes from the migration files alone.

    Attributes:
        path: the file.
        content: its content.
        apply: the options of the `plan` that wrote it.
    """

    path: str
    content: dict[str, Any]
    apply: ApplyOptions

    @classmethod
    def read(cls, path: str, given: ApplyOptions) -> WrittenPlan:
        """Read a plan file.

        Args:
            path: the file.
            given: the options of the `up`, which the file replaces.

        Raises:
            UsageError: there is no such file, it is not a plan, or an option is given as well.
            PlanError: it was edited.
        """
        text = files.read_text(path)
        if text is None:
            raise UsageError(
                f"the plan file {path} does not exist", hint="`d1migrate plan --output FILE` writes one"
            )
        if given != ApplyOptions():
            raise UsageError(
                "--plan already determines what to apply: leave out --to, --phase, --single-transaction and"
                " --allow-out-of-order"
            )
        content = plan_file.load(text, path)
        return cls(path, content, ApplyOptions(**plan_file.options(content, path)))

    def refuse_stale(self, plan: Plan, project: Project) -> None:
        """Refuse a plan that is not the written one.

        Raises:
            PlanError: files, history or database changed since.
        """
        plan_file.refuse_stale(self.content, _describe(plan, self.apply, project), self.path)


def write(path: str, plan: Plan, apply: ApplyOptions, project: Project) -> None:
    """Write a plan to a file, for `up --plan`."""
    files.replace(path, plan_file.dump(_describe(plan, apply, project)))


def _describe(plan: Plan, apply: ApplyOptions, project: Project) -> dict[str, Any]:
    environment = project.environment
    return plan_file.describe(
        plan,
        environment=environment.name,
        database=environment.database,
        database_id=identify(environment, project.config.wrangler).id,
        options=apply._asdict(),
    )
