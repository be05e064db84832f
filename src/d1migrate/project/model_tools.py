"""Which models a Python project has, by the files of Alembic and Django. These are programs, and are not run.

A source is known only if the file has it as a literal or an import; what is computed is left to the user.
"""

from __future__ import annotations

import ast
import os
import re

from d1migrate.drivers import config_file
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LIBRARIES = ("sqlmodel", "sqlalchemy")
"""Their objects have no tables until the models of a project are imported."""

_DJANGO_FILE = "db.sqlite3"
"""What `startproject` names the database, in the folder of manage.py."""


class ModelTool(NamedTuple):
    """A tool that a project has for its models.

    Attributes:
        tool: its name.
        root: the folder of its project, from which models are imported.
        config: the file that declares it.
        source: the models, as `diff --to` takes them; None if the file does not name them.
        history: the table in which it records its migrations.
        database: the SQLite file of the project, if it has the name that the tool gives to new ones.
    """

    tool: str
    root: str
    config: str
    source: str | None
    history: str
    database: str | None = None


def find(folder: str) -> ModelTool | None:
    """Return the tool for the models of a project whose folder is this one; None if there is none."""
    return _django(folder) or _alembic(folder)


def _django(root: str) -> ModelTool | None:
    config = os.path.normpath(os.path.join(root, "manage.py"))
    tree = _parse(config)
    settings = _settings(tree) if tree else None
    if settings is None:
        return None
    source, database = f"django:{settings}", None
    if (tree := _parse(os.path.join(root, *settings.split(".")) + ".py")) and _names_file(tree):
        database = os.path.normpath(os.path.join(root, _DJANGO_FILE))
    return ModelTool("Django", root, config, source, "django_migrations", database)


def _names_file(settings: ast.Module) -> bool:
    """Whether settings name the SQLite file of `startproject`."""
    return any(isinstance(node, ast.Constant) and node.value == _DJANGO_FILE for node in ast.walk(settings))


def _settings(tree: ast.Module) -> str | None:
    """Return the name that a manage.py gives to DJANGO_SETTINGS_MODULE by `setdefault`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setdefault":
            words = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if words[:1] == ["DJANGO_SETTINGS_MODULE"] and len(words) == 2 and _is_dotted(words[1]):
                return str(words[1])
    return None


def _is_dotted(value: object) -> bool:
    return isinstance(value, str) and all(part.isidentifier() for part in value.split("."))


def _alembic(root: str) -> ModelTool | None:
    for name, read in (("alembic.ini", _ini_location), ("pyproject.toml", _toml_location)):
        config = os.path.normpath(os.path.join(root, name))
        location = read(config) if os.path.isfile(config) else None
        if location is not None:
            tree = _parse(os.path.join(root, _path(location, root), "env.py"))
            source = _Env(tree, root).source() if tree else None
            return ModelTool("Alembic", root, config, source, "alembic_version")
    return None


def _ini_location(path: str) -> str | None:
    """Return `script_location` of an alembic.ini; None if it has none: pyproject.toml may have it."""
    found = re.search(r"^script_location\s*[=:]\s*(.*?)\s*$", _text(path), re.MULTILINE)
    return found[1] if found else None


def _toml_location(path: str) -> str | None:
    try:
        tool = config_file.read(path).get("tool")
    except UsageError:
        return None
    section = tool.get("alembic") if isinstance(tool, dict) else None
    location = section.get("script_location") if isinstance(section, dict) else None
    return location if isinstance(location, str) else None


def _path(location: str, root: str) -> str:
    """Return the folder of a `script_location`, which may be in a package: `app.db:migrations`."""
    package, colon, rest = location.replace("%(here)s", os.path.abspath(root)).partition(":")
    return os.path.join(package.replace(".", "/"), rest) if colon else package


class _Env:
    """Alembic's env.py: what it imports, and what it compares."""

    def __init__(self, tree: ast.Module, root: str) -> None:
        self._root = root
        self._target = _target(tree)
        self._names = {
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id != "target_metadata"
        }
        self._bound: dict[str, tuple[str, str]] = {}  # a name: the module, and what it is there
        self._modules: set[str] = set()  # of `import a.b`
        self._unused: set[str] = set()  # modules of the project that are imported to register their models
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._import(node)
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self._import_from(node, node.module)

    def source(self) -> str | None:
        """Return the models that it compares; None if that is not plain."""
        if not self._target:
            return None
        module, name = self._resolve(self._target)
        others = self._unused - {module}
        if not others and module and module.split(".")[0] not in _LIBRARIES and name:
            return f"python:{module}:{name}"
        if len(others) == 1:  # it registers the models, and has the same object
            (module,) = others
            name = name or ".".join(self._target)
            if name.split(".")[0] in _bound_in(_module_file(self._root, module)):
                return f"python:{module}:{name}"
        return None

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._register(alias.name, alias.asname or alias.name.split(".")[0])
            if alias.asname:
                self._bound[alias.asname] = (alias.name, "")
            else:
                self._modules.add(alias.name)

    def _import_from(self, node: ast.ImportFrom, module: str) -> None:
        for alias in node.names:
            inner, name = f"{module}.{alias.name}", alias.asname or alias.name
            is_module = bool(_module_file(self._root, inner))
            self._register(inner if is_module else module, name)
            self._bound[name] = (inner, "") if is_module else (module, alias.name)

    def _register(self, module: str, name: str) -> None:
        if name not in self._names and _module_file(self._root, module):
            self._unused.add(module)

    def _resolve(self, target: list[str]) -> tuple[str, str]:
        """Return the module and the name in it of what a dotted name means; two empty strings if unknown."""
        for module in sorted(self._modules, key=len, reverse=True):
            parts = module.split(".")
            if target[: len(parts)] == parts:
                return module, ".".join(target[len(parts) :])
        module, name = self._bound.get(target[0], ("", ""))
        return module, ".".join(filter(None, (name, *target[1:]))) if module else ""


def _target(tree: ast.Module) -> list[str] | None:
    """Return the dotted name that is assigned to `target_metadata`; None if it is anything else."""
    found = None
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id == "target_metadata" for one in targets):
            found = _dotted(getattr(node, "value", None))
    return found


def _dotted(node: ast.AST | None) -> list[str] | None:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else None


def _module_file(root: str, module: str) -> str:
    """Return the file of a module of the project; "" if it is not one."""
    for folder in (root, os.path.join(root, "src")):
        path = os.path.join(folder, *module.split("."))
        for candidate in (f"{path}.py", os.path.join(path, "__init__.py")):
            if os.path.isfile(candidate):
                return candidate
    return ""


def _bound_in(path: str) -> set[str]:
    """Return the names that a module binds at its top level."""
    tree = _parse(path)
    return set(_bindings(tree)) if tree else set()


def _bindings(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        if isinstance(node, ast.Assign):
            yield from (one.id for one in node.targets if isinstance(one, ast.Name))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def _parse(path: str) -> ast.Module | None:
    """Return the syntax of a Python file; None if there is no such file, or it is not Python."""
    try:
        return ast.parse(_text(path)) if os.path.isfile(path) else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
