"""References: unique by construction, easy to read aloud, in no guessable order."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from deskhand.tickets.reference import is_reference, write_reference

DAY = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize("first", [0, 1_048_576 - 50_000])
def test_a_hundred_thousand_numbers_of_a_day_are_as_many_references(first: int) -> None:
    """Also across the point where the sequence's numbers start again within a day."""
    written = {write_reference("TF", DAY, number) for number in range(first, first + 100_000)}

    assert len(written) == 100_000
    assert all(is_reference(reference) for reference in written)


def test_a_reference_names_its_day_and_prefix() -> None:
    assert write_reference("ACME", DAY, 7).startswith("ACME-20261122-")


def test_neighbours_look_unrelated() -> None:
    tails = [write_reference("TF", DAY, number)[-4:] for number in range(2_000)]

    together = sum(left[:2] == right[:2] for left, right in itertools.pairwise(tails))

    assert tails != sorted(tails)
    assert together < 20


def test_no_letter_that_is_mistaken_for_another_is_used() -> None:
    tails = "".join(write_reference("TF", DAY, number)[-4:] for number in range(10_000))

    assert set(tails) == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@pytest.mark.parametrize(
    "text", ["", "TF-20261122-OOOO", "TF-2026112-7K3Q", "tf-20261122-7K3Q", "TF-20261122-7K3Q ", "TF-20261122-7K3QX"]
)
def test_other_texts_are_no_references(text: str) -> None:
    assert not is_reference(text)


def test_a_line_end_does_not_slip_in_behind_a_reference() -> None:
    assert not is_reference("TF-20261122-7K3Q\n")
