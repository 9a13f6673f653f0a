"""One short script per experiment, and the recorded results."""

import sys

from simtransfer.interruption import leave_at_once

if sys.argv[:1] == ["-m"]:  # `python -m experiments.NAME` is about to import the script
    leave_at_once()
