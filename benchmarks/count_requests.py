"""Count the batches of a call of the library: `count_requests.py status|up|single DATABASE FOLDER TABLE`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from d1migrate import Migrator, connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate import Driver
    from d1migrate.sql.batch import Batch, Result


class Counted:
    """A driver that counts the batches it receives."""

    def __init__(self, driver: Driver) -> None:
        self.url, self.batches, self._driver = driver.url, 0, driver
        self.capabilities = driver.capabilities

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Count it and pass it on."""
        self.batches += 1
        return self._driver.batch(batch)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


def main() -> None:
    """Print the number of batches."""
    what, database, folder, table = sys.argv[1:]
    driver = Counted(connect(f"sqlite:{database}"))
    migrator = Migrator(driver, folder, table=table)
    if what == "status":
        migrator.status()
    else:
        migrator.up(single_transaction=what == "single", lint=what == "linted")
    migrator.close()
    print(driver.batches)


if __name__ == "__main__":
    main()
