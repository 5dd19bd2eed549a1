"""Variables: a misspelt one is named, since it would be ignored without a word."""

from __future__ import annotations

from deskhand.channels import CHANNEL_SETTINGS
from deskhand.channels.variables import describe_unknown, unknown_variables
from deskhand.settings import Settings

KINDS = (Settings, *CHANNEL_SETTINGS)


def test_what_nobody_reads_is_named_with_what_was_meant() -> None:
    given = ["DESKHAND_WHATSAPP_AUTHTOKEN", "DESKHAND_MODE", "DESKHAND_EMAIL_ADRESS", "DESKHAND_QUX", "PATH"]

    assert unknown_variables(given, KINDS) == [
        ("DESKHAND_EMAIL_ADRESS", "DESKHAND_EMAIL_ADDRESS"),
        ("DESKHAND_QUX", ""),
        ("DESKHAND_WHATSAPP_AUTHTOKEN", "DESKHAND_WHATSAPP_AUTH_TOKEN"),
    ]


def test_the_line_for_people_names_each() -> None:
    assert describe_unknown([]) == ""
    assert describe_unknown([("DESKHAND_QUX", ""), ("DESKHAND_PROT", "DESKHAND_PORT")]) == (
        "no setting is called DESKHAND_QUX, DESKHAND_PROT (did you mean DESKHAND_PORT?)"
    )


def test_every_variable_of_every_class_is_known_in_any_case_of_letters() -> None:
    given = ["DESKHAND_SECRET_KEY", "DESKHAND_DATABASE_URL", "deskhand_port", "DESKHAND_TEST_SERVER"]

    assert unknown_variables(given, KINDS) == []
