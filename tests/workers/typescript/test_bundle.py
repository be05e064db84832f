"""What is deployed: the seed's lines as the real wrangler bundles them, and that bundle in workerd."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from tests.runtime.bundle import Bundle, bundle
from tests.runtime.typescript import minified
from tests.runtime.wrangler import Dev, Wrangler, command, environment

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["001_initial_schema", "002_add_api_keys_table", "003_add_users_table"]
SEED = """\
import { runMigrations, getCurrentVersion } from './lib/migrations';
import migrations from '../migrations/index';
"""
LARGEST = 7_150  # bytes; that it stays near the bar of the benchmark, 6,500


@pytest.fixture(scope="module")
def module(consumer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `wrangler deploy` would upload."""
    assert SEED in (consumer / "src" / "index.ts").read_text()
    return bundle(consumer, tmp_path_factory.mktemp("home"))


def test_the_bundle_needs_nothing_else(module: Path) -> None:
    """One module, which imports only what the platform has."""
    lines = module.read_text().splitlines()

    imports = [line for line in lines if line.startswith("import ")]
    assert all('"cloudflare:' in line for line in imports), imports
    assert {path.name for path in module.parent.iterdir()} == {"index.js", "index.js.map", "README.md"}


def test_the_bundle_runs(module: Path, tmp_path: Path) -> None:
    """It migrates the database at the first request, and each object when it is first used."""
    with Bundle(module, tmp_path, object_class="Tenant") as worker:
        assert worker.fetch("/acme") == {"applied": NAMES, "version": 3, "tenant": 3}
        assert worker.fetch("/acme") == {"applied": [], "version": 3, "tenant": 3}
        assert worker.fetch("/other") == {"applied": [], "version": 3, "tenant": 3}
    with Bundle(module, tmp_path, object_class="Tenant") as again:
        assert again.fetch("/acme") == {"applied": [], "version": 3, "tenant": 3}


def test_wrangler_dev(consumer: Path, tmp_path: Path) -> None:
    """The same under `wrangler dev`, whose database wrangler's own commands read."""
    with Dev(command("dev"), consumer, environment(tmp_path)) as dev:
        assert dev.get("acme") == {"applied": NAMES, "version": 3, "tenant": 3}
        assert dev.get("acme") == {"applied": [], "version": 3, "tenant": 3}
    query = "SELECT version, name FROM schema_migrations ORDER BY version"
    with Wrangler() as wrangler:
        ended = wrangler.run(consumer, "d1", "execute", "app", "--local", "--json", "--command", query)

    assert not ended.failed, ended.output
    (answer,) = json.loads(ended.output[ended.output.index("[") :])
    assert [row["name"] for row in answer["results"]] == NAMES


def bundled(consumer: Path, *names: str) -> bytes:
    """What a Worker carries of the runtime if it imports these names, minified."""
    entry = consumer / "src" / "size.ts"
    entry.write_text(f"export {{ {', '.join(names)} }} from './lib/migrations';\n")
    return minified(entry)


def test_the_size_of_the_runtime(consumer: Path) -> None:
    """What a Worker carries beside its index, without what it does not import."""
    assert len(gzip.compress(bundled(consumer, "runMigrations", "getCurrentVersion"))) <= LARGEST


def test_verifying_is_carried_only_if_it_is_imported(consumer: Path) -> None:
    """Its query, its texts and its words are not in the bundle of a Worker that only migrates."""
    every = ["runMigrations", "getCurrentVersion", "getCurrent", "getPending", "MigrationError"]
    only = {"pragma_table_list", "no schema digests", "__drizzle_migrations", "savepoint", "SHA-256"}

    without, whole = bundled(consumer, *every).decode(), bundled(consumer, *every, "verifySchema").decode()

    assert {text for text in only if text in whole} == only
    assert {text for text in only if text in without} == {"SHA-256"}  # that of the seal
