"""Fetches the jars of the Kafka broker that tests run, from Maven Central into `.kafka/<version>/`.

Does nothing when they are there, or when the variable KAFKA_BOOTSTRAP names a broker to test against. On Debian as root
Java and Maven are installed when missing. When it can't, one line says what to do, and the exit code is 1.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
POM = ROOT / "deploy" / "kafka" / "pom.xml"
ADVICE = "The Kafka tests need Java 17 and Maven (Debian: apt-get install openjdk-17-jre-headless maven), or a broker "
ADVICE += "named by KAFKA_BOOTSTRAP=host:port."
PACKAGES = {"java": "openjdk-17-jre-headless", "mvn": "maven"}
WITHIN_SECONDS = 900


def wanted_version() -> str:
    found = re.search(r"<kafka\.version>([\d.]+)</kafka\.version>", POM.read_text("utf-8"))
    if found is None:
        raise SystemExit(f"{POM} names no kafka.version")
    return found[1]


def jar_folder() -> Path:
    return ROOT / ".kafka" / wanted_version()


def find_jars() -> Path | None:
    """The folder with the broker's jars; None when it has not been filled to the end."""
    folder = jar_folder()
    return folder if (folder / f"kafka_2.13-{wanted_version()}.jar").is_file() else None


def install(programs: list[str]) -> str:
    """Empty when apt-get did it, else why it didn't."""
    apt_get = shutil.which("apt-get")
    if apt_get is None or not Path("/etc/debian_version").exists() or os.geteuid() != 0:
        return f"{' and '.join(programs)} not found. {ADVICE}"
    packages = [PACKAGES[program] for program in programs]
    print(f"installing {' '.join(packages)} with apt-get for the Kafka tests", file=sys.stderr)  # noqa: T201
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = _run([apt_get, "--quiet", "--quiet", *arguments], environment)
        if done:
            return f"apt-get {arguments[0]} failed ({done}). {ADVICE}"
    return ""


def download() -> str:
    """Copy all jars aside, then give the folder its name. Empty when done, else why not."""
    folder = jar_folder()
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as place:
        half = Path(place) / "jars"
        print(f"fetching Kafka {wanted_version()} from Maven Central (45 MB)", file=sys.stderr)  # noqa: T201
        arguments = ["--quiet", "--batch-mode", f"--file={POM}", "dependency:copy-dependencies"]
        fault = _run([shutil.which("mvn") or "mvn", *arguments, "-DincludeScope=runtime", f"-DoutputDirectory={half}"])
        if fault:
            return f"Maven could not fetch Kafka ({fault}). {ADVICE}"
        shutil.rmtree(folder, ignore_errors=True)
        half.rename(folder)
    return ""


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Empty when it succeeded, else the last thing that it said."""
    try:
        done = subprocess.run(  # noqa: S603  # fixed arguments
            command, env=environment, capture_output=True, text=True, check=False, timeout=WITHIN_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return "" if done.returncode == 0 else (said[-1] if said else "no message")


def main() -> int:
    if os.environ.get("KAFKA_BOOTSTRAP"):
        return 0
    needed = ["java"] if find_jars() else ["java", "mvn"]
    missing = [program for program in needed if shutil.which(program) is None]
    fault = install(missing) if missing else ""
    if not fault and find_jars() is None:
        fault = download()
    if fault:
        print(fault, file=sys.stderr)  # noqa: T201
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
