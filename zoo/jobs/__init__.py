"""Jobs over thousands of files: in this process, in local processes or on a Ray cluster."""

from zoo.jobs.runner import default_workers, job_results, run_jobs
from zoo.jobs.task import Entry, Item, Report, Task

__all__ = ["Entry", "Item", "Report", "Task", "default_workers", "job_results", "run_jobs"]
