"""The types of the runtime and of the index, as `tsc` sees them in a project that uses them."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.workerd import MODULES, ROOT, node
from tests.runtime.wrangler import command, environment

if TYPE_CHECKING:
    from pathlib import Path

TSC = MODULES / "typescript" / "bin" / "tsc"
WORKER = ["src/index.ts", "src/accepted.ts", "src/refused.ts"]


def tsc(folder: Path, *files: str, **options: object) -> str:
    """Check files with the options of the project's tsconfig.json and these: the errors."""
    config = {"extends": f"{folder}/tsconfig.json", "compilerOptions": options, "files": [*files]}
    path = folder / "tsconfig.test.json"
    path.write_text(json.dumps(config))
    done = subprocess.run(
        [node(), str(TSC), "-p", str(path)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert bool(done.stdout) == bool(done.returncode), done.stderr
    return done.stdout


def generated_types(folder: Path, home: Path) -> str:
    """Return the file that `wrangler types` writes for a project."""
    path = str(home / "runtime.d.ts")
    done = subprocess.run(
        command("types", path),
        cwd=folder,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def test_with_the_types_of_workers(consumer: Path) -> None:
    """Every form of a database is accepted, and nothing else."""
    assert tsc(consumer, *WORKER, types=["@cloudflare/workers-types"]) == ""


def test_with_the_types_that_wrangler_generates(consumer: Path, tmp_path: Path) -> None:
    """The file of `wrangler types`, which replaces the package."""
    assert tsc(consumer, *WORKER, generated_types(consumer, tmp_path)) == ""


def test_what_the_documentation_shows(consumer: Path) -> None:
    """Each block of the page on Workers is a module of such a project."""
    blocks = re.findall(r"```ts\n(.*?)```", (ROOT / "docs/concepts/workers.md").read_text("utf-8"), re.DOTALL)
    for number, block in enumerate(blocks):
        (consumer / "src" / f"page_{number}.ts").write_text(block, "utf-8")

    files = [f"src/page_{number}.ts" for number in range(len(blocks))]
    assert files
    assert tsc(consumer, *files, types=["@cloudflare/workers-types"]) == ""


@pytest.mark.parametrize("lib", [["es2022"], ["esnext", "dom", "dom.iterable"]])
def test_without_the_types_of_workers(consumer: Path, lib: list[str]) -> None:
    """The runtime depends on no types but those of the language."""
    assert tsc(consumer, "src/without_types.ts", lib=lib) == ""


def test_an_older_style_of_project(consumer: Path) -> None:
    """Without the strict options that a project may not have yet."""
    relaxed = {"strict": False, "exactOptionalPropertyTypes": False, "verbatimModuleSyntax": False}
    unchecked: dict[str, Any] = {"noUncheckedIndexedAccess": False, "isolatedModules": False}

    assert tsc(consumer, "src/index.ts", types=["@cloudflare/workers-types"], **relaxed, **unchecked) == ""


def test_what_is_refused_is_refused_here(consumer: Path) -> None:
    """Each line that the types refuse is an error of its own: `@ts-expect-error` hides none that is not there."""
    text = (consumer / "src" / "refused.ts").read_text()
    expected = len(re.findall(r"// @ts-expect-error", text))
    shown = consumer / "src" / "shown.ts"
    shown.write_text(text.replace("@ts-expect-error", ""))

    found = tsc(consumer, "src/shown.ts", types=["@cloudflare/workers-types"])

    assert len(set(re.findall(r"^src/shown\.ts\((\d+),", found, re.MULTILINE))) == expected, found


def test_the_worker_of_the_tests(consumer: Path) -> None:
    """What runs the runtime for the other tests calls it as its types say."""
    entry = str(ROOT / "tests" / "runtime" / "typescript_entry.ts")
    types = {"types": ["@cloudflare/workers-types"], "typeRoots": [str(MODULES)]}
    paths = {"runtime": [str(consumer / "src" / "lib" / "migrations.ts")]}

    assert tsc(consumer, entry, allowJs=True, noImplicitAny=False, paths=paths, **types) == ""


def test_the_pinned_versions() -> None:
    """The versions that package.json pins are the ones that ran."""
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    for name in ("typescript", "@cloudflare/workers-types"):
        installed = json.loads((MODULES / name / "package.json").read_text())["version"]
        assert pinned[name] == installed


def test_node_imports_the_runtime_and_the_index(consumer: Path) -> None:
    """Types are only stripped: no enum, no namespace, no parameter property, no import without its extension."""
    script = """
      const runtime = await import(process.argv[1]);
      const { default: migrations } = await import(process.argv[2]);
      const refused = await runtime.runMigrations(undefined, migrations).catch((error) => error);
      console.log(JSON.stringify([Object.keys(runtime).sort(), migrations.migrations.length, refused.name]));
    """
    paths = [str(consumer / "src" / "lib" / "migrations.ts"), str(consumer / "migrations" / "index.ts")]
    flags = ["--experimental-strip-types", "--no-warnings", "--input-type=module"]

    done = subprocess.run(
        [node(), *flags, "--eval", script, *paths], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    names, count, refused = json.loads(done.stdout)
    assert {"runMigrations", "getCurrentVersion", "getCurrent", "getPending"} <= set(names)
    assert (count, refused) == (3, "UsageError")
