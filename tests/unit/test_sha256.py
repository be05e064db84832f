"""SHA-256 with and without OpenSSL."""

from __future__ import annotations

import hashlib
import sys

import pytest

from d1migrate import sha256 as module
from d1migrate.sha256 import sha256


@pytest.mark.parametrize("little", [0, 1 << 20])
@pytest.mark.parametrize("data", [b"", b"a", b"ab" * 1000])
def test_is_that_of_hashlib(monkeypatch: pytest.MonkeyPatch, data: bytes, little: int) -> None:
    """Before and after there was much to hash."""
    monkeypatch.setattr(module, "_hashed", 0)
    monkeypatch.setattr(module, "_LITTLE", little)
    assert sha256(data).hexdigest() == hashlib.sha256(data).hexdigest()
    assert sha256(data).digest() == hashlib.sha256(data).digest()


def test_needs_no_module_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some builds of Python have OpenSSL's only."""
    for name in ("_sha2", "_sha256"):
        monkeypatch.setitem(sys.modules, name, None)
    module._pythons_own.cache_clear()
    try:
        assert sha256(b"a").hexdigest() == hashlib.sha256(b"a").hexdigest()
    finally:
        module._pythons_own.cache_clear()
