"""Connections to Cloudflare's API that many databases share: one `Api` for each thread.

A connection serves one request at a time, and setting one up takes several round trips: 10,000 tenants must
not take 10,000 handshakes.
"""

from __future__ import annotations

import os
import threading
import weakref

from d1migrate.drivers import cloudflare
from d1migrate.drivers.rate_limit import Demand


class _Connection:
    """The Api of one thread; it is closed when the thread ends."""

    def __init__(self, key: tuple[int, cloudflare.Settings], api: cloudflare.Api) -> None:
        self.key, self.api = key, api
        self.close = weakref.finalize(self, api.close)


class ApiPool:
    """One `Api` for each thread that asks for one, as the process's environment describes it at that time.

    Args:
        demand: what its requests leave of the rate limit to others; shared by all threads.
        on_wait: called with the reason and the seconds before a wait, in the thread that waits.
    """

    def __init__(self, demand: Demand | None = None, on_wait: cloudflare.OnWait | None = None) -> None:
        self.demand = demand or Demand()
        self._on_wait = on_wait
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._closers: list[weakref.finalize[..., _Connection]] = []

    def api(self) -> cloudflare.Api:
        """Return this thread's Api; errors as `cloudflare.from_environment`."""
        # A child must not use the connections of the process that it was forked from.
        key = (os.getpid(), cloudflare.settings(os.environ))
        found: _Connection | None = getattr(self._of_thread, "connection", None)
        if found is None or found.key != key:
            found = _Connection(key, cloudflare.from_environment(self._on_wait, self.demand))
            self._of_thread.connection = found
            with self._lock:
                self._closers = [*(close for close in self._closers if close.alive), found.close]
        return found.api

    def close(self) -> None:
        """Close the connections of all threads, which must not be sending anything."""
        with self._lock:
            for close in self._closers:
                close()
            self._of_thread = threading.local()


_shared = ApiPool(Demand(reserve=0.1))  # for tasks in the background: commands have the reserve


def shared_api() -> cloudflare.Api:
    """Return this thread's Api for databases that are opened one after the other, by their urls alone."""
    return _shared.api()
