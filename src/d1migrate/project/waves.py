"""The settings `waves` and `stop` of a fleet: the parts that a run migrates one after the other.

Which wave a tenant is in is for `fleet.waves`.
"""

from __future__ import annotations

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_WAVES = ("1", "10%", "rest")
DEFAULT_STOP = ("0", "2%")
"""That of the first wave, and that of all others."""
_MOST_DIGITS = 15  # a journal stores 64 bits
_EXAMPLE = 'for example: waves = ["3", "10%", "rest"]'


class Amount(NamedTuple):
    """A number of tenants, or a share of them; one of the two is None.

    Attributes:
        number: how many.
        percent: the share, from 0 to 100.
    """

    number: int | None = None
    percent: float | None = None

    def of(self, total: int) -> int:
        """Return how many of a number of tenants it is, rounded up: 2% of three are one."""
        if self.number is not None:
            return self.number
        return int(total * (self.percent or 0) / 100 + 1 - 1e-9)

    def __str__(self) -> str:
        return str(self.number) if self.number is not None else f"{self.percent:g}%"


class Wave(NamedTuple):
    """A part of a fleet that a run migrates before the next part.

    Attributes:
        name: as the configuration has it: `3`, `10%` or `rest`.
        reach: the number of tenants in it; or the share of all tenants that is in it or in a wave before it.
        stop: the number of its failures, or their share of it, that do not stop the run; one more does.
    """

    name: str
    reach: Amount
    stop: Amount


def read_waves(waves: Sequence[str], stop: Sequence[str]) -> tuple[Wave, ...]:
    """Return the waves of a fleet.

    Args:
        waves: numbers of tenants, then rising shares of the fleet such as `10%`, then `rest`; not empty.
        stop: the limit of each wave; or a single one for all waves but the first, in which every failure
            stops the run.

    Raises:
        UsageError: one cannot be read, or together they are not the whole fleet.
    """
    reaches = [_reach(text) for text in waves]
    _check_sum(waves, reaches)
    if len(stop) == 1:
        stop = (DEFAULT_STOP[0], *stop)
    elif len(stop) != len(waves):
        raise UsageError(
            f"stop has {len(stop)} limits for {len(waves)} waves",
            hint='write one for each wave, or one for all after the first: stop = "2%"',
        )
    limits = [_limit(text) for text in stop]
    return tuple(
        Wave(name, reach, limits[min(place, len(limits) - 1)])
        for place, (name, reach) in enumerate(zip(waves, reaches, strict=True))
    )


def read_amount(text: str) -> Amount | None:
    """Return the amount that a text such as `3` or `2.5%` is; None for other texts."""
    number, sign = text.removesuffix("%"), text.endswith("%")
    whole, _, fraction = number.partition(".")
    if not number.isascii() or not whole.isdigit() or not (sign or whole == number):
        return None
    if not sign:
        return Amount(int(number)) if len(number) <= _MOST_DIGITS else None
    share = float(number) if fraction.isdigit() or whole == number else 101
    return Amount(percent=share) if share <= 100 else None


def _reach(text: str) -> Amount:
    found = Amount(percent=100) if text == "rest" else read_amount(text)
    if found is None:
        raise UsageError(
            f"waves: {text!r} is not a wave",
            hint=f'a wave is a number of tenants, a share of the fleet such as "10%", or "rest"; {_EXAMPLE}',
        )
    if not (found.number or found.percent):
        raise UsageError(f"waves: {text!r} has no tenants", hint=_EXAMPLE)
    return found


def _limit(text: str) -> Amount:
    found = read_amount(text)
    if found is None:
        raise UsageError(
            f"stop: {text!r} is not a limit",
            hint='a limit is a number of failures, or a share of the wave: stop = "2%"',
        )
    return found


def _check_sum(waves: Sequence[str], reaches: Sequence[Amount]) -> None:
    """Check that the waves rise to the whole fleet.

    Raises:
        UsageError: they do not.
    """
    counts = [reach.number for reach in reaches if reach.number is not None]
    shares = [reach.percent for reach in reaches if reach.percent is not None]
    if any(reach.number is None for reach in reaches[: len(counts)]):
        raise UsageError("waves: numbers of tenants come first, then shares of the fleet", hint=_EXAMPLE)
    rises = shares == sorted(set(shares))
    if rises and shares[-1:] == [100]:
        return
    parts = [share for share in shares if share < 100]
    if not shares:
        why = f"they reach {sum(counts)} tenant{'' if sum(counts) == 1 else 's'}, not the whole fleet"
    elif 100 in shares[:-1]:
        why = f"{waves[len(counts) + shares.index(100)]} is the whole fleet, and is not the last"
    elif rises:
        why = f"shares are cumulative, and reach {shares[-1]:g}% of the fleet; their sum is {sum(parts):g}%"
    else:
        why = f"shares are cumulative, and do not rise; their sum is {sum(parts):g}%"
    meant = '", "'.join((*waves[: len(counts)], *_rising(parts, rises=rises), "rest"))
    raise UsageError(f"waves do not add up: {why}", hint=f'write waves = ["{meant}"]')


def _rising(shares: Sequence[float], *, rises: bool) -> list[str]:
    """Return what shares below 100 were probably meant to be: their running sum if that fits the fleet."""
    are_apart = sum(shares) == 100 or (sum(shares) < 100 and not rises)
    sums = (sum(shares[: count + 1]) for count in range(len(shares)))
    meant = sums if are_apart else sorted(set(shares))
    return [f"{share:g}%" for share in meant if share < 100]
