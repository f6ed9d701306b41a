"""Asks SLURM, PBS or LSF for jobs in which Dask workers run.

--on slurm:FILE.toml + its table [cluster] -> a Dask cluster whose jobs are asked for

It never waits for a job. One that ends (its time is over, its machine is down) is asked for anew.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seget.errors import InputError
from seget.runners.cluster import RESOURCE

KINDS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}
FILE = "cluster.toml"
# A job may end many times (its time is over) before a task is taken for the cause.
ALLOWED_LOSSES = 10


class Table(BaseModel):
    """What stands in the table `[cluster]`.

    Attributes
    ----------
    jobs
        Most jobs at a time.
    cores, memory, walltime
        Of a job, as "16 GB" and "04:00:00".
    workers
        In a job, which share its cores and memory.
    queue, account
        What the job is put into (SLURM: partition), and who pays (LSF: the project).
    directives
        More lines for the head of a job's script, without #SBATCH, such as "--gres=gpu:1".
    prologue
        Lines of shell before the worker starts, such as "module load cuda".
    interface
        Network on which scheduler and workers meet, such as "ib0".
    python
        How a job starts Python, such as "apptainer exec seget.sif python"; the default is the
        Python that runs this command.
    logs
        Folder for what jobs print.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    jobs: int = Field(gt=0)
    cores: int = Field(gt=0)
    memory: str = Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")
    walltime: str
    workers: int = Field(1, gt=0)
    queue: str | None = None
    account: str | None = None
    directives: list[str] = []
    prologue: list[str] = []
    interface: str | None = None
    python: str = sys.executable
    logs: str | None = None


def read_table(where: str) -> Table:
    """Return the table of the file that `where` names behind a colon, else of cluster.toml.

    Raises
    ------
    InputError
        The file is not there or says something else, or a library is not installed.
    """
    kind, _, name = where.partition(":")
    path = Path(name or FILE)
    _library(kind)
    try:
        found = tomllib.loads(path.read_text())["cluster"]
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; --on {kind}:FILE.toml takes the jobs from a table [cluster] "
            "(docs/cluster.md)."
        ) from None
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: wanted TOML with a table [cluster] ({error}).") from None
    try:
        return Table.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path}: [cluster] {key}: {first['msg']}; known are {', '.join(Table.model_fields)} "
            "(docs/cluster.md)."
        ) from None


def started(where: str, tasks: int) -> Any:
    """Return a Dask cluster that asks for as many jobs as there is work for, until it is closed."""
    kind = where.partition(":")[0]
    table = read_table(where)
    settings = {"distributed.scheduler.allowed-failures": ALLOWED_LOSSES}
    with import_module("dask.config").set(settings):  # read by the scheduler when it starts
        cluster = getattr(_library(kind), KINDS[kind])(**arguments(kind, table))
    jobs = min(table.jobs, -(-tasks // table.workers))
    # The least is the most: the number of tasks is known, and a job that ends is asked for anew.
    cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)
    return cluster


def arguments(kind: str, table: Table) -> dict[str, Any]:
    """Return the table as dask-jobqueue takes it."""
    threads = max(1, table.cores // table.workers)
    payer = "project" if kind == "lsf" else "account"
    return {
        "cores": table.cores,
        "memory": table.memory,
        "processes": table.workers,
        "walltime": table.walltime,
        "queue": table.queue,
        payer: table.account,
        "job_extra_directives": table.directives,
        # Dask would give each worker one thread of torch's, whatever the job's cores.
        "job_script_prologue": [*table.prologue, f"export OMP_NUM_THREADS={threads}"],
        "worker_extra_args": ["--resources", f"{RESOURCE}=1"],
        "interface": table.interface,
        "log_directory": table.logs,
        "local_directory": tempfile.gettempdir(),
        "python": table.python,
        "job_name": "seget",
        "scheduler_options": {"dashboard_address": ":0"},
    }


def _library(kind: str) -> Any:
    """Return dask-jobqueue, without what it does to Ctrl-C when it is imported: exit with 0."""
    heard = signal.getsignal(signal.SIGINT)
    try:
        return import_module("dask_jobqueue")
    except ImportError:
        raise InputError(
            f"--on {kind}: dask-jobqueue is not installed; pip install 'seget[cluster]'."
        ) from None
    finally:
        if signal.getsignal(signal.SIGINT) is not heard:
            signal.signal(signal.SIGINT, heard or signal.default_int_handler)
