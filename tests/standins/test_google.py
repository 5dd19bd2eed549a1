"""The stand-in of Gmail: Google's own client works with it, and it refuses what Google refuses."""

from __future__ import annotations

import asyncio
import email
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import httpx
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from deskhand.channels.google_tokens import SCOPES
from tests.channels.letters import letter
from tests.standins.google import Failure, GoogleServer
from tests.standins.google_discovery import document, excerpt
from tests.standins.google_oauth import CLIENT_ID, CLIENT_SECRET

Service = Any
NO_RECIPIENT = urlsafe_b64encode(b"Subject: x\r\n\r\n").decode()
REFUSED: list[tuple[Callable[[Service], Any], int]] = [
    (lambda users: users.history().list(userId="me", startHistoryId=1), 404),
    (lambda users: users.history().list(userId="me", startHistoryId=2**62), 404),
    (lambda users: users.messages().get(userId="me", id="0"), 404),
    (lambda users: users.messages().get(userId="boss@example.com", id="0"), 403),
    (lambda users: users.messages().list(userId="me", pageToken="none"), 400),
    (lambda users: users.messages().list(userId="me", maxResults=501), 400),
    (lambda users: users.messages().send(userId="me", body={"raw": "//++"}), 400),
    (lambda users: users.messages().send(userId="me", body={"raw": NO_RECIPIENT}), 400),
    (lambda users: users.messages().send(userId="me", body={}), 400),
    (lambda users: users.watch(userId="me", body={"topicName": "projects/p/topics/other"}), 404),
    (lambda users: users.messages().trash(userId="me", id="0"), 403),
]


@pytest.fixture
async def google() -> AsyncGenerator[GoogleServer]:
    async with GoogleServer().running() as server:
        yield server


def _service(google: GoogleServer) -> Service:
    """Google's own client, with nothing but another address."""
    make = cast("Callable[..., Credentials]", Credentials)
    credentials = make(
        None,
        refresh_token=google.oauth.refresh_token(SCOPES),
        token_uri=google.oauth.token_url,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
    )
    options = {"api_endpoint": google.address}
    make_service = cast("Callable[..., Service]", cast("Any", discovery).build)
    return make_service("gmail", "v1", credentials=credentials, client_options=options, static_discovery=True)


async def _with_official_client(google: GoogleServer, work: Callable[[Service], Any]) -> Any:
    def run() -> Any:
        with _service(google) as service:
            return work(service.users())

    return await asyncio.to_thread(run)


async def test_google_s_own_client_reads_a_mailbox(google: GoogleServer) -> None:
    raw = [letter(f"mail {number}") for number in range(5)]
    start = google.mailbox.history_id
    stored = [google.mailbox.deliver(one) for one in raw]

    def work(users: Service) -> dict[str, Any]:
        found: dict[str, Any] = {"profile": users.getProfile(userId="me").execute(), "history": [], "list": []}
        request = users.history().list(userId="me", startHistoryId=start, historyTypes=["messageAdded"])
        while request is not None:
            answer = request.execute()
            found["history"] += answer.get("history", [])
            request = users.history().list_next(request, answer)
        request = users.messages().list(userId="me", q="after:0")
        while request is not None:
            answer = request.execute()
            found["list"] += answer["messages"]
            request = users.messages().list_next(request, answer)
        found["raw"] = users.messages().get(userId="me", id=stored[0].id, format="raw").execute()
        found["watch"] = users.watch(userId="me", body={"topicName": "projects/standin/topics/gmail"}).execute()
        users.stop(userId="me").execute()
        return found

    found = await _with_official_client(google, work)

    assert found["profile"]["emailAddress"] == google.mailbox.address
    added = [entry["message"]["id"] for record in found["history"] for entry in record["messagesAdded"]]
    assert added == [one.id for one in stored]
    assert [one["id"] for one in found["list"]] == [one.id for one in reversed(stored)]
    assert found["raw"]["raw"] == urlsafe_b64encode(raw[0]).decode()
    assert int(found["watch"]["expiration"]) > 0
    assert google.watch_ends is None
    assert google.refused == []


async def test_google_s_own_client_sends_and_reads_the_thread(google: GoogleServer) -> None:
    question = google.mailbox.deliver(letter(subject="Board"))
    reply = f"To: dana@example.org\r\nSubject: Re: Board\r\nIn-Reply-To: {question.header('Message-ID')}\r\n\r\nHello"

    def work(users: Service) -> Any:
        body = {"raw": urlsafe_b64encode(reply.encode()).decode(), "threadId": question.thread}
        sent = users.messages().send(userId="me", body=body).execute()
        return sent, users.threads().get(userId="me", id=question.thread, format="metadata").execute()

    sent, thread = await _with_official_client(google, work)

    assert sent["labelIds"] == ["SENT"]
    assert [one["id"] for one in thread["messages"]] == [question.id, sent["id"]]


@pytest.mark.parametrize(("call", "status"), REFUSED)
async def test_it_refuses_what_google_refuses_in_google_s_words(
    google: GoogleServer, call: Callable[[Service], Any], status: int
) -> None:
    with pytest.raises(HttpError) as caught:
        await _with_official_client(google, lambda users: call(users).execute())

    assert cast("Any", caught.value).resp.status == status
    assert cast("Any", caught.value).reason


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/gmail/v1/users/me/history?startHistoryId=abc", 400),
        ("/gmail/v1/users/me/history?startHistoryId=-1", 400),
        ("/gmail/v1/users/me/history", 400),
        ("/gmail/v1/users/me/history?startHistoryId=1001&historyTypes=everything", 400),
        ("/gmail/v1/users/me/messages?search=all", 400),
        ("/gmail/v1/users/me/messages?q=is:unread", 400),
        ("/gmail/v2/users/me/messages", 404),
    ],
)
async def test_a_request_outside_of_google_s_description_is_refused(
    google: GoogleServer, path: str, status: int
) -> None:
    token = google.oauth._grant(SCOPES)["access_token"]
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{google.address}{path}", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == status
    assert google.refused


async def test_without_a_token_or_with_one_that_has_ended_there_is_no_answer(google: GoogleServer) -> None:
    google.oauth.lifetime = -1
    ended = google.oauth._grant(SCOPES)["access_token"]
    async with httpx.AsyncClient() as client:
        for headers in ({}, {"Authorization": "Bearer ya29.wrong"}, {"Authorization": f"Bearer {ended}"}):
            answer = await client.get(f"{google.address}/gmail/v1/users/me/profile", headers=headers)
            assert answer.status_code == 401


async def test_a_token_for_less_may_do_less(google: GoogleServer) -> None:
    token = google.oauth._grant(SCOPES[:1])["access_token"]
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{google.address}/gmail/v1/users/me/messages/send",
            headers={"Authorization": f"Bearer {token}"},
            json={"raw": "VG86IGFAYi5jDQoNCg=="},
        )

    assert answer.status_code == 403


async def test_a_script_plays_each_failure_once_before_or_after_the_effect(google: GoogleServer) -> None:
    google.misbehave("messages.send", Failure(503), None, Failure(503, after=True))
    body = {"raw": urlsafe_b64encode(b"To: a@example.org\r\n\r\nhi").decode()}

    async def send() -> int:
        token = google.oauth._grant(SCOPES)["access_token"]
        async with httpx.AsyncClient() as client:
            url = f"{google.address}/gmail/v1/users/me/messages/send"
            return (await client.post(url, headers={"Authorization": f"Bearer {token}"}, json=body)).status_code

    assert [await send() for _ in range(4)] == [503, 200, 503, 200]
    assert len(google.mailbox.sent) == 3


async def test_a_sent_mail_leaves_its_thread_when_its_subject_is_another(google: GoogleServer) -> None:
    question = google.mailbox.deliver(letter(subject="Board"))
    parent = question.header("Message-ID")

    stays = google.mailbox.send(f"Subject: RE: Board\r\nIn-Reply-To: {parent}\r\n\r\n".encode(), question.thread)
    other = google.mailbox.send(f"Subject: Other\r\nIn-Reply-To: {parent}\r\n\r\n".encode(), question.thread)
    alone = google.mailbox.send(b"Subject: Re: Board\r\n\r\n", question.thread)

    assert stays.thread == question.thread
    assert question.thread not in (other.thread, alone.thread)
    assert email.message_from_bytes(stays.raw)["Message-ID"].endswith("@mail.gmail.com>")


def test_where_the_official_client_is_missing_a_part_of_its_description_stands_in() -> None:
    def is_part(part: Any, whole: Any) -> bool:
        if isinstance(part, dict):
            entries = cast("dict[str, Any]", part)
            return all(name in whole and is_part(entry, whole[name]) for name, entry in entries.items())
        return part == whole

    assert is_part(excerpt(), document())
    used = excerpt()["resources"]["users"]
    assert set(used["resources"]["messages"]["methods"]) == {"list", "get", "send"}


async def test_a_customer_s_mail_comes_by_a_door_and_what_was_sent_is_shown(google: GoogleServer) -> None:
    async with httpx.AsyncClient(base_url=google.address) as client:
        form = {"From": "Dana Fox <dana@example.org>", "Subject": "Board", "Body": "Grüße"}
        delivered = (await client.post("/standin/deliver", data=form)).json()
        google.mailbox.send(letter(sender="support@example.com"), "")
        sent = (await client.get("/standin/sent")).json()["sent"]

    stored = google.mailbox.messages[delivered["id"]]
    assert (stored.thread, stored.header("From")) == (delivered["threadId"], form["From"])
    assert "dmarc=pass header.from=example.org" in stored.header("Authentication-Results")
    assert [(one["to"], one["subject"]) for one in sent] == [("support@example.com", "Board")]
