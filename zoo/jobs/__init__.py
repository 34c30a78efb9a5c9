"""Jobs over thousands of files: in this process, in local processes or on a Ray cluster."""

from zoo.jobs.runner import job_results, run_jobs
from zoo.jobs.task import Entry, Item, Report, Task

__all__ = ["Entry", "Item", "Report", "Task", "job_results", "run_jobs"]
