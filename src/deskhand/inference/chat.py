"""Language models behind one face: OpenAI-compatible, Anthropic and Google, by pydantic-ai. An optional extra."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRequestTimeout,
)
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from deskhand.errors import SetupInvalid
from deskhand.settings import Settings

ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
}
LARGEST_ANSWER = 2_000_000
NO_KEY = "none"
PASSING = {408, 409, 425, 429}


class ChatFailed(Exception):
    """The model gave no answer.

    `kind` says what happened in words that hold nothing of the provider's; `passes` whether another try may help;
    `is_outage` whether it speaks against the provider rather than this request; `is_charged` whether the provider may
    have worked for it.
    """

    def __init__(
        self, kind: str, *, passes: bool, is_outage: bool, is_charged: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.passes = passes
        self.is_outage = is_outage
        self.is_charged = is_charged
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """Of one request."""

    seconds: float
    tokens_out: int


class ChatModel:
    """One language model of one provider. It tries once: whether to try again is for the caller to say."""

    def __init__(self, model: Model, *, stream: bool) -> None:
        self._model = model
        self._stream = stream
        self.name = f"{model.system}:{model.model_name}"

    async def ask(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolDefinition], limits: ChatLimits
    ) -> ModelResponse:
        """The model's next message.

        Raises:
            ChatFailed: whatever went wrong, a garbled answer included.
        """
        settings = ModelSettings(max_tokens=limits.tokens_out, max_retries=0, request_timeout=limits.seconds)
        parameters = ModelRequestParameters(function_tools=list(tools))
        try:
            if not self._stream:
                return await model_request(
                    self._model, messages, model_settings=settings, model_request_parameters=parameters
                )
            async with model_request_stream(
                self._model, messages, model_settings=settings, model_request_parameters=parameters
            ) as stream:
                async for _ in stream:
                    pass
                return stream.get()
        except ModelAPIError as error:
            raise _failure(error) from error
        except Exception as error:  # a model's answer may break a client library in any way
            raise ChatFailed(
                f"garbled answer ({type(error).__name__})", passes=False, is_outage=False, is_charged=True
            ) from error


def _failure(error: ModelAPIError) -> ChatFailed:
    if isinstance(error, ModelRequestTimeout):
        return ChatFailed("too slow", passes=True, is_outage=True, is_charged=True)
    if isinstance(error, ModelHTTPError):
        status = error.status_code
        refused = isinstance(error, (ModelQuotaExceededError, ModelAuthenticationError, ModelNotFoundError))
        passes = not refused and (status in PASSING or status >= 500)
        return ChatFailed(
            f"HTTP {status}",
            passes=passes,
            is_outage=passes or refused,
            is_charged=error.in_stream,
            retry_after=error.retry_after,
        )
    if isinstance(error, ModelConnectionError):
        return ChatFailed("connection failed", passes=True, is_outage=True, is_charged=True)
    return ChatFailed("interrupted", passes=True, is_outage=True, is_charged=True)


@asynccontextmanager
async def open_chat_model(settings: Settings) -> AsyncGenerator[ChatModel]:
    """The model that the settings name.

    Raises:
        SetupInvalid: a setting is missing; the message names it.
    """
    provider = settings.llm_provider
    name = settings.llm_model
    if not name:
        raise SetupInvalid("DESKHAND_LLM_MODEL: the brain 'llm' needs the name of a model.", field="DESKHAND_LLM_MODEL")
    address = settings.llm_base_url or ADDRESSES.get(provider)
    if address is None:
        raise SetupInvalid(
            "DESKHAND_LLM_BASE_URL: an openai-compatible provider needs its address.", field="DESKHAND_LLM_BASE_URL"
        )
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key is not None else ""
    if not key and provider != "openai-compatible":
        raise SetupInvalid(
            f"DESKHAND_LLM_API_KEY: the brain 'llm' needs a key of the provider '{provider}'.",
            field="DESKHAND_LLM_API_KEY",
        )
    timeout = httpx2.Timeout(settings.llm_timeout.total_seconds(), connect=5)
    async with httpx2.AsyncClient(timeout=timeout, event_hooks={"response": [_limit_size]}) as client:
        yield ChatModel(_BUILDERS[provider](name, address, key, client), stream=settings.llm_stream)


# Each provider's client library takes seconds and 50 MB to import: only the one that is wanted is.


def _anthropic(name: str, address: str, key: str, client: httpx2.AsyncClient) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicModel(name, provider=AnthropicProvider(api_key=key, base_url=address, http_client=client))


def _google(name: str, address: str, key: str, client: httpx2.AsyncClient) -> Model:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    return GoogleModel(name, provider=GoogleProvider(api_key=key, base_url=address, http_client=client))


def _openai(name: str, address: str, key: str, client: httpx2.AsyncClient) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(name, provider=OpenAIProvider(api_key=key, base_url=address, http_client=client))


def _openai_compatible(name: str, address: str, key: str, client: httpx2.AsyncClient) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    provider = OpenAICompatibleProvider(
        "openai-compatible",
        base_url=address,
        api_key=key or NO_KEY,
        http_client=client,
        # The older name of the field is the one that all of them know.
        profile=OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False),
    )
    return OpenAIChatModel(name, provider=provider)


_BUILDERS: dict[str, Callable[[str, str, str, httpx2.AsyncClient], Model]] = {
    "anthropic": _anthropic,
    "google": _google,
    "openai": _openai,
    "openai-compatible": _openai_compatible,
}


async def _limit_size(response: httpx2.Response) -> None:
    """A provider must not fill our memory, whatever is behind its address."""
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _LimitedStream(response.stream)


class _LimitedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > LARGEST_ANSWER:
                raise httpx2.RemoteProtocolError("the answer is larger than any answer may be")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
