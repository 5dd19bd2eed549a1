"""Scenarios as they are read: shorthand, errors that name file and field, and those that ship."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.cli.simulate import read
from deskhand.errors import InvalidInput
from deskhand.evals.scenarios import Scenario
from tests.fakes import shipped_company

SHIPPED = Path(__file__).parents[2] / "evals" / "scenarios"
STEP = "steps:\n  - says: Hello\n"


def one(folder: Path, text: str) -> Scenario:
    path = folder / "a-story.yaml"
    path.write_text(text, "utf-8")
    (scenario,) = read([path], shipped_company())
    return scenario


def test_one_thing_may_be_written_without_its_list(tmp_path: Path) -> None:
    scenario = one(
        tmp_path,
        "about: A story.\ncovers: billing\nsteps:\n"
        "  - says: Hello\n    expect: {decision: respond, within: 4h, history: [], cites: invoices}\n"
        "  - waits: 2h\n  - operator: takes over\n  - quickly: [one, [two, zwei]]\n",
    )

    first, wait, operator, quick = scenario.steps
    assert (scenario.name, scenario.covers) == ("a-story", ("billing",))
    assert (first.messages, first.expect.decision) == ((("Hello",),), ("respond",))
    assert (first.expect.within, first.expect.history) == (timedelta(hours=4), ())
    assert (wait.waits, operator.operator) == (timedelta(hours=2), "takes over")
    assert quick.messages == (("one",), ("two", "zwei"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("about: x", "steps: Field required."),
        ("- about", "a scenario is a mapping with about and steps."),
        ("about: [", "while parsing"),
        (f"about: x\nchannel: fax\n{STEP}", "channel: Input should be"),
        (f"about: x\nspeed: 3\n{STEP}", "speed: Extra inputs are not permitted."),
        ("about: x\nsteps:\n  - says: a\n    waits: 2h\n", "steps.0: write exactly one of says, quickly"),
        ("about: x\nsteps:\n  - waits: soon\n", "steps.0.waits: write a number with its unit"),
        ("about: x\nsteps:\n  - waits: 2h\n    expect: {silent: true}\n", "steps.0: only a message has subject"),
        ("about: x\nsteps:\n  - says: a\n    expect: {rule: biling}\n", "the company folder has no rule 'biling'."),
        ("about: x\nsteps:\n  - says: a\n    expect: {owner: Nobody}\n", "the company folder has no owner 'Nobody'."),
    ],
)
def test_a_mistake_is_told_by_file_and_field(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        one(tmp_path, text)

    assert str(caught.value).startswith(f"{tmp_path / 'a-story.yaml'}: ")
    assert words in str(caught.value)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="There is no"):
        read([tmp_path / "nowhere"], shipped_company())
    with pytest.raises(InvalidInput, match="No scenarios in"):
        read([tmp_path], shipped_company())


def test_the_shipped_ones_are_many_and_about_every_rule() -> None:
    scenarios = read([SHIPPED], shipped_company())

    covered = {rule for scenario in scenarios for rule in scenario.covers}
    assert len(scenarios) >= 32
    assert covered == {rule.name for rule in shipped_company().escalation.rules}


def test_each_message_of_the_shipped_ones_has_several_wordings_and_each_story_an_expectation() -> None:
    for scenario in read([SHIPPED], shipped_company()):
        wordings = [len(set(message)) for step in scenario.steps for message in step.messages]
        assert min(wordings) >= 2, scenario.name
        assert any(step.expect.model_fields_set for step in scenario.steps), scenario.name
