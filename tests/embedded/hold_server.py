"""Run as a script: hold the server of a data folder until the input ends.

python hold_server.py DATA_DIR ROLE [told] [no-death-signal]
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

from deskhand.embedded import EmbeddedPostgres, EmbeddedSettings, launch


def hold(data_dir: Path, words: list[str]) -> None:
    server = EmbeddedPostgres(
        data_dir,
        role="service" if "service" in words else "command",
        settings=EmbeddedSettings(options={"fsync": "off"}, wait_timeout=timedelta(seconds=20)),
        on_wait=lambda _: (data_dir / f"told-{os.getpid()}").touch(),
    )
    server.start()
    try:
        sys.stdout.write(f"owned={server.owned} server={server.pid} pid={os.getpid()}\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        server.stop()


def main() -> None:
    data_dir, words = Path(sys.argv[1]), sys.argv[2:]
    if "no-death-signal" not in words:
        hold(data_dir, words)
        return
    script = data_dir / "launch_without_ctypes.py"
    script.write_text(Path(launch.__file__).read_text("utf-8").replace("import ctypes", "raise ImportError"))
    launch.__file__ = str(script)
    hold(data_dir, words)


if __name__ == "__main__":
    main()
