"""`python -m tests.standins NAME`: runs a stand-in for a provider on loopback."""

from __future__ import annotations

import sys
from importlib import import_module


def main() -> int:
    if len(sys.argv) < 2:
        sys.stderr.write("name a stand-in, such as: language-model\n")
        return 2
    import_module(f"tests.standins.{sys.argv[1].replace('-', '_')}").main(sys.argv[2:])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
