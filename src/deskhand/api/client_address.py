"""From where a request comes: the peer's address, or what a proxy that we trust says of it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from fastapi import Request

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"


def client_address(request: Request, trusted: Sequence[str]) -> str:
    """The nearest address that no trusted proxy vouches for; whatever stands behind it may be made up."""
    nearest = _read(request.client.host if request.client else "")
    if nearest is None:
        return UNKNOWN
    networks = [ip_network(part, strict=False) for part in trusted]
    header = ",".join(request.headers.getlist("x-forwarded-for")) if networks else ""
    hops = [part.strip() for part in header.split(",") if part.strip()]
    while hops and any(nearest in network for network in networks):
        before = _read(hops.pop())
        if before is None:
            break
        nearest = before
    return str(nearest)


def network_of(address: str) -> str:
    """The /24 or /64 around an address: what one subscriber easily has many addresses of."""
    found = _read(address)
    if found is None:
        return UNKNOWN
    return str(ip_network((found, 24 if found.version == 4 else 64), strict=False))


def _read(text: str) -> Address | None:
    """Also as `1.2.3.4:5678` and `[::1]:5678`, which some proxies write; None for what is no address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
