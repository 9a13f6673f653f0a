"""Transfer from teacher to student, experiments, statistics and reports."""

from envs import make_environment as make
from simtransfer.library import Student, evaluate, load, train, transfer
from simtransfer.plan import PLANS, Schedule, TransferPlan

__all__ = [
    "PLANS",
    "Schedule",
    "Student",
    "TransferPlan",
    "evaluate",
    "load",
    "make",
    "train",
    "transfer",
]
__version__ = "0.1.0"
