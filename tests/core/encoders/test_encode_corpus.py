"""A corpus encoded in shards: the same vectors by any engine, nothing twice, nothing half."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bioreview_bench.cli.main import run
from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders.cache import VectorCache
from bioreview_bench.encoders.corpus import survey
from bioreview_bench.encoders.files import resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.encoders.workers import devices
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.files.install import install_command
from bioreview_bench.files.paths import vectors_root

TEXTS = [f"Concern {number}: {'the sample is small ' * (number % 5)}end." for number in range(23)]
OPTIONS = ("--shard-rows", "5", "--quiet", "--devices", "cpu")


@pytest.fixture(autouse=True)
def few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def corpus(write_jsonl: Callable[..., Path]) -> Path:
    return write_jsonl([{"id": n, "text": text} for n, text in enumerate(TEXTS)], "texts.jsonl")


@pytest.fixture
def options(tiny_bert: Path) -> list[str]:
    """A contract whose encoder is the tiny one."""
    return ["--contract", "v3", "--encoder-path", str(tiny_bert), *OPTIONS]


def content(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Hashes and vectors of all shards, in order."""
    parts = [load_file(path) for path in sorted(folder.glob("part-*.safetensors"))]
    return np.concatenate([part["sha256"] for part in parts]), np.concatenate([part["vector"] for part in parts])


def test_rows_stay_in_order_and_vectors_are_the_encoders(
    corpus: Path, options: list[str], tiny_bert: Path, tmp_path: Path
) -> None:
    assert run(["encode", str(corpus), "-o", str(tmp_path / "out"), *options]) == 0
    keys, vectors = content(tmp_path / "out")
    assert [key.tobytes() for key in keys] == [hashlib.sha256(" ".join(t.split()).encode()).digest() for t in TEXTS]
    encoder = LocalEncoder(resolve(Contract.load("v3"), tiny_bert), 512)
    np.testing.assert_allclose(vectors, encoder.encode([" ".join(text.split()) for text in TEXTS]), atol=1e-6)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.json",
        *(f"part-0000{number}.safetensors" for number in range(5)),
    ]


def test_two_processes_give_what_one_gives(corpus: Path, options: list[str], tmp_path: Path) -> None:
    assert run(["encode", str(corpus), "-o", str(tmp_path / "one"), *options]) == 0
    assert run(["encode", str(corpus), "-o", str(tmp_path / "two"), *options, "--workers", "2"]) == 0
    (one_keys, one), (two_keys, two) = content(tmp_path / "one"), content(tmp_path / "two")
    np.testing.assert_array_equal(two_keys, one_keys)
    np.testing.assert_allclose(two, one, atol=1e-6)


def test_ray_actors_give_what_one_process_gives(
    corpus: Path, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install 'bioreview-bench[cluster]'")
    pytest.importorskip("ray.data", reason="ray.data is not installed: pip install 'bioreview-bench[cluster]'")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if (os.cpu_count() or 1) < 2:
        pytest.skip("two actors want two cores")
    assert run(["encode", str(corpus), "-o", str(tmp_path / "one"), *options]) == 0
    assert run(["encode", str(corpus), "-o", str(tmp_path / "ray"), *options, "--workers", "2", "--engine", "ray"]) == 0
    (one_keys, one), (ray_keys, by_ray) = content(tmp_path / "one"), content(tmp_path / "ray")
    np.testing.assert_array_equal(ray_keys, one_keys)
    np.testing.assert_allclose(by_ray, one, atol=1e-6)


def test_what_an_actor_cannot_do_is_said_as_elsewhere(
    corpus: Path, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray.data", reason="ray.data is not installed: pip install 'bioreview-bench[cluster]'")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    command = ["encode", str(corpus), "-o", str(tmp_path / "ray"), *options, "--engine", "ray"]
    assert run([*command, "--precision", "fp16"]) == 3  # and leaves a folder that another command may use
    assert "A CPU does not encode in fp16" in capfd.readouterr().err
    assert run([*command, "--workers", "999"]) == 2
    assert "999 actors want one each" in capfd.readouterr().err


def test_without_ray_the_extra_is_named(
    corpus: Path,
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(["encode", str(corpus), "-o", str(tmp_path / "ray"), *options, "--engine", "ray"]) == 3
    assert install_command("cluster") in capsys.readouterr().err


def test_running_again_encodes_only_what_is_missing(
    corpus: Path, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert run(["encode", str(corpus), "-o", str(out), *options]) == 0
    before = {path.name: path.read_bytes() for path in out.glob("part-*")}
    (out / "part-00002.safetensors").unlink()
    asked: list[str] = []
    encode = LocalEncoder.encode
    monkeypatch.setattr(LocalEncoder, "encode", lambda self, texts: asked.extend(texts) or encode(self, texts))
    assert run(["encode", str(corpus), "-o", str(out), *options]) == 0
    assert asked == [" ".join(text.split()) for text in TEXTS[10:15]]
    assert {path.name: path.read_bytes() for path in out.glob("part-*")} == before


def test_a_folder_begun_with_something_else_is_refused(
    corpus: Path,
    options: list[str],
    tmp_path: Path,
    write_jsonl: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = str(tmp_path / "out")
    assert run(["encode", str(corpus), "-o", out, *options]) == 0
    other = write_jsonl([{"text": "another"}], "other.jsonl")
    assert run(["encode", str(other), "-o", out, *options]) == 2
    assert "another input" in capsys.readouterr().err
    assert run(["encode", str(corpus), "-o", out, *options, "--precision", "bf16"]) == 2
    assert "another encoder" in capsys.readouterr().err
    assert run(["encode", str(corpus), "-o", out, *options, "--shard-rows", "6"]) == 2
    assert "--shard-rows" in capsys.readouterr().err


# Ctrl-C as the first shard has come, whichever of the machine and the test is faster.
_CTRL_C = """
import os, signal
from bioreview_bench.cli import main
from bioreview_bench.cli.options import Messages
encoding = Messages.encoding
def interrupted(self, done, total):
    encoding(self, done, total)
    if done:
        os.kill(os.getpid(), signal.SIGINT)
Messages.encoding = interrupted
main()
"""


def test_an_interrupt_leaves_whole_shards_and_the_next_run_goes_on(
    minilm: None, write_jsonl: Callable[..., Path], tmp_path: Path
) -> None:
    source = write_jsonl([{"text": f"{number} {'long ' * 200}"} for number in range(160)], "long.jsonl")
    out = tmp_path / "out"
    arguments = ["encode", str(source), "-o", str(out), "--contract", "demo", "--shard-rows", "10", "--devices", "cpu"]
    interrupted = [sys.executable, "-c", _CTRL_C, *arguments, "--workers", "2"]
    stopped = subprocess.run(interrupted, capture_output=True, text=True, timeout=300)
    assert stopped.returncode == 130, stopped.stderr
    assert "Traceback" not in stopped.stderr
    kept = len(list(out.glob("part-*.safetensors")))
    assert 0 < kept < 16
    assert all(len(load_file(path)["vector"]) == 10 for path in out.glob("part-*.safetensors"))
    command = [sys.executable, "-c", "from bioreview_bench.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"Encoding: resumed at {10 * kept}/160 texts" in done.stderr
    assert len(content(out)[0]) == 160


def test_what_a_worker_cannot_do_is_said_once_without_traceback(
    corpus: Path, options: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["encode", str(corpus), "-o", str(tmp_path / "out"), *options, "--devices", "cuda:0,cuda:99"]
    assert run(command) == 3
    said = capfd.readouterr().err
    assert "is not on this machine" in said
    assert "Traceback" not in said


def test_references_of_a_split_go_into_the_cache(
    minilm: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["encode", "demo", "-o", str(out), "--contract", "demo", "--devices", "cpu", "--quiet", "--into-cache"]
    assert run(command) == 0
    encoder = LocalEncoder(resolve(Contract.load("demo")), 256)
    texts = [json.loads(line)["text"] for line in (out / "texts.jsonl").read_text().splitlines()]
    present, vectors = VectorCache(vectors_root(), encoder.identity).read(texts)
    assert present.all()
    np.testing.assert_array_equal(vectors, content(out)[1])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"txt": "x"}, "line 2: text is missing"),
        ({"text": 5}, "line 2: text must be a string"),
        ({"text": "  "}, "line 2: text is blank"),
        ('{"text": "\\ud800"}', "line 2: text contains a lone surrogate"),
        ('{"text": "a", "text": "b"}', "line 2: duplicate JSON key"),
        ("{", "line 2: broken JSON"),
    ],
)
def test_texts_that_cannot_be_encoded_are_named(write_jsonl: Callable[..., Path], row: object, said: str) -> None:
    path = write_jsonl([{"text": "fine"}, row])
    with pytest.raises(InputError) as caught:
        survey(path, 4)
    assert said in str(caught.value)


def test_shards_tile_the_input_whatever_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n\n\n{"text": "\xc3\xa9"}\n{"text": "c"}')
    shards = survey(path, 1).shards
    assert [shard.rows for shard in shards] == [1, 1, 1]
    from bioreview_bench.encoders.corpus import _texts

    assert [list(_texts(path, shard)) for shard in shards] == [["a"], ["é"], ["c"]]


def test_devices_are_one_for_each_worker() -> None:
    assert devices("cpu", 3) == ["cpu", "cpu", "cpu"]
    assert devices("cuda:0, cuda:1", 1) == ["cuda:0", "cuda:1"]
    with pytest.raises(InputError, match="goes with the CPU"):
        devices("cuda:0,cuda:1", 2)
    with pytest.raises(InputError, match="not a list of devices"):
        devices("cuda:0,", 1)


def test_a_damaged_shard_is_not_put_into_the_cache(
    corpus: Path, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["encode", str(corpus), "-o", str(out), *options]) == 0
    (out / "part-00001.safetensors").write_bytes(b"\x93 garbage")
    assert run(["encode", str(corpus), "-o", str(out), *options, "--into-cache"]) == 4
    assert "part-00001.safetensors is damaged" in capsys.readouterr().err


def test_a_folder_of_the_earlier_layout_is_refused_and_not_added_to(
    corpus: Path, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["encode", str(corpus), "-o", str(out), *options]) == 0
    for path in out.glob("part-*"):
        path.rename(path.with_suffix(".npy"))
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps(manifest | {"layout": 1}))
    assert run(["encode", str(corpus), "-o", str(out), *options]) == 2
    assert "was started with" in capsys.readouterr().err
    (out / "manifest.json").unlink()
    assert run(["encode", str(corpus), "-o", str(out), *options]) == 2
    assert "contains shards" in capsys.readouterr().err


def test_errors_cross_processes_whole() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(EncoderError("what", remedy="do this")))
    assert (error.message, error.remedy) == ("what", "do this")
