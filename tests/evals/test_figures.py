"""The statistics, against published or hand-computed values."""

from __future__ import annotations

import pytest

from deskhand.evals.figures import Share, mcnemar_loss, percentile, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_has_the_values_of_newcombe_1998(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


def test_an_interval_never_leaves_0_to_1_and_is_exact_at_the_ends() -> None:
    assert wilson(20, 20) == pytest.approx((0.8389, 1.0), abs=5e-5)
    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 20)[0] == 0.0


def test_nothing_counted_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert Share(0, 0).value is None


def test_more_hits_than_cases_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("lost", "won", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1 / 2),
        (4, 0, 1 / 16),
        (5, 0, 1 / 32),
        (9, 1, 11 / 1024),
        (1, 9, 1023 / 1024),
        (15, 5, 21700 / 2**20),
    ],
)
def test_mcnemars_exact_p_is_the_binomial_tail(lost: int, won: int, p: float) -> None:
    assert mcnemar_loss(lost, won) == pytest.approx(p, abs=1e-12)


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.95) == 95
    assert percentile([7.0], 0.95) == 7
    assert percentile([], 0.5) is None
