"""HTTP requests whose responses have limits, in bytes and in seconds.

httpx's timeouts apply between two bytes. A server that sends a byte now and then, or one interim response
after another, never exceeds them; and a few kilobytes of gzip can become gigabytes.
"""

from __future__ import annotations

import socket
import threading
import zlib
from contextlib import suppress

import httpx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MOST = 64 << 20
"""Bytes of a response, before and after decompression: D1 returns at most 50 MB."""
SECONDS = 120.0
"""From the first byte of a request to the last of its response: D1 itself gives up after 30."""

_GZIP = 16 + zlib.MAX_WBITS


class OverLimitError(Exception):
    """A response took too long, or is too large; its content is unknown."""


class BoundedClient:
    """An httpx.Client for one request at a time.

    Args:
        timeout: to connect, and between two bytes.
        transport: what httpx sends through, for tests.

    Raises:
        ValueError, OSError, ImportError: a proxy or certificate named by the environment cannot be used.
    """

    def __init__(self, *, timeout: httpx.Timeout, transport: httpx.BaseTransport | None) -> None:
        self._client = httpx.Client(timeout=timeout, transport=transport, follow_redirects=False)
        # Only what _decoded can decompress up to a limit.
        self._client.headers.update({"user-agent": "d1migrate", "accept-encoding": "gzip"})
        self._sockets: list[socket.socket] = []
        self._is_late = False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(self, method: str, url: str, *, seconds: float = SECONDS, **options: Any) -> httpx.Response:
        """Send a request, and return its response, read to the end and decompressed.

        Args:
            method: GET, POST or PUT.
            url: the address.
            seconds: the limit for the request and its response together.
            **options: those of httpx.Client.request.

        Raises:
            OverLimitError: it took longer, or the response is larger than MOST.
            httpx.HTTPError: there was no response, or only a part of it.
        """
        self._is_late = False
        watchdog = threading.Timer(seconds, self._cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            extensions = {"trace": self._note_socket}
            with self._client.stream(method, url, extensions=extensions, **options) as response:
                data = _limited(response.iter_raw())
        except httpx.HTTPError as error:
            if self._is_late:
                raise OverLimitError(f"the response was not complete after {seconds:g} seconds") from error
            raise
        finally:
            watchdog.cancel()
        encoding = response.headers.pop("content-encoding", "identity").strip().lower()
        content = _decoded(data, encoding)
        response.headers.pop("content-length", None)
        response.headers.pop("transfer-encoding", None)
        return httpx.Response(
            response.status_code, headers=response.headers, content=content, request=response.request
        )

    def _note_socket(self, event: str, info: dict[str, Any]) -> None:
        """Keep the socket of a connection: httpx has no other way to end a request from outside."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            found = info["return_value"].get_extra_info("socket")
            self._sockets = [*(s for s in self._sockets if s.fileno() >= 0), found]

    def _cut(self) -> None:
        self._is_late = True
        for one in self._sockets:
            with suppress(OSError):
                # SSLSocket.shutdown would clear the TLS state that the reading thread uses.
                socket.socket.shutdown(one, socket.SHUT_RDWR)


def _limited(chunks: Iterable[bytes]) -> bytes:
    found, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > MOST:
            raise OverLimitError(f"the response is larger than {MOST >> 20} MiB")
        found.append(chunk)
    return b"".join(found)


def _decoded(data: bytes, encoding: str) -> bytes:
    """Decompress a response; one that cannot be decompressed is returned unchanged, and is not JSON."""
    if encoding != "gzip":
        return data
    inflater = zlib.decompressobj(_GZIP)
    try:
        content = inflater.decompress(data, MOST + 1)
    except zlib.error:
        return data
    if len(content) > MOST:
        raise OverLimitError(f"the response is larger than {MOST >> 20} MiB when decompressed")
    return content
