"""Transfer from teacher to student, experiments, statistics and reports."""
