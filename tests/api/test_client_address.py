"""Whose address counts: the peer's, unless a proxy that we trust names another."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from deskhand.api.client_address import client_address, network_of

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")


def request(peer: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return Request({"type": "http", "client": (peer, 5000) if peer else None, "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["192.0.2.1"], "203.0.113.5"),
        ("10.1.2.3", ["192.0.2.1"], "192.0.2.1"),
        ("10.1.2.3", ["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
        ("10.1.2.3", ["198.51.100.7, 192.0.2.1, 10.9.9.9"], "192.0.2.1"),
        ("10.1.2.3", ["198.51.100.7", "192.0.2.1"], "192.0.2.1"),
        ("10.1.2.3", ["nonsense"], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.7, nonsense, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", ["192.0.2.1:4711"], "192.0.2.1"),
        ("10.1.2.3", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("::ffff:10.1.2.3", ["192.0.2.1"], "192.0.2.1"),
        ("2001:db8:ffff::1", ["2001:db8::5"], "2001:db8::5"),
        (None, ["192.0.2.1"], "unknown"),
    ],
)
def test_the_nearest_address_that_no_trusted_proxy_vouches_for_counts(
    peer: str | None, forwarded: list[str], expected: str
) -> None:
    assert client_address(request(peer, *forwarded), PROXIES) == expected


def test_without_trusted_proxies_the_header_says_nothing() -> None:
    assert client_address(request("10.1.2.3", "192.0.2.1"), ()) == "10.1.2.3"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_network_is_what_one_subscriber_has_many_addresses_of(address: str, network: str) -> None:
    assert network_of(address) == network
