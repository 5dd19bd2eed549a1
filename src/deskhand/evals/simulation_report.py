"""The figures of a simulation: pass^k, the chance that all of k runs succeed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deskhand.evals.scenarios import Scenario
from deskhand.evals.simulate import Failure, Run


def pass_hat(successes: int, runs: int, k: int) -> float:
    """The unbiased estimate of the chance that k runs in a row succeed: C(c, k) / C(n, k) (tau-bench, 2024)."""
    if not 0 <= successes <= runs or not 1 <= k <= runs:
        raise ValueError(f"no pass^{k} of {successes} in {runs}")
    return math.comb(successes, k) / math.comb(runs, k)


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario with all its runs."""

    scenario: Scenario
    runs: tuple[Run, ...]

    @property
    def successes(self) -> int:
        return sum(run.is_success for run in self.runs)

    def pass_hat(self, k: int) -> float:
        return pass_hat(self.successes, len(self.runs), k)


@dataclass(frozen=True, slots=True)
class Simulation:
    """`k` is what was asked for; each scenario ran at least so often."""

    played: tuple[Played, ...]
    k: int

    def pass_hat(self, k: int) -> float:
        """The mean over the scenarios."""
        return sum(item.pass_hat(k) for item in self.played) / len(self.played)


def simulation(scenarios: Sequence[Scenario], runs: Sequence[Run], *, k: int) -> Simulation:
    by_name = {scenario.name: [run for run in runs if run.scenario.name == scenario.name] for scenario in scenarios}
    return Simulation(tuple(Played(scenario, tuple(by_name[scenario.name])) for scenario in scenarios), k)


def simulation_as_json(found: Simulation) -> dict[str, Any]:
    return {
        "k": found.k,
        "scenarios": len(found.played),
        "runs": sum(len(item.runs) for item in found.played),
        "pass_hat": {str(k): round(found.pass_hat(k), 4) for k in range(1, found.k + 1)},
        "by_scenario": {
            item.scenario.name: {
                "about": item.scenario.about,
                "runs": len(item.runs),
                "successes": item.successes,
                f"pass_hat_{found.k}": round(item.pass_hat(found.k), 4),
            }
            for item in found.played
        },
        "failures": [
            {
                "scenario": run.scenario.name,
                "run": run.number,
                "step": run.failure.step,
                "said": run.failure.said,
                "problems": list(run.failure.problems),
                "reference": run.failure.reference,
                "decision": run.failure.decision,
                "action": run.failure.action,
                "record": run.failure.record,
            }
            for item in found.played
            for run in item.runs
            if run.failure is not None
        ],
    }


def show_simulation(console: Console, found: Simulation) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for head in ("scenario", "right", f"pass^{found.k}"):
        table.add_column(head, no_wrap=True)
    table.add_column("about")
    for item in found.played:
        right = f"{item.successes}/{len(item.runs)}"
        table.add_row(item.scenario.name, right, f"{item.pass_hat(found.k):.2f}", item.scenario.about)
    console.print(table, "")
    for item in found.played:
        for run in item.runs:
            if run.failure is not None:
                console.print(Text("\n".join(_failure_lines(run, run.failure))), soft_wrap=True)
    figures = ", ".join(f"pass^{k} {found.pass_hat(k):.3f}" for k in range(1, found.k + 1))
    runs = sum(len(item.runs) for item in found.played)
    console.print(Text(f"{len(found.played)} scenarios, {runs} runs: {figures}"))


def _failure_lines(run: Run, failure: Failure) -> list[str]:
    lines = [f"{run.scenario.name}, run {run.number + 1}, step {failure.step}: “{failure.said[:160]}”"]
    lines += [f"  {problem}" for problem in failure.problems]
    if failure.record is None:
        return [*lines, ""]
    lines.append(f"  was {failure.decision} ({failure.action}), {failure.reference}")
    triage = failure.record["triage"]
    for rule in triage["rules"]:
        if rule["fired"]:
            words = "; ".join(f"{item['source']} “{item['text']}” {item['score']:.2f}" for item in rule["evidence"])
            lines.append(f"  fired {rule['name']} {rule['score']:.2f}: {words}")
    lines.append(f"  {triage['intent']}, language {triage['language']}, sentiment {triage['sentiment']:+.2f}")
    for passage in failure.record["passages"][:3]:
        lines.append(f"  {passage['score']:.2f} {passage['article']} › {passage['heading']}")
    return [*lines, ""]
