"""Jobs of SLURM, PBS and LSF: the scripts that ask for them; and real workers in jobs of a shell.

`sbatch` and `scancel` are two scripts that run a job on this machine at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from seget.errors import InputError
from seget.runners import check, run
from seget.runners.job_queue import Table, arguments, read_table
from worker_tasks import job_killed_once, square, until

if find_spec("dask_jobqueue") is None:
    pytest.skip("dask-jobqueue is not installed", allow_module_level=True)

TABLE = """\
[cluster]
jobs = 2
cores = 1
memory = "1 GB"
walltime = "00:10:00"
interface = "lo"
prologue = ["export PYTHONPATH={path}"]
"""
SBATCH = """\
#!/bin/sh
job=$(mktemp -p "$(dirname "$0")" job.XXXXXX)
cp "$1" "$job"
setsid sh "$job" > "$job.log" 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""
SCANCEL = """\
#!/bin/sh
kill -KILL "-$1" 2> /dev/null || true
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose sbatch runs a job at once, and a cluster.toml for it."""
    for name, text in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(text)
        script.chmod(0o755)
    paths = [*sys_path(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    (tmp_path / "cluster.toml").write_text(TABLE.format(path=os.pathsep.join(filter(None, paths))))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    yield tmp_path
    for pid in jobs(tmp_path):
        os.killpg(pid, signal.SIGKILL)


def sys_path() -> list[str]:
    return [path for path in sys.path if path]


def jobs(folder: Path) -> list[int]:
    """Return the jobs that are running: the shells of their scripts."""
    return [
        one.pid
        for one in psutil.process_iter(["cmdline"])
        if (one.info["cmdline"] or [""])[-1].startswith(str(folder / "bin" / "job."))
        and one.status() != psutil.STATUS_ZOMBIE
    ]


def test_jobs_of_slurm_do_the_tasks_and_end(slurm: Path) -> None:
    done = dict(run(square, [1, 2, 3], f"slurm:{slurm / 'cluster.toml'}"))
    assert {task: result[0] for task, result in done.items()} == {1: 1, 2: 4, 3: 9}
    assert len(list((slurm / "bin").glob("job.*.log"))) == 2
    until(lambda: not jobs(slurm))  # cancelled; what is killed still takes a moment to end


def test_a_job_that_ends_is_asked_for_anew(slurm: Path) -> None:
    import dask.config

    text = (slurm / "cluster.toml").read_text().replace("jobs = 2", "jobs = 1")
    (slurm / "cluster.toml").write_text(text)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "100ms"}):
        work = partial(job_killed_once, folder=slurm)
        done = dict(run(work, range(4), f"slurm:{slurm / 'cluster.toml'}"))
    assert (slurm / "2").exists(), "the job that tried first was killed"
    assert done == {number: number for number in range(4)}
    assert len(list((slurm / "bin").glob("job.*.log"))) == 2


def test_ctrl_c_is_ctrl_c_and_ends_the_jobs(slurm: Path) -> None:
    """dask-jobqueue has it exit with 0, from the moment when it is imported."""
    script = f"""
import signal, sys
from seget.runners import run
from worker_tasks import slow
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    list(run(slow, [1, 2], "slurm:{slurm / "cluster.toml"}"))
except KeyboardInterrupt:
    print("heard")
"""
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys_path())},
        cwd=slurm,
    )
    until(lambda: any(slurm.glob("began*")))
    assert jobs(slurm)
    run.send_signal(signal.SIGINT)
    assert run.communicate()[0] == b"heard\n"
    until(lambda: not jobs(slurm))


@pytest.mark.parametrize(
    ("kind", "job", "lines"),
    [
        (
            "slurm",
            "SLURMJob",
            "#SBATCH -p gpu, #SBATCH -A lab, #SBATCH --cpus-per-task=8, #SBATCH --mem=15G, "
            "#SBATCH -t 04:00:00, #SBATCH --gres=gpu:1",
        ),
        ("pbs", "PBSJob", "#PBS -q gpu, #PBS -A lab, #PBS -l walltime=04:00:00, #PBS --gres=gpu:1"),
        ("lsf", "LSFJob", '#BSUB -q gpu, #BSUB -P "lab", #BSUB -n 8, #BSUB -W 04:00:00'),
    ],
)
def test_a_job_asks_for_what_the_table_says(kind: str, job: str, lines: str) -> None:
    """What dask-jobqueue would hand to the queue, read without one."""
    table = Table(
        jobs=20,
        cores=8,
        memory="15 GiB",
        walltime="04:00:00",
        workers=2,
        queue="gpu",
        account="lab",
        directives=["--gres=gpu:1"],
        prologue=["module load cuda"],
        python="apptainer exec --nv seget.sif python",
    )
    given = {k: v for k, v in arguments(kind, table).items() if k != "scheduler_options"}
    made = getattr(import_module(f"dask_jobqueue.{kind}"), job)("tcp://a:1", "w", **given)
    script = made.job_script()
    for line in lines.split(", "):
        assert line in script
    assert "module load cuda\nexport OMP_NUM_THREADS=4\n" in script
    assert "--nthreads 4 --memory-limit 7.50GiB --nworkers 2" in script
    assert "--resources seget=1" in script
    assert "apptainer exec --nv seget.sif python -m distributed" in script


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file; --on slurm:FILE.toml takes the jobs"),
        ("[clutser]", r"wanted TOML with a table \[cluster\]"),
        ("[cluster", r"wanted TOML with a table \[cluster\]"),
        ("cluster = 3", r"\[cluster\]"),
        ("[cluster]\njobs = 0", r"\[cluster\] jobs: .* greater than 0"),
        ('[cluster]\nmemory = "lots"', r"\[cluster\] memory: String should match"),
        ("[cluster]\ncpus = 3", r"\[cluster\] cpus: Extra inputs .* known are jobs, cores"),
    ],
)
def test_a_wrong_table_is_one_sentence(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "cluster.toml"
    if text is not None:
        rest = "" if "jobs" in text or "cluster]\n" not in text else "\njobs = 1"
        whole = {"cores": "1", "memory": '"1 GB"', "walltime": '"1:00"'}
        more = [f"{key} = {value}" for key, value in whole.items() if key not in text]
        path.write_text("\n".join([text + rest, *(more if "cluster]\n" in text else [])]))
    with pytest.raises(InputError, match=said):
        check(f"slurm:{path}")


def test_without_a_name_it_is_cluster_toml_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^cluster\.toml: no such file"):
        check("pbs")
    (tmp_path / "cluster.toml").write_text(TABLE.format(path="here"))
    assert read_table("pbs").jobs == 2


def test_without_the_library_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(InputError, match=r"pip install 'seget\[cluster\]'"):
        check("slurm")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'seget\[cluster\]'"):
        check("tcp://here:8786")
