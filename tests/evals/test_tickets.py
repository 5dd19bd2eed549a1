"""Reading labelled tickets."""

from __future__ import annotations

from pathlib import Path

import pytest

from deskhand.errors import InvalidInput
from deskhand.evals.tickets import Ticket, nearest_plan, read_tickets
from tests.evals.sets import EVERY_RULE, line, write_lines


def read(path: Path) -> tuple[Ticket, ...]:
    return read_tickets(path, rules=EVERY_RULE).tickets


def test_a_file_is_read_with_everything_optional_left_out(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "set.jsonl", line("one", subject=None, plan=None), "", line("two", borderline=True))

    first, second = read(path)

    assert (first.subject, first.plan, first.name, first.email, first.language) == ("", "free", "", "", None)
    assert not first.borderline
    assert second.borderline


def test_a_null_subject_is_an_empty_one(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "set.jsonl",
        '{"id": "a", "channel": "whatsapp", "subject": null, "message": "hi", "expect": {"decision": "respond"}}',
    )

    assert read(path)[0].subject == ""


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    one = read_tickets(write_lines(tmp_path / "a.jsonl", line()), rules=EVERY_RULE)
    same = read_tickets(write_lines(tmp_path / "b.jsonl", line()), rules=EVERY_RULE)
    other = read_tickets(write_lines(tmp_path / "c.jsonl", line(message="Another")), rules=EVERY_RULE)

    assert one.digest == same.digest != other.digest
    assert one.name == "a.jsonl"


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (line(channel="fax"), "channel"),
        (line(message=None), "message"),
        (line(id=None), "id"),
        (line(email="not an address"), "email"),
        (line(plan=3), "plan"),
        (line(borderline="perhaps"), "borderline"),
        (line(expect={"decision": "shrug"}), "expect.decision"),
        (line(expect={"decision": "escalate", "rules": "billing"}), "expect.rules"),
        (line(expect={"decision": "escalate", "rules": ["biling"]}), "expect.rules"),
    ],
)
def test_a_bad_line_is_named_with_file_line_and_field(tmp_path: Path, bad: dict[str, object], field: str) -> None:
    path = write_lines(tmp_path / "set.jsonl", line("fine"), bad)

    with pytest.raises(InvalidInput) as caught:
        read(path)

    assert str(caught.value).startswith(f"{path}, line 2: {field}: ")
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["{", "[1, 2]", "null"])
def test_a_line_that_is_no_json_object_is_named(tmp_path: Path, text: str) -> None:
    path = write_lines(tmp_path / "set.jsonl", line(), text)

    with pytest.raises(InvalidInput, match="line 2: not "):
        read(path)


def test_a_rule_that_the_company_lacks_is_refused_with_those_it_has(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "set.jsonl", line(expect={"decision": "escalate", "rules": ["vip"]}))

    with pytest.raises(InvalidInput, match=r"no rule 'vip' \(it has security, legal"):
        read(path)


def test_two_tickets_of_one_id_are_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "set.jsonl", line("twin"), line("twin"))

    with pytest.raises(InvalidInput, match="line 2: id: 'twin'"):
        read(path)


def test_what_is_no_file_of_tickets_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes(b'{"id": "a"}\n{"message": "caf\xe9"}')
    for path, words in [
        (tmp_path / "missing.jsonl", "No such file"),
        (tmp_path, "Is a directory"),
        (write_lines(tmp_path / "empty.jsonl", ""), "holds no tickets"),
        (tmp_path / "latin.jsonl", "line 2: not UTF-8"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            read(path)


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("Pro", "pro"),
        ("ENTERPRISE", "enterprise"),
        ("Enterprise Plus", "enterprise"),
        ("Business", "pro"),
        ("team", "pro"),
        ("Free trial", "free"),
        ("Basic", "free"),
        ("", "free"),
        (None, "free"),
    ],
)
def test_a_plan_by_another_name_is_the_nearest_of_three(name: str | None, plan: str) -> None:
    assert nearest_plan(name) == plan
