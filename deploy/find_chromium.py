"""Finds the Chromium that the browser tests drive; on Debian as root it is installed when missing.

Prints nothing when it is there. Otherwise one line says what to do, and the exit code is 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PLACES = (
    Path("/usr/bin/chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
ADVICE = "The browser tests need Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM to its path."


def find_chromium() -> str | None:
    """The program's path: what the variable CHROMIUM names, or what stands where it usually does."""
    if named := os.environ.get("CHROMIUM"):
        return named if Path(named).is_file() else None
    for name in NAMES:
        if found := shutil.which(name):
            return found
    return next((str(place) for place in PLACES if place.is_file()), None)


def install() -> str:
    """Empty when apt-get did it, else why it didn't."""
    apt_get = shutil.which("apt-get")
    if apt_get is None or not Path("/etc/debian_version").exists():
        return ADVICE
    if os.geteuid() != 0:
        return f"{ADVICE} As root this would be done for you."
    print("installing chromium with apt-get for the browser tests", file=sys.stderr)  # noqa: T201
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        done = subprocess.run(  # noqa: S603  # fixed arguments
            [apt_get, "--quiet", "--quiet", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            return f"apt-get {arguments[0]} failed ({last}). {ADVICE}"
    return ""


def main() -> int:
    if find_chromium() is not None:
        return 0
    refusal = f"CHROMIUM names no file: {os.environ['CHROMIUM']}" if os.environ.get("CHROMIUM") else install()
    if not refusal and find_chromium() is None:
        refusal = ADVICE
    if refusal:
        print(refusal, file=sys.stderr)  # noqa: T201
    return 1 if refusal else 0


if __name__ == "__main__":
    sys.exit(main())
