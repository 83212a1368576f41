"""Ctrl-C, full disks and closed pipes: nothing is lost, nothing is half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bioreview_bench.encoders.cache import describe

_BENCH = [sys.executable, "-c", "import sys; from bioreview_bench.cli.main import main; main()"]
# The same, but once vectors were stored for the first time it encodes nothing more.
_HALTING = """
import time
from bioreview_bench.cli.main import main
from bioreview_bench.encoders.cache import VectorCache
put, puts = VectorCache.put, []
def halting(self, texts, vectors):
    puts.append(1)
    put(self, texts, vectors)
    if len(puts) == 1:
        time.sleep(600)
VectorCache.put = halting
main()
"""
_EVALUATE = ["evaluate", "demo:careful", "--data", "demo", "--contract", "demo", "--draws", "50"]


def _texts_cached(cache: Path) -> int:
    return sum(describe(path)["n"] for path in (cache / "vectors").glob("*.sqlite"))


def test_an_interrupt_while_encoding_keeps_the_cache_and_exits_130(
    minilm: None, cache: Path, shared: Path, tmp_path: Path
) -> None:
    pilot, output = shared / "data" / "elife_pilot", tmp_path / "R.result.json"
    arguments = ["evaluate", str(pilot / "predictions" / "paraphrase.jsonl"), "--data", str(pilot)]
    arguments += ["--split", "all", "--contract", "demo", "-o", str(output)]
    halting = [sys.executable, "-c", _HALTING, *arguments]
    running = subprocess.Popen(halting, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list((cache / "vectors").glob("*.sqlite")) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert out == ""
    assert list(tmp_path.glob("*R.*")) == []
    kept = _texts_cached(cache)
    assert kept > 0
    done = subprocess.run([*_BENCH, *arguments], capture_output=True, text=True, check=True)
    assert json.loads(output.read_text())["overall"]["n_matched"] == 247
    assert f"Encoding: resumed at {kept:,}/{_texts_cached(cache):,} texts" in done.stderr


def test_a_full_disk_under_stdout_is_said_and_exits_6(minilm: None, warm: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "w") as full:
        done = subprocess.run([*_BENCH, *_EVALUATE], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 6
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error(minilm: None, warm: Path) -> None:
    running = subprocess.Popen([*_BENCH, *_EVALUATE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    running.stdout.close()
    _, err = running.communicate(timeout=300)
    assert "Traceback" not in err
    assert running.returncode in (0, 1)


def test_a_cache_on_a_full_disk_is_said_and_exits_6(minilm: None, tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("cannot mount a small file system here")
    try:
        environment = {**os.environ, "BIOREVIEW_CACHE": str(mount)}
        done = subprocess.run([*_BENCH, *_EVALUATE], capture_output=True, text=True, env=environment, check=False)
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    assert done.returncode == 6
    assert "BIOREVIEW_CACHE" in done.stderr
    assert "Traceback" not in done.stderr
