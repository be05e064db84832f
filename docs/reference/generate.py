"""Write the generated parts of the pages in this folder, and the JSON Schema files of the package.

Run `python docs/reference/generate.py`; with `--check`, it only reports what is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from _generate import (
    commands,
    configuration,
    error_page,
    json_page,
    json_schema,
    library,
    regions,
    rules,
    typescript,
)

import d1migrate
from d1migrate.report import shapes

HERE = Path(__file__).parent
SCHEMAS = Path(d1migrate.__file__).parent / "report" / "json_schema"
PAGES = {
    "commands.md": commands.parts,
    "configuration.md": configuration.parts,
    "errors.md": error_page.parts,
    "json.md": json_page.parts,
    "library.md": library.library,
    "rules.md": rules.parts,
    "typescript.md": typescript.parts,
    "workers.md": library.in_a_worker,
}


def files() -> dict[Path, str]:
    """Return {file: its text} of all that is generated."""
    found = {HERE / name: regions.fill((HERE / name).read_text(), parts()) for name, parts in PAGES.items()}
    return found | {SCHEMAS / shapes.file_name(name): json_schema.document(name) for name in shapes.DOCUMENTS}


def main() -> int:
    """Write the files, or with --check report which are out of date."""
    wanted, is_check = files(), "--check" in sys.argv
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    unknown = [path for path in SCHEMAS.glob("*.json") if path not in wanted]
    if is_check and (stale or unknown):
        print(f"not up to date: {', '.join(path.name for path in stale + unknown)}", file=sys.stderr)
        return 1
    for path in () if is_check else stale:
        path.write_text(wanted[path])
    for path in () if is_check else unknown:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
