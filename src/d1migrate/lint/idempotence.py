"""Whether the comment at the head of a file claims that the file can run twice."""

from __future__ import annotations

import re
from functools import cache

_MARKS = re.compile(r"^[\s*/#=~_\u2500-\u257f-]+|[\s*/#=~_\u2500-\u257f-]+$")
_LONGEST = 10_000  # characters of a comment that are read
_ENDS = (".", ":", ";", "!", "?", ")")
_AGAIN = r"(?:again|twice|repeatedly|safely|(?:multiple|several|any number of) times|more than once)"
_CLAIM = (
    r"(?:(?:fully |completely |safely )?(?:idempotent|repeatable|re-?runnable)"
    rf"|safe to (?:be )?(?:re-?run|re-?appl(?:y|ied)|(?:run|apply|execute)(?:d)? {_AGAIN})"
    rf"|(?:safely )?(?:re-?run|(?:run|applied|executed) {_AGAIN}))"
)
_WORDS = ("idempotent", "repeatable", "run", "appl", "execut")  # a claim contains one of them
_FILE = (
    r"(?:(?:this|the) (?:whole |entire |sql )?(?:migration|file|script|sql)"
    r"|all (?:of )?(?:the |these )?statements|every statement|everything(?: here| below)?)"
)
_BARE = (
    rf"(?:note: )?{_CLAIM}(?: (?:migration|file|script|sql)\b)?"
    r"(?=$|[.,:;!()\u2013\u2014]| [-\u2013\u2014(&+]| and\b)"
    r"(?!:? *(?:no|not|never|false)\b)"
)
_TITLE = rf"(?:migration\b|[0-9]+[_-]\w|[\w-]+\.sql\b).*\({_CLAIM}\)"
_SENTENCE = rf"{_FILE} (?:is|are|can(?: be)?|may be|should be|must be|was written to be) (?P<rest>.*)"
_POSITIVE = rf"(?:(?!\b(?:not|never|only|non|no)\b|n't\b).)*?(?<![\w-]){_CLAIM}(?![\w-])"


def claims_idempotence(header: str) -> bool:
    """Whether a comment claims that its file can run twice.

    A sentence counts if its subject is the file, or if it has no subject: `Idempotent: …`. A sentence about
    the application, a step or a table does not count, nor does a negated one.
    """
    if not any(word in header.lower() for word in _WORDS):
        return False
    bare, title, sentence, positive = _patterns()
    return any(
        bare.match(text)
        or title.match(text)
        or ((match := sentence.match(text)) and positive.match(match["rest"]))
        for text in _sentences(header[:_LONGEST])
    )


@cache
def _patterns() -> list[re.Pattern[str]]:
    """Return the patterns of a claim; compiled when a header first contains one of the words, in 2 ms."""
    return [re.compile(pattern, re.IGNORECASE) for pattern in (_BARE, _TITLE, _SENTENCE, _POSITIVE)]


def _sentences(header: str) -> list[str]:
    """Return the sentences of a comment; a line that starts in lower case continues the line before it."""
    found: list[str] = []
    continues = False
    for line in header.split("\n"):
        text = _MARKS.sub("", line)
        parts = re.split(r"(?<=[.!?;]) +", text)
        if continues and text[:1].islower():
            found[-1] += f" {parts.pop(0)}"
        found += filter(None, parts)
        continues = bool(text) and not text.endswith(_ENDS)
    return found
