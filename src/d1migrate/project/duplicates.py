"""Two names for one database, of which one would bypass the gates of the other."""

from __future__ import annotations

from d1migrate.errors import UsageError
from d1migrate.project.identity import identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.project.config import Config
    from d1migrate.project.environment import Environment
    from d1migrate.project.identity import DatabaseIdentity

_HINT = "write both as ids, or give the name its `database_id` in wrangler's configuration"


def refuse_duplicates(config: Config) -> None:
    """Check that no two environments lead to one database, as far as that can be known without a request.

    Raises:
        UsageError: two do, or may do.
    """
    if config.from_wrangler:  # wrangler's environments inherit no databases, so they usually repeat them
        return
    seen: list[tuple[str | None, DatabaseIdentity]] = []
    for environment in config.environments:
        found = identify(environment, config.wrangler)
        for name, other in seen:
            both, same = f"{config.path}: [env.{name}] and [env.{environment.name}]", found.is_same(other)
            if same:
                raise UsageError(
                    f"{both} are one database: {environment.database}",
                    hint="a copy of another environment protects nothing: give each its own database",
                )
            if same is None:
                raise UsageError(f"{both} may be one database: one is an id, the other a name", hint=_HINT)
        seen.append((environment.name, found))


def refuse_ambiguous(config: Config, environment: Environment) -> None:
    """Check that a database named by its url is not one that an environment with gates may lead to.

    Raises:
        UsageError: it may be one.
    """
    if environment.name is not None:
        return
    found = identify(environment, config.wrangler)
    for other in config.environments:
        if other.has_gates and found.is_same(identify(other, config.wrangler)) is None:
            raise UsageError(
                f"{environment.database} may be [env.{other.name}], {other.database}:"
                " one is an id, the other a name",
                hint=f"--env {other.name}, if it is; otherwise {_HINT}",
            )
