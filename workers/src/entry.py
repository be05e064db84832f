"""HUMMBL's Worker: it migrates its own database on request, and does not run on a schema it is too new for.

Routes: `POST /admin/migrate` for who has the token, `GET /health`; all others are the application's.
"""

import hmac
import json
from urllib.parse import urlsplit

import migrations_index

from d1migrate.errors import ApplyError, Error, Unfinished
from d1migrate.workers import get_current_version, get_pending, run_migrations, verify_schema
from workers import Response, WorkerEntrypoint

NEEDED = max(int(name.split("_")[0]) for name, _ in migrations_index.MIGRATIONS)  # the newest of them
SHORTEST_TOKEN = 32  # bytes


class Default(WorkerEntrypoint):
    """What Cloudflare calls.

    The routes are functions, since another Worker with a service binding to this one can call any method.
    """

    async def fetch(self, request):
        """Answer a request."""
        asked = getattr(request, "js_object", request)  # the SDK's own `method` fails for PROPFIND and others
        path = urlsplit(asked.url).path
        database = getattr(self.env, "DB", None)
        if path == "/admin/migrate":
            return await migrate(self.env, asked) if asked.method == "POST" else not_allowed("POST")
        if path == "/health":
            return await health(database) if asked.method in ("GET", "HEAD") else not_allowed("GET, HEAD")
        return await not_ready(database) or await self.app(request)

    async def app(self, request):
        """Be the application: the schema is at least what this code needs."""
        return answer(404, {"error": f"there is no {urlsplit(request.url).path}"})


async def migrate(env, asked):
    """Apply what is pending. Nothing but the token is read from the request."""
    if refused := refusal(getattr(env, "ADMIN_TOKEN", None), asked.headers.get("Authorization")):
        return refused
    try:
        # The free plan has 50 queries in a request; the last one asks for the version.
        database = getattr(env, "DB", None)
        report = await run_migrations(database, migrations_index, max_queries=49)
        version = await get_current_version(database)
    except Unfinished as error:
        message = "not all is done: send the same request again"
        return answer(202, {"message": message, "applied": error.applied, "pending": error.pending})
    except Error as error:
        log("migrate", error)
        body = {"error": str(error), "hint": error.hint}
        if isinstance(error, ApplyError):
            body |= {"applied": error.applied, "pending": error.pending, "unknown": error.unknown}
        return answer(500, body)
    return answer(200, {"version": version, "applied": [step._asdict() for step in report.results]})


async def health(database):
    """Say whether database and code agree; why they do not is for the log."""
    try:
        found = await verify_schema(database, migrations_index)
    except Error as error:
        log("health", error)
        return answer(503, {"version": None, "expected": NEEDED, "agrees": False})
    agrees = found.ok and not found.pending
    if not agrees:
        states = [f"{entry.name} is {entry.state}" for entry in found.entries if entry.state != "applied"]
        log("health", found.not_compared, states, found.differences)
    return answer(
        200 if agrees else 503,
        {"version": found.current_version or 0, "expected": NEEDED, "agrees": agrees},
    )


async def not_ready(database):
    """Return the answer while the schema is older than this code; None after that, and where it is newer."""
    try:
        if not await get_pending(database, migrations_index):
            return None
        why = "the database is not migrated yet"
    except Error as error:
        log("version", error)
        why = "the database cannot be read"
    return answer(503, {"error": f"{why}, try again later"}, {"Retry-After": "10"})


def refusal(secret, header):
    """Return the answer to a request without the right token, and to every one while there is no secret."""
    if not isinstance(secret, str) or len(to_bytes(secret)) < SHORTEST_TOKEN:
        return answer(503, {"error": f"the secret ADMIN_TOKEN has to be set, {SHORTEST_TOKEN} bytes or more"})
    scheme, _, token = (header if isinstance(header, str) else "").partition(" ")
    # Bytes, since compare_digest refuses other text than ASCII, and in a time that tells nothing about them.
    if hmac.compare_digest(to_bytes(token.strip(" ")), to_bytes(secret)) and scheme.lower() == "bearer":
        return None
    return answer(401, {"error": "not authorized"}, {"WWW-Authenticate": "Bearer"})


def to_bytes(text):
    """Return UTF-8 of any text, also of the half characters that JavaScript lets pass."""
    return text.encode("utf-8", "surrogatepass")


def not_allowed(methods):
    """Return the answer to any other method."""
    return answer(405, {"error": f"the methods here: {methods}"}, {"Allow": methods})


def answer(status, body, headers=None):
    """Return a JSON response that nobody keeps."""
    always = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(json.dumps(body), status=status, headers=always | (headers or {}))


def log(*what):
    """Write a line to the Worker's log."""
    print(*what)  # noqa: T201 - that is how
