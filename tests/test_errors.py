"""Errors: the class says what to tell whom, and whether another try is of use."""

from __future__ import annotations

from deskhand import errors
from deskhand.errors import ChannelError, DatabaseUnavailable, DeskhandError, InvalidInput


def _classes() -> list[type[DeskhandError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DeskhandError)]


def test_a_class_s_docstring_is_its_default_message() -> None:
    assert str(InvalidInput()) == "The request can't be understood as it is."


def test_a_way_to_mend_it_stands_behind_the_message() -> None:
    error = InvalidInput("This is not a cursor.", field="cursor", mend="Pass on the one you got.")

    assert (str(error), error.field) == ("This is not a cursor. Pass on the one you got.", "cursor")


def test_a_missing_database_is_worth_another_try_and_wrong_input_is_not() -> None:
    assert DatabaseUnavailable.retryable
    assert not InvalidInput.retryable


def test_a_channel_s_error_says_whether_it_is_for_good() -> None:
    assert ChannelError("No.", permanent=True).permanent
    assert not ChannelError("Later.", permanent=False).permanent


def test_every_error_has_a_code_of_its_own_and_stands_in_the_tree_at_the_top() -> None:
    kinds = _classes()

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)
