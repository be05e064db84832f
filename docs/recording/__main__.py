"""Record the terminal session of the README: `python -m docs.recording` writes docs/recording.svg.

The commands run in a folder of their own, and the outputs are real. Only the pace is made up, for a reader.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from docs.recording.svg import draw
from docs.recording.terminal import Terminal

FILE = Path(__file__).parent.parent / "recording.svg"
TITLE = "d1migrate on a terminal"
DESCRIPTION = (
    "up refuses a migration that rebuilds a table, because DROP TABLE would delete every customer's orders."
    " lint --fix rewrites it, up applies it, status shows it, and down rolls the newest migration back."
)
PROJECT = {
    "wrangler.jsonc": json.dumps(
        {"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "0a1b2c3d"}]}
    ),
    "migrations/0001_shop.sql": """\
CREATE TABLE customers (id INTEGER PRIMARY KEY, plan TEXT DEFAULT 'free');
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers(id) ON DELETE CASCADE
);
CREATE INDEX idx_orders_customer ON orders(customer_id);
INSERT INTO customers (id) VALUES (1), (2);
INSERT INTO orders VALUES (1, 1), (2, 1), (3, 2);
-- Rollback:
--   DROP TABLE orders;
--   DROP TABLE customers;
""",
    "migrations/0002_trial.sql": """\
CREATE TABLE new (id INTEGER PRIMARY KEY, plan TEXT DEFAULT 'trial');
INSERT INTO new SELECT id, plan FROM customers;
DROP TABLE customers;
ALTER TABLE new RENAME TO customers;
""",
    "migrations/0003_plans.sql": """\
CREATE INDEX idx_customers_plan ON customers(plan);
-- Rollback:
--   DROP INDEX idx_customers_plan;
""",
}
SCENES = (
    ("cat migrations/0002_trial.sql", "d1migrate up"),
    ("d1migrate lint --fix --yes > /dev/null", "d1migrate up", "d1migrate status", "d1migrate down"),
)
"""What is typed; the screen is cleared between scenes."""


def record(folder: Path) -> Terminal:
    """Run the session in an empty folder."""
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    Terminal(folder).type("d1migrate up --to 1 --quiet")
    terminal = Terminal(folder)
    for number, commands in enumerate(SCENES):
        if number:
            terminal.clear()
        for command in commands:
            terminal.type(command)
    return terminal


def picture(terminal: Terminal) -> str:
    """Return a session as an animated SVG."""
    return draw(terminal.frames, terminal.at, title=TITLE, description=DESCRIPTION)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        project = Path(home) / "shop"
        project.mkdir()
        recorded = record(project)
    FILE.write_text(picture(recorded), encoding="utf-8")
    print(f"{FILE}: {FILE.stat().st_size / 1000:.1f} kB, {recorded.at:.1f} s")
