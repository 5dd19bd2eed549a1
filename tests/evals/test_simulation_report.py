"""pass^k, and what is printed of a simulation."""

from __future__ import annotations

import io
from itertools import combinations

import pytest
from rich.console import Console

from deskhand.evals.scenarios import Scenario
from deskhand.evals.simulate import Failure, Run
from deskhand.evals.simulation_report import pass_hat, show_simulation, simulation, simulation_as_json

FAILURE = Failure(2, "You [b]charged[/b] me", ("decision: respond, expected escalate",), "TF-1", "respond", "answered")


def story(name: str) -> Scenario:
    return Scenario.model_validate({"name": name, "about": f"About {name}.", "steps": [{"says": "Hello"}]})


SOLID, SHAKY = story("solid"), story("shaky")
RUNS = [Run(SOLID, number, None) for number in range(3)] + [
    Run(SHAKY, 0, None),
    Run(SHAKY, 1, FAILURE),
    Run(SHAKY, 2, None),
]
FOUND = simulation([SOLID, SHAKY], RUNS, k=3)


@pytest.mark.parametrize("successes", range(6))
@pytest.mark.parametrize("k", range(1, 6))
def test_pass_hat_is_the_share_of_all_choices_of_k_runs_that_hold_no_failure(successes: int, k: int) -> None:
    runs = [True] * successes + [False] * (5 - successes)
    choices = list(combinations(runs, k))

    assert pass_hat(successes, 5, k) == pytest.approx(sum(all(choice) for choice in choices) / len(choices))


@pytest.mark.parametrize(("successes", "runs", "k"), [(4, 3, 1), (-1, 3, 1), (1, 3, 0), (1, 3, 4)])
def test_pass_hat_of_impossible_numbers_is_refused(successes: int, runs: int, k: int) -> None:
    with pytest.raises(ValueError, match="no pass"):
        pass_hat(successes, runs, k)


def test_json_has_the_figures_and_the_failures() -> None:
    found = simulation_as_json(FOUND)

    assert (found["k"], found["scenarios"], found["runs"]) == (3, 2, 6)
    assert found["pass_hat"] == {"1": 0.8333, "2": 0.6667, "3": 0.5}
    assert found["by_scenario"]["shaky"] == {
        **{"about": "About shaky.", "runs": 3, "successes": 2, "pass_hat_3": 0.0},
    }
    (failure,) = found["failures"]
    assert (failure["scenario"], failure["run"], failure["step"]) == ("shaky", 1, 2)


def test_people_see_each_story_and_what_went_wrong() -> None:
    console = Console(file=io.StringIO(), width=160)

    show_simulation(console, FOUND)

    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert "shaky      2/3     0.00     About shaky." in printed
    assert "shaky, run 2, step 2: “You [b]charged[/b] me”" in printed
    assert printed.rstrip().endswith("2 scenarios, 6 runs: pass^1 0.833, pass^2 0.667, pass^3 0.500")
