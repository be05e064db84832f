"""The permission of a token that each command needs, as in the guide on tokens."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.cli import main
from d1migrate.drivers.connect import connect
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.cloudflare import Cloudflare

GUIDE = (ROOT / "docs" / "guides" / "tokens.md").read_text()
READING = {
    *(
        "status",
        "history",
        "current",
        "plan",
        "verify",
        "schema",
        "lint",
        "rehearse",
        "env",
        "gate --code-version 1",
    ),
    *("backup --output backup.sql", "restore"),
}
WRITING = {
    *("up", "down", "baseline --to 2 --yes", "repair --accept 1 --reason x"),
    *("restore --to 0 --yes", "restore --file backup.sql --yes"),
}


@pytest.fixture
def shop(cloudflare: Cloudflare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloudflare:
    """A remote database with one of two migrations applied, and a project that knows it."""
    cloudflare.create("shop")
    (tmp_path / "migrations").mkdir()
    for n in (1, 2):
        sql = f"CREATE TABLE t{n} (a);\n-- Rollback:\n--   DROP TABLE t{n};\n"
        (tmp_path / "migrations" / f"00{n}_t.sql").write_text(sql)
    (tmp_path / "d1migrate.toml").write_text('[env.local]\ndatabase = "d1:shop"\n')
    monkeypatch.chdir(tmp_path)
    for name, value in cloudflare.environment.items():
        monkeypatch.setenv(name, value)
    assert main(["up", "--to", "1", "--quiet"]) == 0
    assert main(["backup", "--output", "backup.sql", "--quiet"]) == 0
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", cloudflare.read_token)
    return cloudflare


@pytest.mark.parametrize("command", sorted(READING))
def test_reading_is_enough(shop: Cloudflare, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With D1 Read these commands work."""
    (path := ROOT.__class__("backup.sql")).unlink()
    assert main(command.split()) in (0, 3), capsys.readouterr().err
    assert path.exists() == command.startswith("backup")


@pytest.mark.parametrize("command", sorted(WRITING))
def test_writing_needs_edit(shop: Cloudflare, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With D1 Read these commands are refused, and change nothing."""
    assert main(command.split()) != 0
    said = capsys.readouterr().err
    if command not in ("repair --accept 1 --reason x", "restore --file backup.sql --yes"):  # refused before
        assert re.search("the token does not permit this|does not accept this token", said), said
    assert main(["current"]) == 0
    assert capsys.readouterr().out == "001_t\n"


def test_a_file_for_drift_can_be_written_with_read(
    shop: Cloudflare, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is for a pull request; that the database has it cannot be recorded, and the warning names the command."""
    (path := ROOT.__class__("migrations") / "002_t.sql").unlink()
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", shop.token)
    with closing(connect("d1:shop")) as driver:
        driver.batch(Batch([Query("CREATE TABLE by_hand (a)")]))
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", shop.read_token)
    capsys.readouterr()
    assert main(["verify", "--fix", "live"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path.with_name('002_what_was_changed_by_hand.sql')}\n"
    assert (
        "warning: 002_what_was_changed_by_hand is not recorded as applied: the token does not permit" in err
    )
    assert "hint: `d1migrate baseline --to 002_what_was_changed_by_hand` records it" in err


def test_the_guide_lists_them() -> None:
    """Every command is in the guide's table, with the permission that it needs here."""
    rows = dict(re.findall(r"^\| (Read|Edit|none) \| (.+?) \|", GUIDE, re.MULTILINE))
    listed = {right: set(re.findall(r"`([a-z]+)", rows[right])) for right in ("Read", "Edit")}
    assert listed["Read"] == {command.split()[0] for command in READING}
    assert listed["Edit"] == {command.split()[0] for command in WRITING}
