"""The brain with a language model: it picks words and tools; order, policy, gate and budget hold whatever it says."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.tools import ToolDefinition

from deskhand.agent import brain_offline
from deskhand.agent.decision import ToolCall
from deskhand.agent.llm.budget import Allowance, GivenUp, TurnBudget
from deskhand.agent.llm.cleaning import clean_value, one_line, shorten
from deskhand.agent.llm.prompt import SystemPrompt, build_system_prompt, build_task, nudge
from deskhand.agent.tools import MOST_CALLS, TOOLS, ToolContext, ToolError, ToolRuntime
from deskhand.agent.tools.get_customer_history import HistoryOutput
from deskhand.agent.tools.search_knowledge_base import SearchOutput
from deskhand.breaker import CircuitBreaker
from deskhand.clock import Clock
from deskhand.company_folder import Company
from deskhand.inference.chat import ChatFailed, ChatLimits, ChatModel, open_chat_model
from deskhand.log import get_logger
from deskhand.settings import Settings

NAME = "llm"
MOST_REQUESTS = 8
MOST_TRIES = 4
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
REQUEST_SHARE = 0.5  # of the turn's time, so that a request that hangs leaves time for a second one
LEAST_SECONDS = 0.2
UNREADABLE = "unreadable_arguments"
LARGEST_ARGUMENTS = 40_000
TOOL_NAME = re.compile(r"[^A-Za-z0-9_-]")
DEFINITIONS = [
    ToolDefinition(
        name=tool.name,
        description=tool.description,
        parameters_json_schema=tool.given.model_json_schema(),
        strict=False,
    )
    for tool in TOOLS
]
TOOLS_BYTES = len(json.dumps([[tool.description, tool.parameters_json_schema] for tool in DEFINITIONS]))

log = get_logger("brain")


@asynccontextmanager
async def open_language_model_brain(
    settings: Settings, company: Company, clock: Clock
) -> AsyncGenerator[LanguageModelBrain]:
    """Raises SetupInvalid when a setting is missing."""
    async with open_chat_model(settings) as model:
        yield LanguageModelBrain(model, settings, company, clock)


class LanguageModelBrain:
    """Plays turns with one model; the breaker in front of its provider is shared by all turns of the process."""

    def __init__(self, model: ChatModel, settings: Settings, company: Company, clock: Clock) -> None:
        self._model = model
        self._settings = settings
        self._clock = clock
        self._prompt = build_system_prompt(company)
        self.breaker = CircuitBreaker(clock.now)

    async def run_turn(self, context: ToolContext) -> None:
        """One response or escalation, whatever the model does.

        When a rule has fired, the model is not asked: the outcome is settled, its words are the company's own, and a
        hostile message gets no chance to talk to it.
        """
        if context.verdict.decision == "escalate":
            await brain_offline.run_turn(context)
            return
        use = context.state.brain
        use.name, use.model, use.prompt = NAME, self._model.name, self._prompt.digest
        context.state.prompt = self._prompt.text
        try:
            await self._converse(context)
        except GivenUp as reason:
            log.warning("model_given_up", reason=str(reason), model=use.model, requests=use.requests)
            _start_over(context, str(reason))
            await brain_offline.run_turn(context)

    async def _converse(self, context: ToolContext) -> None:
        """Ask, call the tools that the model names, and ask again, until a tool has ended the turn.

        Raises:
            GivenUp: it will not come to an end this way.
        """
        runtime = ToolRuntime(context)
        turn = _Turn(runtime, await _opening(runtime, self._prompt))
        budget = TurnBudget(self._settings, context.db, self._clock, context.state.brain)
        for _ in range(MOST_REQUESTS):
            started = time.perf_counter()
            response = await self._ask(turn.messages, budget)
            context.state.times.add("model", (time.perf_counter() - started) * 1000)
            await turn.follow(response)
            if context.state.ended:
                return
        raise GivenUp("the model comes to no end")

    async def _ask(self, messages: list[ModelMessage], budget: TurnBudget) -> ModelResponse:
        """One answer, with new tries while the budget and the breaker let them."""
        prompt_bytes = len(ModelMessagesTypeAdapter.dump_json(messages)) + TOOLS_BYTES
        pause = FIRST_PAUSE
        for attempt in range(1, MOST_TRIES + 1):
            if not self.breaker.admits():
                raise GivenUp("the circuit breaker is open")
            if budget.seconds_left < LEAST_SECONDS:
                raise GivenUp("the turn's time is used up")
            allowance = await budget.allow(prompt_bytes)
            seconds = min(budget.seconds_left, self._settings.llm_timeout.total_seconds() * REQUEST_SHARE)
            try:
                response = await self._model.ask(messages, DEFINITIONS, ChatLimits(seconds, allowance.tokens_out))
            except ChatFailed as failure:
                await self._count_failure(failure, budget, allowance)
                wait = max(pause * random.uniform(0.8, 1.2), failure.retry_after or 0.0)  # noqa: S311  # jitter
                if not failure.passes or attempt == MOST_TRIES or wait + LEAST_SECONDS > budget.seconds_left:
                    raise GivenUp(f"the model did not answer: {failure.kind}") from failure
                log.info("model_tried_again", reason=failure.kind, attempt=attempt, seconds=round(wait, 2))
                await asyncio.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self.breaker.succeeded()
                await _count_answer(response, budget, allowance)
                return response
        raise AssertionError("unreachable")

    async def _count_failure(self, failure: ChatFailed, budget: TurnBudget, allowance: Allowance) -> None:
        if failure.is_outage:
            self.breaker.failed()
        else:
            self.breaker.succeeded()
        await budget.settle_unanswered(allowance, is_charged=failure.is_charged)


async def _count_answer(response: ModelResponse, budget: TurnBudget, allowance: Allowance) -> None:
    """A provider that counts nothing is taken at the estimate."""
    usage = response.usage
    counted = usage.input_tokens > 0
    await budget.settle(
        allowance,
        tokens_in=usage.input_tokens if counted else allowance.tokens_in,
        tokens_out=usage.output_tokens if counted else allowance.tokens_out,
    )


async def _opening(runtime: ToolRuntime, prompt: SystemPrompt) -> list[ModelMessage]:
    """Ticket, history and search are a matter of course: done at once they save a request each."""
    context = runtime.context
    await runtime.call("create_ticket", {})
    history = await runtime.call_as(HistoryOutput, "get_customer_history")
    found = await runtime.call_as(SearchOutput, "search_knowledge_base", query=brain_offline.write_query(context))
    task = build_task(context, history, found)
    return [ModelRequest(parts=[SystemPromptPart(prompt.text), UserPromptPart(task)])]


def _start_over(context: ToolContext, reason: str) -> None:
    """The offline brain gets the whole number of calls; what the model did until here stays on record."""
    state = context.state
    state.brain.name, state.brain.fallback = brain_offline.NAME, reason
    state.brain.abandoned = list(state.calls)
    state.prompt = ""
    state.calls.clear()
    state.passages.clear()
    state.passage_texts.clear()


@dataclass(slots=True)
class _Turn:
    """The conversation with the model so far."""

    runtime: ToolRuntime
    messages: list[ModelMessage]
    was_nudged: bool = False
    was_warned: bool = False

    async def follow(self, response: ModelResponse) -> None:
        """Do what the model asks for, and put the results into the conversation."""
        calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
        if not calls:
            self._nudge(response)
            return
        readable = {id(part): _readable(part) for part in calls}
        parts: list[ModelResponsePart] = [readable.get(id(part), part) for part in response.parts]
        self.messages.append(replace(response, parts=parts))
        results: list[ToolReturnPart] = []
        for call in (readable[id(part)] for part in calls):
            results.append(await self._call(call))
            if self.runtime.context.state.ended:
                return
        self.messages.append(ModelRequest(parts=results))

    def _nudge(self, response: ModelResponse) -> None:
        """Words outside a tool reach nobody: said once."""
        if self.was_nudged:
            raise GivenUp("the model answers without a tool")
        self.was_nudged = True
        if response.text and response.text.strip():
            self.messages.append(response)
        self.messages.append(ModelRequest(parts=[UserPromptPart(nudge())]))

    async def _call(self, call: ToolCallPart) -> ToolReturnPart:
        """The tool's result, or its refusal, which asks the model to do it otherwise."""
        arguments = cast("dict[str, Any]", call.args)
        try:
            result = await self._run(call.tool_name, arguments)
        except ToolError as refusal:
            return ToolReturnPart(call.tool_name, str(refusal), call.tool_call_id, outcome="failed")
        content = shorten(result, 20_000)
        return ToolReturnPart(call.tool_name, content, call.tool_call_id)

    async def _run(self, name: str, arguments: dict[str, Any]) -> str:
        state = self.runtime.context.state
        if len(state.calls) >= 2 * MOST_CALLS:
            raise GivenUp("the model calls tools without end")
        if UNREADABLE in arguments:
            self._refuse(name, arguments, "The arguments are no JSON object. Call the tool again with valid JSON.")
        if name == "send_response":
            self._temper(arguments)
        return (await self.runtime.call(name, arguments)).model_dump_json()

    def _temper(self, arguments: dict[str, Any]) -> None:
        """A model is never surer than the best passage that it cites; below the bands it is told so once."""
        context = self.runtime.context
        keys = arguments.get("passage_ids")
        cited = [context.state.passages[key] for key in _texts(keys) if key in context.state.passages]
        if arguments.get("kind") != "answer" or not cited:
            return
        evidence = max(passage.score for passage in cited)
        stated = arguments.get("confidence", 1.0)
        if isinstance(stated, (int, float)):
            arguments["confidence"] = min(float(stated), evidence)
        if evidence < context.company.escalation.bands.hold and not self.was_warned:
            self.was_warned = True
            self._refuse(
                "send_response",
                arguments,
                f"The passages cited hardly answer this (best score {evidence:.2f}). Search again with other words, "
                "ask back, or escalate with the rule 'thin_evidence'.",
            )

    def _refuse(self, name: str, arguments: dict[str, Any], refusal: str) -> NoReturn:
        """A refusal by the brain goes on record like one by the runtime."""
        self.runtime.context.state.calls.append(ToolCall(name, arguments, {"refused": refusal}, 0.0))
        raise ToolError(refusal)


def _texts(value: object) -> list[str]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def _readable(call: ToolCallPart) -> ToolCallPart:
    """The call with a clean name and a dictionary of clean arguments, so that it can be run, recorded and sent back."""
    arguments: Any = call.args
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError):
            arguments = {UNREADABLE: shorten(arguments, 500)}
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        arguments = {UNREADABLE: shorten(str(arguments), 500)}
    cleaned = clean_value(arguments)
    if len(json.dumps(cleaned)) > LARGEST_ARGUMENTS:
        cleaned = {UNREADABLE: f"larger than {LARGEST_ARGUMENTS} characters"}
    name = TOOL_NAME.sub("", one_line(call.tool_name, 64)) or "unnamed"
    return replace(call, tool_name=name, args=cleaned)
