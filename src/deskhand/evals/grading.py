"""Right or wrong, and whose desk: the figures of a set of tickets by the written policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from deskhand.agent.decision import Choice
from deskhand.company_folder import Company
from deskhand.errors import InvalidInput
from deskhand.evals.figures import Share, percentile
from deskhand.evals.results import Decided, Result
from deskhand.evals.tickets import Ticket

DECISIONS: tuple[Choice, ...] = ("respond", "escalate", "ignore")


@dataclass(frozen=True, slots=True)
class Graded:
    """One ticket with its result. `owner_right` is None unless a person was due and a person got it."""

    ticket: Ticket
    result: Result
    right: bool
    owner_right: bool | None

    @property
    def escalated(self) -> bool:
        return self.result.decision == "escalate"

    @property
    def expects_a_person(self) -> bool:
        return self.ticket.expect.decision == "escalate"


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """A rule is due where the ticket lists it, and seen where the decision does."""

    due: int
    seen: int
    both: int

    @property
    def recall(self) -> Share:
        return Share(self.both, self.due)

    @property
    def precision(self) -> Share:
        return Share(self.both, self.seen)


@dataclass(frozen=True, slots=True)
class Grading:
    """The figures of one set. `always_rules` are those that hand over whatever else is true."""

    graded: tuple[Graded, ...]
    rule_names: tuple[str, ...]
    always_rules: frozenset[str]

    @property
    def accuracy(self) -> Share:
        return Share(sum(item.right for item in self.graded), len(self.graded))

    @property
    def escalation_recall(self) -> Share:
        due = [item for item in self.graded if item.expects_a_person]
        return Share(sum(item.escalated for item in due), len(due))

    @property
    def escalation_precision(self) -> Share:
        made = [item for item in self.graded if item.escalated]
        return Share(sum(item.expects_a_person for item in made), len(made))

    @property
    def escalation_rate(self) -> Share:
        return Share(sum(item.escalated for item in self.graded), len(self.graded))

    @property
    def always_missed(self) -> Share:
        """Tickets with an ALWAYS rule that no person got, of all that have one."""
        due = [item for item in self.graded if self.always_rules.intersection(item.ticket.expect.rules)]
        return Share(sum(not item.escalated for item in due), len(due))

    @property
    def owner(self) -> Share:
        judged = [item.owner_right for item in self.graded if item.owner_right is not None]
        return Share(sum(judged), len(judged))

    @property
    def rules(self) -> dict[str, RuleFigures]:
        """The folder's rules in its order, then whatever else decisions named."""
        due = Counter(rule for item in self.graded for rule in set(item.ticket.expect.rules))
        seen = Counter(rule for item in self.graded for rule in set(item.result.rules))
        both = Counter(
            rule for item in self.graded for rule in set(item.ticket.expect.rules).intersection(item.result.rules)
        )
        others = sorted((due.keys() | seen.keys()) - set(self.rule_names) - {"ignore"})
        return {name: RuleFigures(due[name], seen[name], both[name]) for name in (*self.rule_names, *others)}

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """Counts by expected decision, then by the one made; "failed" is there only when something failed."""
        counts = Counter((item.ticket.expect.decision, item.result.decision) for item in self.graded)
        made: list[Decided] = [*DECISIONS]
        if any(item.result.decision == "failed" for item in self.graded):
            made.append("failed")
        return {due: {decided: counts[due, decided] for decided in made} for due in DECISIONS}

    @property
    def failures(self) -> list[Graded]:
        return [item for item in self.graded if not item.right]

    @property
    def wrong_owners(self) -> list[Graded]:
        return [item for item in self.graded if item.owner_right is False]

    def milliseconds(self, share: float) -> float | None:
        return percentile([item.result.ms for item in self.graded], share)

    def turn_milliseconds(self, share: float) -> float | None:
        return percentile([item.result.turn_ms for item in self.graded], share)


def grade(company: Company, tickets: Sequence[Ticket], results: Sequence[Result]) -> Grading:
    """Judge each ticket's result by its label and by who owns which rule in the company folder.

    Raises:
        InvalidInput: the results are not those of these tickets.
    """
    if [ticket.id for ticket in tickets] != [result.ticket_id for result in results]:
        raise InvalidInput("These results are not those of the tickets.", field="results")
    escalation = company.escalation
    owners = {rule.name: rule.owner for rule in escalation.rules}
    return Grading(
        graded=tuple(
            _judge(ticket, result, owners, escalation.default_owner)
            for ticket, result in zip(tickets, results, strict=True)
        ),
        rule_names=tuple(owners),
        always_rules=frozenset(rule.name for rule in escalation.rules if rule.tier == "always"),
    )


def _judge(ticket: Ticket, result: Result, owners: dict[str, str], default_owner: str) -> Graded:
    right = result.decision == ticket.expect.decision
    owner_right: bool | None = None
    if right and result.decision == "escalate" and ticket.expect.rules:
        desks = {owners[rule] for rule in ticket.expect.rules}
        owner_right = owners.get(result.rule or "", default_owner) in desks
    return Graded(ticket, result, right, owner_right)
