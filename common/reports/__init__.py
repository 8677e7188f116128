"""Reports on records: pictures and pages, made without a framework."""

from common.reports.study import write_study_report

__all__ = ["write_study_report"]
