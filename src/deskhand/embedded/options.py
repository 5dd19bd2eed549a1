"""How the embedded server is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

DEFAULT_OPTIONS = (("max_connections", "60"), ("shared_buffers", "64MB"), ("jit", "off"), ("timezone", "UTC"))


@dataclass(frozen=True)
class EmbeddedSettings:
    """How the server is run. A process that attaches to a running server takes it as it is."""

    install_dir: Path | None = None
    """Folder of another PostgreSQL (its bin/ inside); None takes the package's."""
    tcp: bool = False
    """Listen on 127.0.0.1 with a free port instead of a Unix socket."""
    start_timeout: timedelta = timedelta(seconds=60)
    """For making the cluster, and again until the first connection: a recovery takes its time."""
    stop_timeout: timedelta = timedelta(seconds=30)
    """For a fast shutdown, before the server is killed."""
    wait_timeout: timedelta = timedelta(seconds=60)
    """For another Deskhand process to be done with the server, or to have started it."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """PostgreSQL settings over our defaults, such as {"fsync": "off"} in tests."""
    root_base: Path = Path("/var/lib")
    """Where root keeps a cluster whose data folder the server's account can't enter."""

    @property
    def is_durable(self) -> bool:
        return self.options.get("fsync", "on") != "off"

    def list_options(self) -> dict[str, str]:
        return dict(DEFAULT_OPTIONS) | dict(self.options)
