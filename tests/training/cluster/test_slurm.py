"""Jobs for SLURM: readable files that run what they say, go on when time is over, and hold nothing but values."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.training.cluster.slurm import SlurmJob, render, slurm_job

PASSED = ["--partition", "gpu", "--time", "12:00:00", "--gpus-per-node", "1"]
SFT = ["bench", "train", "sft", "qwen3_8b", "-o", "runs/sft"]


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def directives(script: str) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]


@pytest.mark.parametrize(
    ("command", "seed"),
    [
        (SFT, ["--set", "seed={}"]),
        (["bench", "train", "dpo", "dpo_review"], ["--set", "seed={}"]),
        (["bench", "train", "probe", "runs/sft"], ["--seed", "{}"]),
        (["bench", "train", "generate", "--adapter", "runs/sft/adapter"], ["--seed", "{}"]),
        (["bench", "evaluate", "predictions.jsonl", "--data", "v3"], ["--seed", "{}"]),
    ],
)
def test_any_command_gives_a_file_that_bash_can_read(command: list[str], seed: list[str], tmp_path: Path) -> None:
    listed = tmp_path / "tasks.txt"
    listed.write_text("# mine\n1\n3\n")
    for passed, n in ((PASSED, 1), (["--gres=gpu:a100:4", "-p", "gpu", "--exclusive", "-t", "2-00"], 4)):
        split = ["--set", f"gradient_accumulation_steps={8 // n}"] if command[2] in ("sft", "dpo") else []
        for array, words in ((None, [*command, *split]), (listed, [*command, *split, *seed])):
            script = render(slurm_job(words, passed, array, modules=("cuda/12.4",), venv=".venv", at_once=2))
            done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
            assert ("--array=0-1%2" in directives(script)) == (array is not None)


def test_a_file_says_what_was_asked_for_and_nothing_of_this_machine(bench: Callable[..., Any]) -> None:
    done = bench(
        "train", "slurm", "--partition", "gpu", "--time=1-12:00:00", "--gpus-per-node", 2, "--mem", "64G",
        "--exclusive", "-A", "lab", "--job-name", "mine", "--grace", 600, "--module", "cuda/12.4", "--venv", "my env",
        "--", *SFT, "--set", "gradient_accumulation_steps=4",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "#!/usr/bin/env bash"
    assert directives(done.out) == [
        "--nodes=1", "--ntasks=1", "--output=%x-%j.log", "--open-mode=append", "--partition=gpu", "--time=1-12:00:00",
        "--gpus-per-node=2", "--mem=64G", "--exclusive", "-A lab", "--job-name=mine", "--requeue",
        "--signal=B:USR1@600",
    ]  # fmt: skip
    assert "source 'my env/bin/activate' || exit" in done.out.splitlines()
    assert "arguments=(train sft qwen3_8b -o runs/sft --set gradient_accumulation_steps=4)" in done.out
    assert "accelerate launch --num_processes 2" in done.out
    assert "-m bioreview_bench" in done.out
    assert str(Path.home()) not in done.out
    assert "--job-name=bench-train-sft" in directives(render(slurm_job(SFT, PASSED)))


@pytest.mark.parametrize(
    ("option", "n"),
    [
        ("--gpus=2", 2),
        ("--gres=gpu", 1),
        ("--gres=gpu:h100:8", 8),
        ("--gres=gpu:2,nvme:1", 2),
        ("-G=4", 4),
    ],
)
def test_training_on_several_gpus_is_launched_and_other_commands_never(option: str, n: int) -> None:
    command = [*SFT, "--set", f"gradient_accumulation_steps={8 // n}"]
    job = slurm_job(command, [option])
    assert job.n_gpus == n
    assert ("accelerate launch" in render(job)) == (n > 1)
    assert "accelerate" not in render(slurm_job(["bench", "train", "probe", "runs/sft"], [option]))
    with pytest.raises(InputError, match="none is asked for"):
        slurm_job(SFT, ["--time=1"])
    for wrong in (["--gpus=3"], ["--gpus-per-node=16"]):
        with pytest.raises(InputError, match=r"x (3|16) \(devices\) = .*effective_batch is 8"):
            slurm_job(command, wrong)
    with pytest.raises(InputError, match="A run trains on one machine, and 2 are asked for"):
        slurm_job(command, [option, "-N", "2"])
    served = ["bench", "train", "generate", "--adapter", "runs/sft", "--engine", "vllm", "--tensor-parallel"]
    slurm_job([*served, str(n)], [option])
    with pytest.raises(InputError, match=f"--tensor-parallel {n + 1} needs as many GPUs, and {n} are asked for"):
        slurm_job([*served, str(n + 1)], [option])


@pytest.mark.parametrize(
    "words",
    [
        ("--partition", "gpu\n#SBATCH --wrap=evil"), ("--partition", "$(id)"), ("--partition", ""), ("--qos", "a b"),
        ("--comment='a'",), ("--time", "1", "2"), ("stray",), ("--array=0-3",), ("--wrap=id",), ("--signal=INT@1",),
        ("--module", "cuda; id"), ("--module", "/opt/x"), ("--venv", "/opt/env"), ("--venv", "~/env"),
    ],
)  # fmt: skip
def test_what_is_no_value_never_reaches_the_file(bench: Callable[..., Any], words: tuple[str, ...]) -> None:
    done = bench("train", "slurm", "--gres=gpu:1", *words, "--", *SFT)
    assert (done.code, done.out) == (2, "")


def test_commands_are_checked_before_they_are_queued(bench: Callable[..., Any], tmp_path: Path) -> None:
    def refused(*command: str, array: Path | None = None) -> str:
        done = bench("train", "slurm", "--gres=gpu:1", *([] if array is None else ["--array", array]), "--", *command)
        assert (done.code, done.out) == (2, "")
        return str(done.err)

    assert "no command to run" in refused()
    assert "no command to run" in refused("rm", "-r", "runs")
    assert "nowhere.yaml" in refused("bench", "train", "sft", "nowhere.yaml")
    assert "learning_rate" in refused("bench", "train", "sft", "qwen3_8b", "--set", "learning_rate=fast")
    with pytest.raises(InputError, match="bench trian"):
        slurm_job(["bench", "trian", "sft"], PASSED)
    with pytest.raises(click.UsageError, match="No such option"):
        slurm_job(["bench", "evaluate", "p.jsonl", "--dat", "v3"], PASSED)
    with pytest.raises(InputError, match="control characters"):
        slurm_job(["bench", "evaluate", "p\n.jsonl"], PASSED)
    listed = tmp_path / "tasks.txt"
    listed.write_text("qwen3_8b\nqwen3_8b\n")
    assert "is given twice" in refused("bench", "train", "sft", "{}", array=listed)
    listed.write_text("qwen3_8b\nnowhere.yaml\n")
    assert "nowhere.yaml" in refused("bench", "train", "sft", "{}", array=listed)
    assert "go together" in refused("bench", "train", "sft", "qwen3_8b", array=listed)
    assert "go together" in refused("bench", "train", "sft", "{}/config.yaml")
    listed.write_text("".join(f"{n}\n" for n in range(1001)))
    assert "more than 1,000" in refused("bench", "evaluate", "{}", array=listed)


EVERY_STEP = (
    ["train", "sft", "kmp_mistral7b", "--corpus", "nowhere", "--set", "gradient_accumulation_steps=4"],
    ["train", "dpo", "dpo_review", "--data", "nowhere"],
    ["train", "grpo", "grpo_full", "--data", "nowhere"],
    ["train", "matcher", "--base", "minilm", "--corpus", "nowhere", "-o", "m"],
    ["train", "generate", "--model", "./nowhere", "--prompt", "objects-v1", "--no-thinking", "--data", "demo"],
    ["train", "generate", "--adapter", "./nowhere", "--data", "demo"],
    ["train", "pairs", "--corpus", "nowhere", "-o", "p", "--data", "demo", "--samples", "2"],
    ["train", "probe", "nowhere", "--data", "demo"],
    ["train", "evaluate-qa", "--baseline", "./nowhere", "--questions", "eval.jsonl"],
    ["train", "merge", "--model", "./nowhere", "--adapter", "./nowhere", "-o", "m"],
    ["evaluate", "nowhere.jsonl"],
    ["evaluate", "demo:careful", "--data", "./nowhere"],
)


@pytest.mark.parametrize("words", EVERY_STEP, ids=["-".join(words[:2]) for words in EVERY_STEP])
def test_what_a_command_reads_must_be_there_before_it_is_queued(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    executable(tmp_path / "bin" / "sbatch", '#!/bin/sh\ncat > given\necho "Submitted batch job 4711"\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    printed = bench("train", "slurm", "--gpus=1", "--", "bench", *words)  # it may be meant for another machine
    assert printed.code == 0, printed.err
    assert "Not there yet, and needed when the job begins" in printed.err
    assert "nowhere" in printed.err
    refused = bench("train", "slurm", "--gpus=1", "--submit", "--", "bench", *words)
    assert refused.code in (2, 3, 4)
    assert "nowhere" in refused.err
    assert not (tmp_path / "given").exists()
    later = bench("train", "slurm", "--gpus=1", "--dependency=afterok:1", "--submit", "--", "bench", *words)
    assert (later.code, "Not there yet" in later.err) == (0, True)  # another job writes it first


def test_what_is_there_is_queued_without_a_word(
    bench: Callable[..., Any], make_corpus: Callable[..., Path], tiny_qwen3: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    executable(tmp_path / "bin" / "sbatch", "#!/bin/sh\ncat >/dev/null\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    sft = ["bench", "train", "sft", "qwen3_8b", "--corpus", str(make_corpus()), "--model", str(tiny_qwen3)]
    for command in (sft, ["bench", "evaluate", "demo:careful", "-o", str(tmp_path / "r.result.json")]):
        done = bench("train", "slurm", "--gpus=1", "--submit", "--", *command)
        assert (done.code, done.err) == (0, ""), done.err


def test_jobs_that_train_nothing_are_written_without_torch() -> None:
    script = (
        "import sys; from bioreview_bench.cli.main import run\n"
        "generate = ['train', 'generate', '--adapter', 'a']\n"
        "for command in (['evaluate', 'p.jsonl'], ['train', 'probe', 'runs/a'], generate):\n"
        "    assert run(['train', 'slurm', '--gpus=1', '--', 'bench', *command]) == 0\n"
        "from bioreview_bench.training.cluster import sweep\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def test_a_sweep_runs_where_it_collects(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = bench("train", "sweep", "qwen3_8b", "--set", "learning_rate=1e-4,3e-4", "-o", "sweeps/lr")
    assert made.code == 0
    command = ["bench", "train", "sft", "{}/config.yaml", "-o", "{}/run"]
    done = bench("train", "slurm", "--gres=gpu:1", "--array", "sweeps/lr", "--", *command)
    assert done.code == 0, done.err
    for number, line in enumerate(made.out.splitlines()):  # the commands that the sweep printed
        assert f"{number}) arguments=({line.removeprefix('bench ')}) ;;" in done.out
    assert number == 1


def test_values_reach_the_command_as_they_were_given(tmp_path: Path) -> None:
    odd = "it's a $(touch owned) `file`.jsonl"
    notes = executable(tmp_path / "bin" / "bench", '#!/bin/sh\nprintf "%s\\n" "$@" > called\n')
    listed = tmp_path / "tasks.txt"
    listed.write_text(f"other.jsonl\n{odd}\n")
    script = render(slurm_job(["bench", "evaluate", "{}", "--data", 'v3="my data"'], ["--time=1"], listed))
    environment = {"PATH": f"{notes.parent}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "1"}
    done = subprocess.run(["bash"], input=script, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0
    assert (tmp_path / "called").read_text().splitlines() == ["evaluate", odd, "--data", 'v3="my data"']
    assert not (tmp_path / "owned").exists()
    environment["SLURM_ARRAY_TASK_ID"] = "9"
    lost = subprocess.run(
        ["bash"], input=script, text=True, cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (lost.returncode, "no task '9'" in lost.stderr) == (2, True)


STANDING_IN = """#!/usr/bin/env bash
# Stands for a command: it ends some time after a signal, as training does after its step, with {code}.
trap 'echo USR1 >> signals; sleep 0.4; exit {code}' USR1
trap 'echo TERM >> signals; sleep 0.4; exit {code}' TERM
echo ready > ready
for _ in $(seq 2400); do sleep 0.05; done
exit 99
"""
JOB = SlurmJob(tuple([tuple(SFT[1:])]), ("--gpus=1",))
OTHER = SlurmJob((("evaluate", "p.jsonl"),), ())


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 100
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} is not written"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("job", "sent", "got", "code", "expected", "requeued"),
    [
        (JOB, signal.SIGUSR1, "USR1", 130, 0, True),
        (JOB, signal.SIGUSR1, "USR1", 6, 6, False),
        (JOB, signal.SIGTERM, "TERM", 130, 130, False),
        (OTHER, signal.SIGUSR1, "TERM", 143, 0, True),
        (OTHER, signal.SIGUSR1, "TERM", 2, 2, False),
    ],
)
def test_a_job_out_of_time_is_queued_again_once_its_command_has_ended(
    tmp_path: Path, job: SlurmJob, sent: signal.Signals, got: str, code: int, expected: int, requeued: bool
) -> None:
    executable(tmp_path / "bin" / "bench", STANDING_IN.format(code=code))
    executable(tmp_path / "bin" / "scontrol", '#!/bin/sh\necho "$@" > requeued\n')
    script = tmp_path / "job.sbatch"
    script.write_text(render(job))
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "77"}
    running = subprocess.Popen(["bash", script], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(tmp_path / "ready")
        running.send_signal(sent)
        wait_for(tmp_path / "signals")
        running.send_signal(sent)  # a second one must not be taken for the end of the command
        assert running.wait(timeout=120) == expected
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
    assert (tmp_path / "signals").read_text().split()[0] == got
    assert (tmp_path / "requeued").exists() == requeued
    if requeued:
        assert (tmp_path / "requeued").read_text() == "requeue 77\n"


def test_a_signal_that_comes_before_the_number_of_the_command_is_known_is_passed_on(tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "bench", STANDING_IN.format(code=143))
    executable(tmp_path / "bin" / "scontrol", '#!/bin/sh\necho "$@" > requeued\n')
    held = 'until [ -e ready ]; do sleep 0.05; done; kill -USR1 "$$"; pid=$!'
    script = tmp_path / "job.sbatch"
    script.write_text(render(OTHER).replace("pid=$!", held))
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "77"}
    assert subprocess.run(["bash", script], cwd=tmp_path, env=environment, check=False).returncode == 0
    assert (tmp_path / "signals").read_text().split()[0] == "TERM"
    assert (tmp_path / "requeued").exists()


@pytest.mark.parametrize("code", [0, 2, 3])
def test_a_job_ends_as_its_command_ends(tmp_path: Path, code: int) -> None:
    executable(tmp_path / "bin" / "bench", f"#!/bin/sh\nexit {code}\n")
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "77"}
    assert subprocess.run(["bash"], input=render(JOB), text=True, env=environment, check=False).returncode == code


def test_submitting_hands_the_file_to_sbatch(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, command = ["train", "slurm", *PASSED, "--submit"], ["bench", "evaluate", "demo:careful"]
    bash = os.path.dirname("/usr/bin/env")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{bash}:/bin")
    none = bench(*words, "--", *command)
    assert (none.code, "no sbatch" in none.err) == (3, True)
    executable(tmp_path / "bin" / "sbatch", f'#!/bin/sh\ncat > {tmp_path}/given\necho "Submitted batch job 4711"\n')
    done = bench(*words, "-o", tmp_path / "job.sbatch", "--", *command)
    assert (done.code, done.out) == (0, "Submitted batch job 4711\n")
    assert (tmp_path / "given").read_bytes() == (tmp_path / "job.sbatch").read_bytes()
    executable(tmp_path / "bin" / "sbatch", '#!/bin/sh\necho "invalid partition specified: gpu" >&2\nexit 1\n')
    refused = bench(*words, "--", *command)
    assert (refused.code, "invalid partition" in refused.err) == (5, True)
