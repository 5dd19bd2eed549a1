"""The one object that everything is built from; `app.py` and `worker.py` make it, tests make the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deskhand.agent.brain import OFFLINE, Brain
from deskhand.agent.triage import TriageEngine
from deskhand.breaker import Breakers
from deskhand.channels.base import Channel
from deskhand.clock import Clock
from deskhand.company_folder import Company
from deskhand.db import Database
from deskhand.inference.base import Embedder
from deskhand.knowledge import Fingerprint
from deskhand.settings import Settings
from deskhand.transport.base import Transport
from deskhand.transport.topics import Topics


@dataclass(frozen=True, slots=True)
class Desk:
    settings: Settings
    db: Database
    transport: Transport
    topics: Topics
    embedder: Embedder
    triage: TriageEngine
    channels: Mapping[str, Channel]
    company: Company
    clock: Clock
    brain: Brain = OFFLINE
    knowledge_fingerprint: Fingerprint = field(default_factory=Fingerprint)
    breakers: Breakers = field(default_factory=Breakers)
