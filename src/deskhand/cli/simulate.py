"""`deskhand simulate`: conversations of several steps, played again and again."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from deskhand.agent.policy import NO_RULE
from deskhand.cli.session import run
from deskhand.company_folder import Company, load_company
from deskhand.errors import InvalidInput
from deskhand.evals.run import evaluation_desk
from deskhand.evals.scenarios import Scenario, read_scenarios
from deskhand.evals.simulate import Run, play_scenarios
from deskhand.evals.simulation_report import Simulation, show_simulation, simulation, simulation_as_json
from deskhand.settings import Settings, load_settings
from deskhand.worker import run_worker

SCENARIOS = Path("evals/scenarios")
PIPE_WIDTH = 1000


def simulate(
    files: list[Path] | None = typer.Argument(None, help=f"Scenarios in YAML, or folders of them; {SCENARIOS} else."),
    k: int = typer.Option(3, "--k", min=1, max=100, help="Report pass^k: the chance that k runs all succeed."),
    runs: int | None = typer.Option(None, min=1, max=1000, help="Runs of each scenario, at least k; k else."),
    seed: int = typer.Option(0, help="Another seed takes the wordings in another order."),
    at_least: float = typer.Option(1.0, min=0, max=1, help="Exit code 1 when pass^k is below this."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON, with the decision record of each failure."),
) -> None:
    """Play scenarios through the flow of live traffic, on a throw-away database, with other wordings each time."""
    times = runs or k
    if times < k:
        raise InvalidInput(f"--runs {times} is less than --k {k}.", field="runs")
    settings = load_settings()
    scenarios = read(files or [SCENARIOS], load_company(settings.company_dir))
    found = run(_simulate(settings, scenarios, k, times, seed))
    if as_json:
        typer.echo(json.dumps(simulation_as_json(found), indent=2, ensure_ascii=False))
    else:
        console = Console()
        show_simulation(console if console.is_terminal else Console(width=PIPE_WIDTH), found)
    if found.pass_hat(k) < at_least:
        raise typer.Exit(1)


def read(paths: Sequence[Path], company: Company) -> list[Scenario]:
    rules = [rule.name for rule in company.escalation.rules] + [NO_RULE]
    owners = [owner.name for owner in company.escalation.owners.values()]
    return read_scenarios(paths, rules=rules, owners=owners)


async def _simulate(settings: Settings, scenarios: Sequence[Scenario], k: int, times: int, seed: int) -> Simulation:
    sys.stderr.write("preparing a throw-away database with the help centre\n")
    done = 0

    def tell(_: Run) -> None:
        nonlocal done
        done += 1
        total = len(scenarios) * times
        if done * 10 // total > (done - 1) * 10 // total:
            sys.stderr.write(f"runs: {done} of {total}\n")

    async with evaluation_desk(settings) as desk:
        played = await play_scenarios(desk, scenarios, runs=times, seed=seed, work=run_worker, on_run=tell)
    return simulation(scenarios, played, k=k)
