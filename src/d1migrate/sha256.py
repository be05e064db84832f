"""SHA-256, for little data without OpenSSL: loading it takes `hashlib` 3 of the 35 ms of a status.

Python has an implementation of its own, which `hashlib` takes where there is no OpenSSL. That of OpenSSL is
five times as fast, and loaded once there is more than little to hash.
"""

from __future__ import annotations

import sys
from functools import cache

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
    if _hashed <= _LITTLE:
        found: Hash = _pythons_own().sha256(data)
        return found
    import hashlib

    return hashlib.sha256(data)


@cache
def _pythons_own() -> Any:
    """Return a module with SHA-256, without OpenSSL if there is one: `random` looks for it alike."""
    try:
        if sys.version_info >= (3, 12):
            import _sha2 as own  # type: ignore[import-not-found]
        else:
            import _sha256 as own  # type: ignore[import-not-found]
    except ImportError:
        import hashlib as own
    return own
