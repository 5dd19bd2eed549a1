"""Triage: category, language, sentiment, urgency and the policy's rules, each with its evidence."""

from __future__ import annotations

from deskhand.agent.triage.base import TriageEngine, TriageInput
from deskhand.agent.triage.conversation import unhelpful_so_far
from deskhand.agent.triage.engine import Engine
from deskhand.agent.triage.network import Network
from deskhand.agent.triage.scoring import Scorer
from deskhand.agent.triage.weights import load_weights
from deskhand.company_folder import Company
from deskhand.inference import Embedder

__all__ = ["Engine", "TriageEngine", "TriageInput", "build_triage", "unhelpful_so_far"]


def build_triage(company: Company, embedder: Embedder) -> Engine:
    """The engine for a company's rules. The embedder serves the rules that the trained model does not know."""
    weights = load_weights()
    return Engine(company, embedder, Scorer(weights, Network(weights)), weights.labels, weights.digest)
