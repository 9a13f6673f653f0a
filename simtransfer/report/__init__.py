"""The report of an experiment: curves, tables, one page, and every number as data."""

from simtransfer.report.files import ReportFiles, write_report

__all__ = ["ReportFiles", "write_report"]
