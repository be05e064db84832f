"""`waves` and `stop` of a fleet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1migrate.errors import UsageError
from d1migrate.project.waves import Amount, Wave, read_amount, read_waves


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", Amount(0)),
        ("3", Amount(3)),
        ("10%", Amount(percent=10)),
        ("0.1%", Amount(percent=0.1)),
        ("100%", Amount(percent=100)),
        *(
            (text, None)
            for text in ("", "%", "-1", "+1", "1.5", "101%", "1.%", ".5%", "1 %", "²", "1e3", "a few")
        ),
    ],
)
def test_an_amount(text: str, amount: Amount | None) -> None:
    """A number of tenants, or a share."""
    assert read_amount(text) == amount


def test_how_many_an_amount_is() -> None:
    """Rounded up: a share that is not 0 lets one tenant of a small wave fail."""
    assert [Amount(percent=2).of(total) for total in (0, 3, 50, 51, 1_000_000)] == [0, 1, 1, 2, 20_000]
    assert [Amount(percent=0).of(total) for total in (3, 1_000_000)] == [0, 0]
    assert Amount(percent=0.29).of(10_000) == 29  # 0.29 / 100 is less than 0.0029
    assert Amount(7).of(3) == 7


def test_waves_have_limits() -> None:
    """A single limit is not for the first wave, which is there to find failures."""
    rest = Amount(percent=100)
    assert read_waves(("3", "10%", "rest"), ("2%",)) == (
        Wave("3", Amount(3), Amount(0)),
        Wave("10%", Amount(percent=10), Amount(percent=2)),
        Wave("rest", rest, Amount(percent=2)),
    )
    assert read_waves(("1", "rest"), ("1", "50")) == (
        Wave("1", Amount(1), Amount(1)),
        Wave("rest", rest, Amount(50)),
    )
    assert read_waves(("rest",), ("5",)) == (Wave("rest", rest, Amount(0)),)
    assert read_waves(("100%",), ("5",)) == (Wave("100%", rest, Amount(0)),)


@pytest.mark.parametrize(
    ("waves", "message", "hint"),
    [
        (["3", "10"], "they reach 13 tenants, not the whole fleet", '["3", "10", "rest"]'),
        (["3", "10%", "50%"], "reach 50% of the fleet; their sum is 60%", '["3", "10%", "50%", "rest"]'),
        (["10%", "40%", "50%"], "reach 50% of the fleet; their sum is 100%", '["10%", "50%", "rest"]'),
        (["50%", "50%"], "cumulative, and do not rise; their sum is 100%", '["50%", "rest"]'),
        (["30%", "20%", "rest"], "do not rise; their sum is 50%", '["30%", "50%", "rest"]'),
        (["60%", "50%", "rest"], "do not rise; their sum is 110%", '["50%", "60%", "rest"]'),
        (["rest", "50%"], "rest is the whole fleet, and is not the last", '["50%", "rest"]'),
        (["1", "100%", "rest"], "100% is the whole fleet, and is not the last", '["1", "rest"]'),
    ],
)
def test_waves_that_do_not_add_up(waves: list[str], message: str, hint: str) -> None:
    """The error has the sum, and waves that do."""
    with pytest.raises(UsageError, match="waves do not add up") as caught:
        read_waves(waves, ("2%",))
    assert message in str(caught.value)
    assert caught.value.hint == f"write waves = {hint}"
    read_waves(hint[2:-2].split('", "'), ("2%",))


@pytest.mark.parametrize(
    ("waves", "stop", "message"),
    [
        (["all"], ["0"], "waves: 'all' is not a wave"),
        (["1", "150%"], ["0"], "waves: '150%' is not a wave"),
        (["0", "rest"], ["0"], "waves: '0' has no tenants"),
        (["0%", "rest"], ["0"], "waves: '0%' has no tenants"),
        (["10%", "50", "rest"], ["0"], "waves: numbers of tenants come first"),
        (["1", "rest"], ["2 %"], "stop: '2 %' is not a limit"),
        (["1", "rest"], ["-1"], "stop: '-1' is not a limit"),
        (["1", "rest"], ["1", "2", "3"], "stop has 3 limits for 2 waves"),
    ],
)
def test_what_is_no_wave(waves: list[str], stop: list[str], message: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match="^" + message) as caught:
        read_waves(waves, stop)
    assert caught.value.hint


_WAVES = st.lists(
    st.sampled_from(["1", "3", "0.5%", "10%", "40%", "50%", "60%", "100%", "rest"]), min_size=1, max_size=5
)


@given(waves=_WAVES)
def test_waves_reach_the_whole_fleet_or_the_hint_does(waves: list[str]) -> None:
    """Whatever they are: the last one that is accepted reaches all tenants, and no wave is empty by its share."""
    try:
        found = read_waves(waves, ("2%",))
    except UsageError as error:
        assert error.hint
        found = read_waves(error.hint[error.hint.index('["') + 2 : -2].split('", "'), ("2%",))
    shares = [wave.reach.percent for wave in found if wave.reach.percent is not None]
    assert shares[-1] == 100
    assert shares == sorted(set(shares))
    assert [wave.reach.number is None for wave in found] == sorted(
        wave.reach.number is None for wave in found
    )
