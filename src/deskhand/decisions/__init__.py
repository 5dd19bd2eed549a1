"""Decision records: one for every turn of the agent."""

from deskhand.decisions.models import Action, Choice, DecisionRecord
from deskhand.decisions.queries import find_by_message, insert, list_by_ticket

__all__ = ["Action", "Choice", "DecisionRecord", "find_by_message", "insert", "list_by_ticket"]
