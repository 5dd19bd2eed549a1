"""Gmail on loopback: keeps to Google's own description of the interface, and misbehaves when it is told to.

    python -m tests.standins google --port 9200

A customer writes: curl -d From=dana@example.org -d Subject=Hello -d Body=hello http://127.0.0.1:9200/standin/deliver
What we sent:      curl http://127.0.0.1:9200/standin/sent

Behind one address: `/gmail/v1/users/...`, `/token`, `/consent`, `/revoke`, and `/certs` for the pushes that
`pubsub_keys.py` signs. `misbehave("messages.send", Failure(503))` scripts what the next call of a method comes to.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.standins.google_discovery import Call, Invalid, check, match
from tests.standins.google_doors import obey
from tests.standins.google_http import Answer, Request, listening
from tests.standins.google_mailbox import FIELDS, Mailbox, Record, Stored
from tests.standins.google_oauth import CLIENT_ID, CLIENT_SECRET, OAuth
from tests.standins.pubsub_keys import PushKeys

WATCH_LASTS = 7 * 86_400
SMALL = 2  # records and messages of one page, so that every listing of a test has several


@dataclass(frozen=True, slots=True)
class Failure:
    """`after`: the call has its effect before it fails. No status: the connection ends, or hangs, without an answer."""

    status: int | None
    reason: str = ""
    message: str = "as the script says"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    after: bool = False
    hangs: bool = False
    body: object = None  # instead of Google's words

    def answer(self) -> Answer:
        if self.status is None:
            return Answer(cut=not self.hangs, hang=self.hangs)
        if self.body is not None:
            return Answer(self.status, self.body, self.headers)
        return error(self.status, self.message, self.reason, headers=self.headers)


def error(status: int, message: str, reason: str, *, kind: str = "", headers: dict[str, str] | None = None) -> Answer:
    details = [{"message": message, "domain": "global", "reason": reason}] if reason else []
    content = {"code": status, "message": message, "errors": details} | ({"status": kind} if kind else {})
    return Answer(status, {"error": content}, headers or {})


NOT_FOUND = error(404, "Requested entity was not found.", "notFound", kind="NOT_FOUND")


class GoogleServer:
    """Listens while `running()` lasts. `calls` counts by method, `refused` says what was not fit to be answered."""

    def __init__(self, mailbox: Mailbox | None = None, *, page: int = SMALL) -> None:
        self.mailbox = mailbox or Mailbox()
        self.oauth = OAuth(self.mailbox.address)
        self.keys = PushKeys()
        self.page = page
        self.topics = {"projects/standin/topics/gmail"}
        self.watch_ends: float | None = None
        self.calls: Counter[str] = Counter()
        self.refused: list[str] = []
        self.address = ""
        self.now: Callable[[], float] = time.time
        self._script: defaultdict[str, deque[Failure | None]] = defaultdict(deque)

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncGenerator[GoogleServer]:
        async with listening(self._route, port) as address:
            self.address = address
            self.oauth.token_url = f"{address}/token"
            yield self

    def misbehave(self, method: str, *failures: Failure | None) -> None:
        """What the next calls of this method come to, one each; None is as it should be."""
        self._script[method] += failures

    async def _route(self, request: Request) -> Answer:
        self.calls[request.path] += 1
        ours = {
            "/token": self.oauth.token,
            "/consent": self.oauth.consent,
            "/revoke": self.oauth.revoke,
            "/certs": self.keys.serve,
        }
        if request.path in ours:
            failure = self._next_failure(request.path)
            return failure.answer() if failure else await ours[request.path](request)
        if request.path.startswith("/standin/"):
            return obey(self.mailbox, request)
        return self._gmail(request)

    def _gmail(self, request: Request) -> Answer:
        scopes = self.oauth.scopes_of(request.headers.get("authorization", ""))
        if scopes is None:
            return error(401, "Request had invalid authentication credentials.", "authError", kind="UNAUTHENTICATED")
        try:
            call = match(request)
            if call is None:
                return self._refuse(NOT_FOUND, f"there is no {request.method} {request.path}")
            self.calls[call.name] += 1
            if not set(call.method["scopes"]) & set(scopes):
                return self._refuse(error(403, "Insufficient Permission", "insufficientPermissions"), call.name)
            if call.path.get("userId") not in ("me", self.mailbox.address):
                return self._refuse(error(403, f"Delegation denied for {call.path['userId']}", "forbidden"), call.name)
            return self._perform(call)
        except Invalid as invalid:
            return self._refuse(error(400, str(invalid), "badRequest", kind="INVALID_ARGUMENT"), str(invalid))

    def _perform(self, call: Call) -> Answer:
        failure = self._next_failure(call.name)
        if failure and not failure.after:
            return failure.answer()
        perform = getattr(self, "_" + call.name.replace(".", "_").lower(), None)
        if perform is None:
            return self._refuse(error(501, "not part of this stand-in", "notImplemented"), call.name)
        answer: Answer = perform(call)
        if answer.status == 200 and "response" in call.method:
            check(answer.body, call.method["response"]["$ref"])  # our own answers keep to the description too
        return failure.answer() if failure else answer

    def behave(self) -> None:
        """Forget the script."""
        self._script.clear()

    def _next_failure(self, method: str) -> Failure | None:
        waiting = self._script[method]
        return waiting.popleft() if waiting else None

    def _refuse(self, answer: Answer, why: str) -> Answer:
        self.refused.append(why)
        return answer

    def _getprofile(self, _call: Call) -> Answer:
        box = self.mailbox
        threads = {message.thread for message in box.messages.values()}
        return Answer(
            body={
                "emailAddress": box.address,
                "messagesTotal": len(box.messages),
                "threadsTotal": len(threads),
                "historyId": str(box.history_id),
            }
        )

    def _watch(self, call: Call) -> Answer:
        topic = call.body.get("topicName", "")
        if topic not in self.topics:
            return error(
                404, f"Resource not found (resource={topic.rpartition('/')[2]}).", "notFound", kind="NOT_FOUND"
            )
        self.watch_ends = self.now() + WATCH_LASTS
        ends = str(int(self.watch_ends * 1000))
        return Answer(body={"historyId": str(self.mailbox.history_id), "expiration": ends})

    def _stop(self, _call: Call) -> Answer:
        self.watch_ends = None
        return Answer(204)

    def _history_list(self, call: Call) -> Answer:
        start = call.one("startHistoryId")
        if not start:
            raise Invalid("Missing startHistoryId")
        changes = self.mailbox.changes(int(start), call.query.get("historyTypes", []))
        if changes is None:
            return NOT_FOUND
        records, token = self._paged(changes, call)
        body: dict[str, Any] = {"historyId": str(self.mailbox.history_id)}
        if records:  # an empty list is left out, as Gmail does
            body["history"] = [_record(record) for record in records]
        return Answer(body=body | ({"nextPageToken": token} if token else {}))

    def _messages_list(self, call: Call) -> Answer:
        try:
            found = self.mailbox.search(
                call.one("q"), call.query.get("labelIds", []), spam_and_trash=call.one("includeSpamTrash") == "true"
            )
        except ValueError as invalid:
            raise Invalid(str(invalid)) from invalid
        messages, token = self._paged(found, call)
        body: dict[str, Any] = {"resultSizeEstimate": len(found)}
        if messages:
            body["messages"] = [{"id": one.id, "threadId": one.thread} for one in messages]
        return Answer(body=body | ({"nextPageToken": token} if token else {}))

    def _paged(self, found: list[Any], call: Call) -> tuple[list[Any], str]:
        """Pages are as small as Gmail likes, never larger than asked."""
        limit = int(call.one("maxResults", "100"))
        if not 1 <= limit <= 500:
            raise Invalid("Invalid maxResults")
        token = call.one("pageToken")
        if token and not token.isdigit():
            raise Invalid("Invalid pageToken")
        start, size = int(token or 0), min(limit, self.page)
        return found[start : start + size], str(start + size) if start + size < len(found) else ""

    def _messages_get(self, call: Call) -> Answer:
        message = self.mailbox.messages.get(call.path["id"])
        return NOT_FOUND if message is None else Answer(body=_message(message, call))

    def _threads_get(self, call: Call) -> Answer:
        found = [one for one in self.mailbox.messages.values() if one.thread == call.path["id"]]
        if not found:
            return NOT_FOUND
        messages = [_message(one, call) for one in found]
        return Answer(body={"id": call.path["id"], "historyId": str(self.mailbox.history_id), "messages": messages})

    def _messages_send(self, call: Call) -> Answer:
        raw, thread = call.body.get("raw"), call.body.get("threadId", "")
        if not raw:
            raise Invalid("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
        if "+" in raw or "/" in raw:
            raise Invalid(
                "Invalid value at 'message.raw' (TYPE_BYTES), Base64 decoding failed: the alphabet is base64url"
            )
        content = urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
        if not any(line.lower().startswith(b"to:") for line in content.split(b"\r\n\r\n")[0].splitlines()):
            raise Invalid("Recipient address required")
        if thread and not any(one.thread == thread for one in self.mailbox.messages.values()):
            return NOT_FOUND
        sent = self.mailbox.send(content, thread)
        return Answer(body={"id": sent.id, "threadId": sent.thread, "labelIds": list(sent.labels)})


def _record(record: Record) -> dict[str, Any]:
    short = {"id": record.message.id, "threadId": record.message.thread}
    named = short | ({"labelIds": list(record.message.labels)} if record.message.labels else {})
    change = {"message": named} | ({"labelIds": list(record.labels)} if record.labels else {})
    return {"id": str(record.id), "messages": [short], FIELDS[record.kind]: [change]}


def _message(message: Stored, call: Call) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": message.id,
        "threadId": message.thread,
        "labelIds": list(message.labels),
        "snippet": "",
        "sizeEstimate": len(message.raw),
        "historyId": str(message.history_id),
        "internalDate": str(int(message.at.timestamp() * 1000)),
    }
    wanted = {name.lower() for name in call.query.get("metadataHeaders", [])}
    match call.one("format", "full"):
        case "raw":
            body["raw"] = urlsafe_b64encode(message.raw).decode()
        case "metadata":
            listed = [{"name": name, "value": value} for name, value in message.headers()]
            kept = [entry for entry in listed if not wanted or entry["name"].lower() in wanted]
            body["payload"] = {"mimeType": "text/plain", "headers": kept}
        case "minimal":
            pass
        case _:
            raise Invalid("this stand-in knows raw, metadata and minimal")
    return body


async def _run(port: int, address: str) -> None:
    mailbox = Mailbox(address, since=time.time_ns() // 1_000_000)
    async with GoogleServer(mailbox, page=100).running(port) as server:
        url = server.address
        print(  # noqa: T201
            f"Gmail of {address} on {url}; set DESKHAND_EMAIL_PROVIDER=gmail DESKHAND_EMAIL_ADDRESS={address} "
            f"DESKHAND_EMAIL_GMAIL_CLIENT_ID={CLIENT_ID} DESKHAND_EMAIL_GMAIL_CLIENT_SECRET={CLIENT_SECRET} "
            f"DESKHAND_EMAIL_GMAIL_API_URL={url} DESKHAND_EMAIL_GMAIL_TOKEN_URL={url}/token "
            f"DESKHAND_EMAIL_GMAIL_CONSENT_URL={url}/consent DESKHAND_EMAIL_GMAIL_CERTS_URL={url}/certs",
            flush=True,
        )
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins google", description=__doc__)
    parser.add_argument("--port", type=int, default=9200)
    parser.add_argument("--address", default="support@example.com")
    given = parser.parse_args(arguments)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.port, given.address))
