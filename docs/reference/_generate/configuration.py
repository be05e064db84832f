"""configuration.md: every key of d1migrate.toml, from the table that checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.project import settings

from .markdown import code, sentence, wrapped

if TYPE_CHECKING:
    from d1migrate.project.settings import Setting


def parts() -> dict[str, str]:
    """Return the keys of a project, and those of each kind of section."""
    return {
        "keys": "\n\n".join(_key(setting) for setting in settings.PROJECT),
        "keys of the schema": "\n\n".join(_key(one, "schema.") for one in settings.SCHEMA),
        "keys of an environment": "\n\n".join(_key(one, "env.NAME.") for one in settings.ENVIRONMENT),
        "keys of a class": "\n\n".join(_key(one, "objects.CLASS.") for one in settings.OBJECT_CLASS),
        "keys of a fleet": "\n\n".join(_key(one, "fleet.NAME.") for one in settings.FLEET),
    }


def _key(setting: Setting, section: str = "") -> str:
    default = setting.default if setting.default == "required" else f"default: {setting.default}"
    return "\n\n".join(
        (
            f"### `{section}{setting.name}`",
            wrapped(setting.meaning),
            wrapped(sentence(f"{setting.takes}; {default}")),
            code(setting.example, "toml"),
        )
    )
