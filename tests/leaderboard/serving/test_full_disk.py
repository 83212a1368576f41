"""A board whose disk is full, or whose files may not grow, says that it is not ready, and loses nothing."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.leaderboard.store.submissions import submissions_with

Make = Callable[..., Any]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits another process, or mounts a small disk")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=16m", "tmpfs"]
    if os.geteuid() != 0 or subprocess.run(["mount", *options, folder], capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as stream:
        try:
            while stream.write(b"x" * 65536):
                pass
        except OSError:
            return path
    raise AssertionError("the disk took everything")


def test_a_full_disk_is_not_ready_takes_nothing_in_and_still_shows_its_pages(
    small_disk: Path,
    new_board: Path,
    open_database: Make,
    served: Make,
    caller: Make,
    add_submitter: Make,
    card_bytes: Make,
    demo_predictions: Make,
) -> None:
    board = open_database(shutil.copy(new_board, small_disk / "board.sqlite"))
    token = add_submitter(board).token
    ann = caller(served(board), token)
    kept = ann.submit(demo_predictions("careful"), card_bytes("Kept")).json()["id"]
    assert ann.get("/readyz").status_code == 200
    filler = _fill(small_disk)
    refused = ann.get("/readyz")
    assert refused.status_code == 503
    assert "disk of the database is full" in refused.json()["error"]
    assert str(small_disk) not in refused.text
    assert int(refused.headers["retry-after"]) > 0
    assert ann.get("/").status_code == 200
    assert ann.get("/healthz").status_code == 200
    codes = {ann.submit(demo_predictions("careful"), card_bytes(f"New {n}" * 20)).status_code for n in range(20)}
    assert codes & {503, 507}, codes
    assert codes <= {201, 503, 507}
    filler.unlink()
    assert ann.get("/readyz").status_code == 200
    assert kept in submissions_with(board, ("queued",))
    assert ann.submit(demo_predictions("careful"), card_bytes("Again")).status_code == 201


def test_a_full_disk_for_uploads_is_not_ready(
    small_disk: Path, new_board: Path, start_bench: Make, caller: Make, tmp_path: Path
) -> None:
    path = shutil.copy(new_board, tmp_path / "board.sqlite")
    arguments = ("leaderboard", "serve", "--port", "0", "--no-worker", "--db", str(path))
    asked = caller(start_bench(*arguments, TMPDIR=str(small_disk)).said(r"(http://127\.0\.0\.1:\d+)/")[1])
    assert asked.get("/readyz").status_code == 200
    _fill(small_disk)
    refused = asked.get("/readyz")
    assert (refused.status_code, "disk for uploads" in refused.text) == (503, True)


def test_a_database_that_may_not_grow_is_not_ready(
    new_board: Path, start_bench: Make, caller: Make, tmp_path: Path
) -> None:
    path = Path(shutil.copy(new_board, tmp_path / "board.sqlite"))
    serving = start_bench("leaderboard", "serve", "--port", "0", "--no-worker", "--db", str(path))
    asked = caller(serving.said(r"(http://127\.0\.0\.1:\d+)/")[1])
    assert asked.get("/readyz").status_code == 200
    before = resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    refused = asked.get("/readyz")
    assert (refused.status_code, "disk of the database" in refused.text) == (503, True)
    resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, before)
    assert asked.get("/readyz").status_code == 200
