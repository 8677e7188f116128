"""Reports on records: pictures and pages, made without a framework."""

from common.reports.study import report_files, write_study_report

__all__ = ["report_files", "write_study_report"]
