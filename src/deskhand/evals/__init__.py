"""Evaluation: labelled tickets through the flow or through triage alone, graded by the written policy."""

from deskhand.evals.baseline import Comparison, compare, read_baseline, write_baseline
from deskhand.evals.grading import Grading, grade
from deskhand.evals.report import How, Report, as_json, show
from deskhand.evals.results import Result
from deskhand.evals.run import evaluation_desk, run_tickets
from deskhand.evals.tickets import Ticket, TicketSet, read_tickets
from deskhand.evals.triage_only import score_triage

__all__ = [
    "Comparison",
    "Grading",
    "How",
    "Report",
    "Result",
    "Ticket",
    "TicketSet",
    "as_json",
    "compare",
    "evaluation_desk",
    "grade",
    "read_baseline",
    "read_tickets",
    "run_tickets",
    "score_triage",
    "show",
    "write_baseline",
]
