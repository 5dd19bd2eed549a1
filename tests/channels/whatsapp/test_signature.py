"""Twilio's signature: every official vector, the traps of the official library, equality with it on random input."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from deskhand.channels.twilio_signature import find_signed, has_body_hash, sign, url_forms
from tests.channels.whatsapp.calls import TOKEN, URL, vectors
from tests.standins import twilio_calls as calls

HOSTS = st.sampled_from(["support.example.com", "a.io", "xn--bcher-kva.example", "127.0.0.1"])
PORTS = st.sampled_from(["", ":1234", ":443", ":80", ":8443"])
PATHS = st.sampled_from(["", "/", "/webhooks/whatsapp", "/a/b/status", "/Ünï/%C3%A9"])
QUERIES = st.sampled_from(["", "?o=42", "?foo=1&bar=2", "?a=%27&b=%20+c", "?x="])
URLS = st.builds("{}://{}{}{}{}".format, st.sampled_from(["https", "http"]), HOSTS, PORTS, PATHS, QUERIES)
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
FORMS = st.lists(st.tuples(st.one_of(st.sampled_from(["Body", "From", "To", "a", "AB"]), WORDS), WORDS), max_size=8)


def official(token: str = TOKEN) -> Any:
    """The official library's validator; it has no types."""
    return RequestValidator(token)


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["name"])
def test_a_vector_is_accepted(vector: dict[str, Any]) -> None:
    form = [(name, value) for name, value in vector["form"]]

    assert find_signed(vector["url"], form, vector["signature"], [TOKEN])
    if "body" in vector:
        assert has_body_hash(vector["url"].partition("?")[2], vector["body"].encode())


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["name"])
def test_a_vector_with_one_character_changed_is_refused(vector: dict[str, Any]) -> None:
    form, url, signature = [(name, value) for name, value in vector["form"]], vector["url"], vector["signature"]

    def accepts(url: str, form: calls.Form, signature: str, token: str = TOKEN) -> bool:
        return find_signed(url, form, signature, [token]) is not None

    for at in range(len(url)):
        other = url[:at] + ("x" if url[at] != "x" else "y") + url[at + 1 :]
        assert not accepts(other, form, signature), other
    for number, (name, value) in enumerate(form):
        rest = form[:number] + form[number + 1 :]
        assert not accepts(url, [*rest, (f"{name}x", value)], signature)
        assert not accepts(url, [*rest, (name, f"{value}x")], signature)
    for at in range(len(signature)):
        assert not accepts(url, form, signature[:at] + ("A" if signature[at] != "A" else "B") + signature[at + 1 :])
    assert not accepts(url, form, signature, "12346")


@pytest.mark.parametrize("other", ["", "=", "not base64!", "A" * 28, "A" * 27, "A" * 10_000, "ä" * 27 + "=", "\n"])
def test_what_is_no_signature_is_refused_without_an_error(other: str) -> None:
    assert find_signed(URL, [("a", "b")], other, [TOKEN]) is None


def test_a_signature_with_a_line_end_behind_it_is_another() -> None:
    good = sign(URL, [], TOKEN)

    assert find_signed(URL, [], good, [TOKEN])
    assert find_signed(URL, [], good + "\n", [TOKEN]) is None


def test_both_tokens_of_a_rotation_are_accepted_and_no_third() -> None:
    tokens = ["new", "old"]

    assert all(find_signed(URL, [("a", "b")], sign(URL, [("a", "b")], token), tokens) for token in tokens)
    assert find_signed(URL, [("a", "b")], sign(URL, [("a", "b")], "older"), tokens) is None


def test_without_a_token_nothing_is_accepted() -> None:
    assert find_signed(URL, [], sign(URL, [], ""), []) is None


def test_a_url_that_is_none_has_one_form() -> None:
    assert url_forms("nonsense") == ("nonsense",)


@pytest.mark.parametrize(
    "query", ["", "bodySHA256=", "bodySHA256=ä", f"bodySHA256={'0' * 64}", "BODYSHA256=x", "bodySHA256"]
)
def test_a_body_without_its_hash_is_refused(query: str) -> None:
    assert not has_body_hash(query, b"{}")


def test_a_body_hash_that_stands_there_twice_is_refused() -> None:
    (one,) = (vector for vector in vectors() if vector["name"] == "an empty JSON body")
    query = one["url"].partition("?")[2]

    assert has_body_hash(query, b"{}")
    assert not has_body_hash(f"{query}&{query.rpartition('&')[2]}", b"{}")
    assert not has_body_hash(query, b"{} ")


@settings(max_examples=1000, deadline=None)
@given(url=URLS, form=FORMS, with_port=st.booleans())
def test_what_the_official_library_accepts_and_refuses_we_accept_and_refuse(
    url: str, form: list[tuple[str, str]], with_port: bool
) -> None:
    signed = url_forms(url)[1 if with_port else 0]
    signature = official().compute_signature(signed, MultiDict(form))

    assert sign(signed, form, TOKEN) == signature == calls.signature(signed, form, TOKEN)
    assert official().validate(url, MultiDict(form), signature)
    assert find_signed(url, form, signature, [TOKEN])


@settings(max_examples=500, deadline=None)
@given(url=URLS, form=FORMS, other=FORMS, tail=st.sampled_from(["", "/x", "&a=b", "/"]))
def test_a_signature_of_another_request_is_judged_as_the_official_library_does(
    url: str, form: list[tuple[str, str]], other: list[tuple[str, str]], tail: str
) -> None:
    assume(urlsplit(url).path or not tail.startswith("&"))  # else the port is no number, and the library raises
    signature = official().compute_signature(url, MultiDict(form))

    assert official().validate(url + tail, MultiDict(other), signature) == bool(
        find_signed(url + tail, other, signature, [TOKEN])
    )


@pytest.mark.parametrize("host", ["user:pass@support.example.com", "[2001:db8::1]"])
def test_where_the_official_library_loses_the_host_with_the_port_we_do_not(host: str) -> None:
    """twilio 9.13 cuts `host:port` at the first colon, wherever that is."""
    signature = sign(f"https://{host}/x", [], TOKEN)

    assert not official().validate(f"https://{host}:8443/x", {}, signature)
    assert find_signed(f"https://{host}:8443/x", [], signature, [TOKEN])


def test_where_the_official_library_lets_a_lone_question_mark_be_added_we_do_not() -> None:
    assert official().validate(f"{URL}?", {}, sign(URL, [], TOKEN))
    assert find_signed(f"{URL}?", [], sign(URL, [], TOKEN), [TOKEN]) is None


def test_where_the_official_library_raises_on_a_missing_header_the_door_has_looked_before() -> None:
    missing: Any = None

    with pytest.raises(TypeError):
        official().validate(URL, {}, missing)
