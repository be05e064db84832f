"""Build the tables of SQLAlchemy's models in a scratch file, in the interpreter of the project."""

from __future__ import annotations

import importlib
from functools import reduce

from d1migrate_answer import Refused, answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Create the tables of `request["target"]`, `module:object`; return what the models say about them."""
    module, colon, path = request["target"].partition(":")
    if not (colon and path):
        raise Refused("expected module:object", "for example: python:app.models:Base.metadata")
    found = reduce(getattr, path.split("."), importlib.import_module(module))
    from sqlalchemy import create_engine

    metadata = getattr(found, "metadata", found)
    engine = create_engine("sqlite:///" + request["database"])
    metadata.create_all(engine)
    engine.dispose()
    return {"classes": {}, "defaults": [], "functions": []}


if __name__ == "__main__":
    answer(load)
