"""Jobs for SLURM: readable files that run what they say, resume when time is over, and hold nothing but values."""

from __future__ import annotations

import os
import shlex
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.training.cluster.slurm import Resources, render, tasks
from bioreview_bench.training.config.files import shipped

ASKED = Resources("gpu", "12:00:00")


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def syntax(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("config", [name for name in shipped() if not name.startswith(("kmp", "grpo", "dpo"))])
def test_every_shipped_config_gives_a_file_that_bash_can_read(config: str) -> None:
    for asked in (ASKED, Resources("gpu", "2-00", "a100:4", 8, "64G", "acc", "long", 60, 2, ("cuda/12.4",), ".venv")):
        syntax(render(tasks([config], (), "runs"), asked, config))
        script = render(tasks([config], ("lr=1e-4,3e-4", "seed=1,2"), "runs"), asked, config)
        syntax(script)
        assert "#SBATCH --array=0-3" in script


def test_a_file_says_what_was_asked_for_and_nothing_of_this_machine(bench: Callable[..., Any]) -> None:
    done = bench(
        "train", "slurm", "qwen3_8b", "--partition", "gpu", "--time", "1-12:00:00", "--gpus", "2", "--cpus", 8, "--mem",
        "64G", "--account", "lab", "--qos", "long", "--grace", 600, "--module", "cuda/12.4", "--venv", "my env",
    )  # fmt: skip
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert [line for line in lines if line.startswith("#SBATCH")] == [
        "#SBATCH --job-name=qwen3_8b", "#SBATCH --partition=gpu", "#SBATCH --time=1-12:00:00", "#SBATCH --nodes=1",
        "#SBATCH --ntasks=1", "#SBATCH --gpus-per-node=2", "#SBATCH --cpus-per-task=8", "#SBATCH --mem=64G",
        "#SBATCH --account=lab", "#SBATCH --qos=long", "#SBATCH --output=%x-%j.log", "#SBATCH --open-mode=append",
        "#SBATCH --requeue", "#SBATCH --signal=B:USR1@600",
    ]  # fmt: skip
    assert "source 'my env/bin/activate' || exit" in lines
    assert "arguments=(qwen3_8b -o runs/qwen3_8b)" in lines
    assert "accelerate launch --num_processes 2" in done.out
    for word in shlex.split(done.out.partition("\n")[2], comments=True):
        assert not word.startswith("/") or word == "/dev/null"
    assert str(Path.home()) not in done.out


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--partition", "gpu\n#SBATCH --wrap=evil"), ("--partition", "gpu;rm"), ("--partition", "$(id)"),
        ("--partition", ""), ("--time", "12:00:00 --wrap=x"), ("--time", "soon"),
        ("--gpus", "0"), ("--gpus", "1 2"), ("--mem", "64G\n"),
        ("--account", "-x"), ("--qos", "a b"), ("--module", "cuda; id"), ("--module", "/opt/x"), ("--venv", "/opt/env"),
        ("--runs", "/scratch/me"), ("--runs", "~/runs"), ("--runs", "a\nb"), ("--name", "a b"), ("--name", "$(id)"),
        ("--set", "lr"), ("--set", "lr=1e-4\n"), ("--set", "nowhere=1"), ("--set", "lr=fast"),
    ],
)  # fmt: skip
def test_what_is_no_value_never_reaches_the_file(bench: Callable[..., Any], option: str, value: str) -> None:
    given = {"--partition": "gpu", "--time": "12:00:00", option: value}
    done = bench("train", "slurm", "qwen3_8b", *(word for pair in given.items() for word in pair))
    assert (done.code, done.out) == (2, "")


def test_configs_are_checked_before_they_are_queued(bench: Callable[..., Any], tmp_path: Path) -> None:
    common = ["--partition", "gpu", "--time", "1:00:00"]
    assert "/nowhere.yaml" in bench("train", "slurm", "/nowhere.yaml", *common).err
    assert "no config" in bench("train", "slurm", "nowhere.yaml", *common).err
    assert bench("train", "slurm", *common).code == 2
    assert "Two runs" in bench("train", "slurm", "qwen3_8b", *common, "--set", "lr=1e-4,1e-4").err
    listed = tmp_path / "configs.txt"
    listed.write_text("# mine\nqwen3_8b\ngemma2_9b\n")
    done = bench("train", "slurm", *common, "--array", listed, "--name", "both")
    assert "1) arguments=(gemma2_9b -o runs/gemma2_9b) ;;" in done.out
    with pytest.raises(InputError, match="more than 1,000"):
        tasks(["qwen3_8b"], (f"seed={','.join(map(str, range(1001)))}",), "runs")


def test_a_sweep_runs_where_it_collects(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bench("train", "sweep", "qwen3_8b", "--set", "lr=1e-4,3e-4", "-o", "sweeps/lr").code == 0
    done = bench("train", "slurm", "sweeps/lr", "--partition", "gpu", "--time", "1:00:00", "--name", "lr=both")
    folders = sorted(path.parent.name for path in tmp_path.glob("sweeps/lr/*/config.yaml"))
    assert len(folders) == 2
    for number, folder in enumerate(folders):
        at = f"sweeps/lr/{folder}"
        assert f"{number}) arguments=({at}/config.yaml -o {at}/run) ;;" in done.out
    assert "#SBATCH --job-name=lr=both" in done.out
    assert bench("train", "slurm", "sweeps/lr", "--partition", "gpu", "--time", "1", "--set", "seed=1,2").code == 2


def test_values_reach_training_as_they_were_given(tmp_path: Path) -> None:
    odd = tmp_path / "it's a $(touch owned) `config`.yaml"
    from bioreview_bench.training.config.files import dump, read_values

    odd.write_text(dump({**read_values("qwen3_8b"), "name": "odd"}))
    notes = executable(tmp_path / "bin" / "bench", '#!/bin/sh\nprintf "%s\\n" "$@" > called\n')
    before = os.getcwd()
    try:
        os.chdir(tmp_path)
        script = render(tasks([odd.name], ('lora.targets=["q_proj", "v_proj"]', "lr=1e-4,2e-4"), "runs"), ASKED, "odd")
    finally:
        os.chdir(before)
    environment = {"PATH": f"{notes.parent}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "1"}
    done = subprocess.run(["bash"], input=script, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0
    assert (tmp_path / "called").read_text().splitlines() == [
        "train", "sft", odd.name, "-o", "runs/odd-lr=2e-4", "--set", 'lora.targets=["q_proj", "v_proj"]', "--set",
        "lr=2e-4",
    ]  # fmt: skip
    assert not (tmp_path / "owned").exists()
    environment["SLURM_ARRAY_TASK_ID"] = "9"
    lost = subprocess.run(
        ["bash"], input=script, text=True, cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (lost.returncode, "no task '9'" in lost.stderr) == (2, True)


TRAINING = """#!/usr/bin/env bash
# Stands for training: it ends some time after a signal, as training does after its step, with {code}.
trap 'echo USR1 >> signals; sleep 0.4; exit {code}' USR1
trap 'echo TERM >> signals; sleep 0.4; exit {code}' TERM
echo ready > ready
for _ in $(seq 200); do sleep 0.05; done
exit 99
"""


@pytest.mark.parametrize(
    ("sent", "code", "expected", "requeued"),
    [(signal.SIGUSR1, 130, 0, True), (signal.SIGUSR1, 6, 6, False), (signal.SIGTERM, 130, 130, False)],
)
def test_a_job_out_of_time_is_queued_again_once_its_checkpoint_is_written(
    tmp_path: Path, sent: signal.Signals, code: int, expected: int, requeued: bool
) -> None:
    executable(tmp_path / "bin" / "bench", TRAINING.format(code=code))
    executable(tmp_path / "bin" / "scontrol", '#!/bin/sh\necho "$@" > requeued\n')
    script = tmp_path / "job.sbatch"
    script.write_text(render(tasks(["qwen3_8b"], (), "runs"), ASKED, "job"))
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "77"}
    job = subprocess.Popen(["bash", script], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        job.send_signal(sent)
        time.sleep(0.1)
        job.send_signal(sent)  # a second one must not be taken for the end of training
        assert job.wait(timeout=20) == expected
    finally:
        if job.poll() is None:
            job.kill()
            job.wait()
    assert (tmp_path / "signals").read_text().split()[0] == sent.name.removeprefix("SIG")
    assert (tmp_path / "requeued").exists() == requeued
    if requeued:
        assert (tmp_path / "requeued").read_text() == "requeue 77\n"


@pytest.mark.parametrize("code", [0, 2, 3])
def test_a_job_ends_as_its_training_ends(tmp_path: Path, code: int) -> None:
    executable(tmp_path / "bin" / "bench", f"#!/bin/sh\nexit {code}\n")
    script = render(tasks(["qwen3_8b"], (), "runs"), ASKED, "job")
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "77"}
    assert subprocess.run(["bash"], input=script, text=True, env=environment, check=False).returncode == code


def test_submitting_hands_the_file_to_sbatch(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ["train", "slurm", "qwen3_8b", "--partition", "gpu", "--time", "1:00:00", "--submit"]
    bash = os.path.dirname("/usr/bin/env")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{bash}:/bin")
    none = bench(*common)
    assert (none.code, "no sbatch" in none.err) == (3, True)
    executable(tmp_path / "bin" / "sbatch", f'#!/bin/sh\ncat > {tmp_path}/given\necho "Submitted batch job 4711"\n')
    done = bench(*common, "-o", tmp_path / "job.sbatch")
    assert (done.code, done.out) == (0, "Submitted batch job 4711\n")
    assert (tmp_path / "given").read_bytes() == (tmp_path / "job.sbatch").read_bytes()
    executable(tmp_path / "bin" / "sbatch", '#!/bin/sh\necho "invalid partition specified: gpu" >&2\nexit 1\n')
    refused = bench(*common)
    assert (refused.code, "invalid partition" in refused.err) == (5, True)
