"""Reports: pages made from records, without a framework."""

from common.reports.study import report_files, write_study_report

__all__ = ["report_files", "write_study_report"]
