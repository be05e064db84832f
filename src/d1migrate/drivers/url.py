"""Database urls: what a person may write, and its one normal form.

A form that other tools read differently is refused with the right spelling, never interpreted: the wrong
file would read as an empty database.
"""

from __future__ import annotations

import os
import re

from d1migrate.errors import UsageError
from d1migrate.hints import nearest

_SCHEMES = ("sqlite", "wrangler", "d1", "do")
_FORMS = (
    "use sqlite:PATH for a file, wrangler:BINDING for wrangler's local D1, d1:NAME for a remote D1, or"
    " do:CLASS/NAME for a local Durable Object"
)
_EXAMPLES = {"sqlite": "sqlite:app.db", "d1": "d1:my-database", "do": "do:Tenant/acme"}
_SUFFIXES = (".db", ".db3", ".sqlite", ".sqlite3", ".s3db")
# Patterns are compiled when they are needed: few urls have these characters.
_VARIABLE = r"\$?\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|(?<![^:/\\])(?:\$\w+|%\w+%)(?![^/\\])"
_OPTIONS = r"\?(?=\w+=)"


def normalize(url: str, folder: str = "") -> str:
    """Return a url with its scheme, with `~` expanded, and with paths relative to the working directory.

    Args:
        url: `sqlite:PATH`, the PATH alone, `wrangler:[NAME][?…]`, `d1:NAME[?…]` or `do:CLASS/NAME[?…]`.
        folder: what its paths are relative to, such as the folder of a configuration file.

    Raises:
        UsageError: it names no database, or is in another tool's form.
    """
    if not url.strip():
        raise UsageError("the database url is empty", hint="check that the flag or variable has a value")
    if any(mark in url for mark in "$%{") and (variable := re.search(_VARIABLE, url)):
        raise UsageError(
            f"the database url contains {variable[0]}, which nothing expanded",
            hint="d1migrate expands no variables: write the url itself, or set D1MIGRATE_DATABASE to it",
        )
    scheme, colon, rest = ("sqlite", ":", url) if _is_path(url) else url.partition(":")
    if not colon or scheme not in _SCHEMES or rest.startswith("//"):
        raise _unknown(scheme, rest if colon else None)
    if not rest and scheme != "wrangler":
        raise UsageError(
            f"the database url {url!r} names no database", hint=f"for example: {_EXAMPLES[scheme]}"
        )
    if scheme == "sqlite":
        return f"sqlite:{_file(rest, folder)}"
    return url if scheme == "d1" else f"{scheme}:{_with_state_folder(rest, folder)}"


def class_of(url: str) -> str | None:
    """Return the class in the url of a Durable Object, `do:CLASS/…`; None for another url."""
    return url[3:].partition("/")[0] if url.startswith("do:") else None


def expand(path: str, folder: str = "") -> str:
    """Return a path with `~` expanded, relative to the working directory instead of another folder.

    A shell expands `~` only at the beginning of a word, so not in `sqlite:~/app.db` or `--config=~/x.toml`.
    """
    if path == "~" or path.startswith(("~/", "~\\")):
        path = os.path.expanduser(path)
    return os.path.normpath(os.path.join(folder, path)) if folder else path


def _is_path(url: str) -> bool:
    """Whether a url without a scheme is the path of a file."""
    if url.startswith((".", "/", "~", "\\")) or os.path.splitdrive(url)[0]:
        return True
    return ":" not in url and ("/" in url or url.lower().endswith(_SUFFIXES))


def _file(path: str, folder: str) -> str:
    if path == ":memory:":
        return path
    if "?" in path and (options := re.search(_OPTIONS, path)):
        text, name = path[options.start() :], path[: options.start()]
        raise UsageError(f"a sqlite: url has no options such as {text!r}", hint=f"write sqlite:{name}")
    found = expand(path, folder)
    # `./~/app.db` is in a folder named `~`. It must stay one if the url is normalized again.
    return f"./{found}" if found.startswith("~") else found


def _with_state_folder(rest: str, folder: str) -> str:
    """Expand the path in NAME[?env=E&persist-to=DIR]."""
    name, options = split_options(rest)
    if "persist-to" not in options:
        return rest
    from urllib.parse import urlencode

    options["persist-to"] = expand(options["persist-to"], folder)
    return f"{name}?{urlencode(options)}"


def split_options(rest: str) -> tuple[str, dict[str, str]]:
    """Return the name and the options in NAME[?env=E&persist-to=DIR].

    Raises:
        UsageError: there is another option.
    """
    if "?" not in rest:
        return rest, {}
    from urllib.parse import parse_qsl

    name, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := options.keys() - {"env", "persist-to"}:
        raise UsageError(
            f"unknown option {min(unknown)!r} of the database url", hint="the options are env and persist-to"
        )
    return name, options


def _unknown(scheme: str, rest: str | None) -> UsageError:
    """Return the error of a url in another form. A server's url is not repeated: it may have a password."""
    if rest is None:
        return UsageError(
            f"{scheme!r} is not a database url",
            hint=f"write sqlite:{scheme} for a file, wrangler:{scheme} for a binding of wrangler's"
            f" configuration, or d1:{scheme} for a remote D1",
        )
    kind = scheme.lower()
    if kind == "file" or kind.startswith("sqlite"):
        return _other_sqlite(scheme, rest)
    if rest.startswith("//") and kind not in _SCHEMES:
        return UsageError(
            f"{kind}:// is not a database url of d1migrate, which is for SQLite and Cloudflare D1",
            hint=_FORMS,
        )
    name = rest.removeprefix("//")
    meant = "sqlite::memory:" if rest == "memory:" else f"{nearest(kind, _SCHEMES)}:{name}"
    return UsageError(
        f"{scheme}:{rest} is not a database url",
        hint=_FORMS if meant.startswith("None:") else f"did you mean {meant}?",
    )


def _other_sqlite(scheme: str, rest: str) -> UsageError:
    """Return the error of a SQLite url as SQLAlchemy, dbmate, Prisma or SQLite itself write one."""
    url, path = f"{scheme}:{rest}", re.split(_OPTIONS, rest)[0]
    name = path.lstrip("/")
    slashes, is_memory = len(path) - len(name), name in ("", ":memory:")
    is_absolute = bool(os.path.splitdrive(name)[0])
    if slashes == 3 and scheme.lower() != "file" and not (is_memory or is_absolute):
        return UsageError(
            f"{url} is ambiguous: some tools read it as {name}, others as /{name}",
            hint=f"write sqlite:{name} or sqlite:/{name}",
        )
    root = "" if slashes in (0, 2) or is_absolute else "/"
    meant = ":memory:" if is_memory else f"{root}{name}"
    return UsageError(f"{url} is not a database url of d1migrate", hint=f"did you mean sqlite:{meant}?")
