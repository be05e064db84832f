"""SHA-256 of data in memory; of little, without OpenSSL, whose load takes 3 of the 35 ms of a `status`.

Python has an implementation of its own, which `hashlib` uses if there is no OpenSSL. OpenSSL's is five times
as fast, and is loaded once there is more to hash. What is read in parts is hashed with `hashlib`.
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
    """Return the SHA-256 of data."""
    global _hashed
    _hashed += len(data)
    if _hashed <= _LITTLE:
        found: Hash = _pythons_own().sha256(data)
        return found
    import hashlib

    return hashlib.sha256(data)


@cache
def _pythons_own() -> Any:
    """Return a module with SHA-256, if possible one without OpenSSL; `random` finds it in the same way."""
    try:
        if sys.version_info >= (3, 12):
            import _sha2 as own  # type: ignore[import-not-found]
        else:
            import _sha256 as own  # type: ignore[import-not-found]
    except ImportError:
        import hashlib as own
    return own
