"""The runtime around the tools: schemas, order and limits hold for whoever calls, a brain of ours or a model."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from deskhand.agent.context import ToolContext, ToolError
from deskhand.agent.decision import ToolCall
from deskhand.agent.tools.analyze_sentiment import SentimentInput, SentimentOutput, analyze_sentiment
from deskhand.agent.tools.create_ticket import TicketInput, TicketOutput, create_ticket
from deskhand.agent.tools.escalate_to_human import EscalateInput, EscalateOutput, escalate_to_human
from deskhand.agent.tools.get_customer_history import HistoryInput, HistoryOutput, get_customer_history
from deskhand.agent.tools.search_knowledge_base import SearchInput, SearchOutput, search_knowledge_base
from deskhand.agent.tools.send_response import SendInput, SendOutput, send_response

MOST_CALLS = 8


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool's name, schemas, function, and whether it changes anything."""

    name: str
    given: type[BaseModel]
    returns: type[BaseModel]
    function: Callable[[ToolContext, Any], Awaitable[BaseModel]]
    effect: Literal["read", "write"]
    ends_turn: bool = False

    @property
    def description(self) -> str:
        return (self.function.__doc__ or "").strip()


TOOLS: tuple[Tool, ...] = (
    Tool("create_ticket", TicketInput, TicketOutput, create_ticket, "write"),
    Tool("get_customer_history", HistoryInput, HistoryOutput, get_customer_history, "read"),
    Tool("search_knowledge_base", SearchInput, SearchOutput, search_knowledge_base, "read"),
    Tool("analyze_sentiment", SentimentInput, SentimentOutput, analyze_sentiment, "read"),
    Tool("send_response", SendInput, SendOutput, send_response, "write", ends_turn=True),
    Tool("escalate_to_human", EscalateInput, EscalateOutput, escalate_to_human, "write", ends_turn=True),
)

OutputT = TypeVar("OutputT", bound=BaseModel)


class ToolRuntime:
    """Calls tools for one turn and records every call, refusals included."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self._tools = {tool.name: tool for tool in TOOLS}

    async def call(self, name: str, arguments: dict[str, Any]) -> BaseModel:
        """Check and run one call.

        Raises:
            ToolError: unknown tool, arguments outside the schema, wrong order, or a limit; nothing was done.
        """
        started = time.perf_counter()
        try:
            tool, given = self._admit(name, arguments)
            if tool.ends_turn:  # it commits the record, so the record has to know of it before its result is there
                self.context.state.closing = ToolCall(name, arguments, {}, 0.0)
            result = await tool.function(self.context, given)
        except ToolError as refusal:
            self.context.state.closing = None
            self._record(name, arguments, {"refused": str(refusal)}, started)
            raise
        if tool.ends_turn:
            self.context.state.ended = True
        self._record(name, arguments, result.model_dump(mode="json"), started)
        return result

    async def call_as(self, kind: type[OutputT], name: str, /, **arguments: Any) -> OutputT:
        """`call` for code that knows what comes back."""
        result = await self.call(name, arguments)
        assert isinstance(result, kind)
        return result

    def _admit(self, name: str, arguments: dict[str, Any]) -> tuple[Tool, BaseModel]:
        state = self.context.state
        tool = self._tools.get(name)
        if tool is None:
            raise ToolError(f"There is no tool '{name}'. There are: {', '.join(self._tools)}.")
        if state.ended:
            raise ToolError("The turn has ended: one response or escalation a turn.")
        if len(state.calls) >= MOST_CALLS and not tool.ends_turn:
            raise ToolError(f"No more than {MOST_CALLS} calls a turn: answer or escalate now.")
        if tool.ends_turn and not state.ticketed:
            raise ToolError("Call create_ticket before any words to the customer.")
        try:
            given = tool.given.model_validate(arguments)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in first["loc"]) or "arguments"
            raise ToolError(f"{where}: {first['msg']}.") from error
        return tool, given

    def _record(self, name: str, arguments: dict[str, Any], result: dict[str, Any], started: float) -> None:
        spent = (time.perf_counter() - started) * 1000
        self.context.state.calls.append(ToolCall(name, arguments, result, round(spent, 3)))
        self.context.state.times.add(name, spent)
