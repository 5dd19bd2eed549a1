"""Stand-ins for what tests must hold still: a triage that follows a script, a channel that records its sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from deskhand.agent.decision import Evidence, Intent, RuleScore, Triage
from deskhand.agent.triage import TriageInput
from deskhand.channels.base import Channel, ChannelHealth, InboundMessage, Outbound, Receipt, Reply
from deskhand.company_folder import Company, load_company
from deskhand.errors import ChannelError
from deskhand.settings import COMPANY_THAT_SHIPS

Script = Callable[[TriageInput], Triage]


@cache
def shipped_company() -> Company:
    return load_company(COMPANY_THAT_SHIPS)


def read_as(
    *rules: str,
    intent: Intent = "question",
    language: str = "en",
    sentiment: float = 0.0,
    urgency: Literal["low", "normal", "high", "urgent"] = "normal",
    ignore: str = "",
    words: str = "the telling words",
) -> Triage:
    """What triage would say: these rules of the shipped folder fired with `words` as evidence, the others did not."""
    scores = tuple(
        RuleScore(rule.name, rule.tier, 0.9, True, (Evidence("pattern", words, 0.9),))
        if rule.name in rules
        else RuleScore(rule.name, rule.tier, 0.02, False)
        for rule in shipped_company().escalation.rules
    )
    ignored = RuleScore("ignore", "likely", 0.95, True, (Evidence("pattern", ignore, 0.95),)) if ignore else None
    return Triage(language, 0.99, "general", intent, sentiment, urgency, scores, ignored)


class ScriptedTriage:
    """A `TriageEngine` that answers by the first entry whose words stand in the message, or by a function."""

    digest = "scripted"

    def __init__(self, script: Script | dict[str, Triage] | None = None) -> None:
        self._script: Script | dict[str, Triage] = script if script is not None else {}
        self.read_messages: list[TriageInput] = []

    async def load(self) -> None: ...

    async def read(self, message: TriageInput) -> Triage:
        self.read_messages.append(message)
        if callable(self._script):
            return self._script(message)
        text = f"{message.subject}\n{message.body}"
        return next((triage for words, triage in self._script.items() if words in text), read_as())


@dataclass
class FakeChannel:
    """A real channel whose provider is scripted: it records, and fails or hangs as told."""

    real: Channel
    refusal: str | None = None  # fails for good with these words
    failures: int = 0  # fails so often in a way that passes
    hangs: bool = False
    sends: list[Outbound] = field(default_factory=list[Outbound])
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.name, self.label, self.is_chat = self.real.name, self.real.label, self.real.is_chat

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        return self.real.parse(payload)

    def format(self, reply: Reply) -> tuple[str, ...]:
        return self.real.format(reply)

    async def send(self, outbound: Outbound) -> Receipt:
        self.sends.append(outbound)
        self.reached.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.refusal is not None:
            raise ChannelError(self.refusal, permanent=True)
        if self.failures:
            self.failures -= 1
            raise ChannelError("The provider is busy.", permanent=False)
        return Receipt("sent", f"fake:{outbound.delivery_id}", "taken")

    def health(self) -> ChannelHealth:
        return ChannelHealth("ready", "a fake")
