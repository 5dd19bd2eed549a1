"""`python -m deskhand` is the command `deskhand`."""

from deskhand.cli import main

main()
