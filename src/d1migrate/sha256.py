"""SHA-256, for little data without OpenSSL: loading it takes `hashlib` 3 of the 35 ms of a status.

Python has an implementation of its own, which `hashlib` takes where there is no OpenSSL. That of OpenSSL is
five times as fast, and loaded once there is more than little to hash.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Hash(Protocol):
        """A hash object of hashlib."""

        def digest(self) -> bytes:
            """Return the hash."""

        def hexdigest(self) -> str:
            """Return the hash in hexadecimal digits."""


_LITTLE = 1 << 20  # bytes: 3 ms without OpenSSL
_hashed = 0


def sha256(data: bytes) -> Hash:
    """Return the SHA-256 of data that is in memory; `hashlib` is for what is read in parts."""
    global _hashed
    _hashed += len(data)
    implementation = _pythons_own() if _hashed <= _LITTLE else import_module("hashlib")
    found: Hash = implementation.sha256(data)
    return found


@cache
def _pythons_own() -> Any:
    """Return a module with SHA-256, without OpenSSL if there is one: `random` looks for it alike."""
    for name in ("_sha2", "_sha256"):  # the second is that of Python 3.11
        try:
            return import_module(name)
        except ImportError:
            continue
    return import_module("hashlib")
