"""The command ``simtransfer``: handles Ctrl-C before it imports anything that takes long."""

import sys

from simtransfer.interruption import leave_at_once


def main() -> int:
    """Run the command that was given; returns its exit code."""
    leave_at_once()
    from simtransfer.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
