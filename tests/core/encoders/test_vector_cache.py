"""The vector cache never gives one encoder's vectors to another, and survives everything but a deletion."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioreview_bench.cli.main import run
from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders.cache import VectorCache, embed
from bioreview_bench.encoders.files import resolve
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.errors import EncoderError, WriteError

IDENTITY = {
    "encoder": "owner/model",
    "revision": "1" * 40,
    "weights_sha256": "2" * 64,
    "side_sha256": "3" * 64,
    "pooling": "mean",
    "max_length": 512,
    "dtype": "fp32",
    "libraries": {"sentence-transformers": "6", "transformers": "5", "tokenizers": "0.22", "torch": "2"},
}
TEXTS = [f"text {number}" for number in range(40)]


class Batches:
    """An encoder in batches of four that remembers what it was asked; `spoil` may change a batch."""

    id = "batches"

    def __init__(self, spoil: Callable[[int, np.ndarray], np.ndarray] = lambda number, vectors: vectors) -> None:
        self.spoil = spoil
        self.asked: list[str] = []

    def batches(self, texts: list[str]) -> Iterator[tuple[list[int], np.ndarray]]:
        for number, start in enumerate(range(0, len(texts), 4)):
            positions = list(range(start, min(start + 4, len(texts))))[::-1]
            vectors = self.spoil(number, vectors_of([texts[position] for position in positions]))
            self.asked += [texts[position] for position in positions]
            yield positions, vectors


def vectors_of(texts: list[str], dimensions: int = 16) -> np.ndarray:
    """A unit vector that only the text decides."""
    seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts]
    rows = [np.random.default_rng(seed).standard_normal(dimensions) for seed in seeds]
    return np.array([row / np.linalg.norm(row) for row in rows], np.float32)


def quiet(done: int, total: int) -> None:
    """No progress."""


def held(cache: VectorCache, texts: list[str]) -> dict[int, np.ndarray]:
    """Position to vector, for the texts at hand."""
    present, found = cache.read(texts)
    return {place: found[place] for place in np.flatnonzero(present).tolist()}


@pytest.fixture
def vectors(cache: Path) -> VectorCache:
    return VectorCache(cache / "vectors", IDENTITY)


def test_a_text_is_encoded_once(vectors: VectorCache) -> None:
    first, second = Batches(), Batches()
    np.testing.assert_array_equal(embed(TEXTS[:30], first, vectors, quiet), vectors_of(TEXTS[:30]))
    np.testing.assert_array_equal(embed(TEXTS[::-1], second, vectors, quiet), vectors_of(TEXTS[::-1]))
    assert sorted(first.asked) == sorted(TEXTS[:30])
    assert sorted(second.asked) == sorted(TEXTS[30:])


def test_texts_that_differ_only_in_blanks_or_case_are_different_texts(vectors: VectorCache) -> None:
    embed(["a text"], Batches(), vectors, quiet)
    assert held(vectors, ["a text ", "A text", "a  text"]) == {}


@pytest.mark.parametrize("field", [name for name in IDENTITY if name != "libraries"] + list(IDENTITY["libraries"]))
def test_another_encoder_never_hits(vectors: VectorCache, cache: Path, field: str) -> None:
    embed(TEXTS, Batches(), vectors, quiet)
    changed = json.loads(json.dumps(IDENTITY))
    (changed["libraries"] if field in changed["libraries"] else changed)[field] = "another"
    assert held(VectorCache(cache / "vectors", IDENTITY), TEXTS).keys() == set(range(40))
    assert held(VectorCache(cache / "vectors", changed), TEXTS) == {}


def test_the_identity_of_a_local_encoder_names_all_that_decides_its_vectors(tiny_bert: Path) -> None:
    identity = LocalEncoder(resolve(Contract.load("v3"), tiny_bert), 64).identity
    assert identity.keys() == IDENTITY.keys()
    assert identity["libraries"].keys() == IDENTITY["libraries"].keys()


@pytest.mark.parametrize("library", IDENTITY["libraries"])
def test_a_new_major_version_of_a_library_is_another_identity(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    encoder = LocalEncoder(resolve(Contract.load("v3"), tiny_bert), 64)
    before = encoder.identity
    metadata = tmp_path / "site" / f"{library.replace('-', '_')}-99.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(metadata.parent.parent)
    assert encoder.identity["libraries"] == before["libraries"] | {library: "99"}


def test_a_new_process_finds_the_vectors_and_imports_no_torch(tiny_bert: Path, cache: Path) -> None:
    encoder = LocalEncoder(resolve(Contract.load("v3"), tiny_bert), 64)
    texts = ["first text", "second text"]
    expected = embed(texts, encoder, VectorCache(cache / "vectors", encoder.identity), quiet)
    code = f"""
        import sys
        from pathlib import Path
        from bioreview_bench.contracts.contract import Contract
        from bioreview_bench.encoders.cache import VectorCache, embed
        from bioreview_bench.encoders.files import resolve
        from bioreview_bench.encoders.model import LocalEncoder
        from bioreview_bench.files.paths import vectors_root
        encoder = LocalEncoder(resolve(Contract.load("v3"), Path({str(tiny_bert)!r})), 64)
        found = embed({texts!r}, encoder, VectorCache(vectors_root(), encoder.identity), print)
        assert "torch" not in sys.modules
        sys.stdout.write(found.tobytes().hex())
    """
    assert finish(start(code)) == expected.tobytes().hex()


def test_processes_that_fill_a_new_cache_at_once_leave_it_whole(cache: Path, tmp_path: Path) -> None:
    # Each process gets and puts in many new files, so that making a file and finding it half-made would meet.
    code = f"""
        import sys, time
        from pathlib import Path
        import numpy as np
        from bioreview_bench.encoders.cache import VectorCache
        number = int(sys.argv[1])
        (Path({str(tmp_path)!r}) / f"ready{{number}}").touch()
        while not Path({str(tmp_path)!r}, "go").exists():
            time.sleep(0.001)
        for round in range(25):
            cache = VectorCache(Path({str(cache / "vectors")!r}), {{"encoder": str(round)}})
            for text in ["shared", f"own {{number}}"]:
                cache.read([text])
                cache.put([text], np.eye(1, 8, dtype=np.float32))
    """
    processes = [start(code, str(number)) for number in range(3)]
    while len(list(tmp_path.glob("ready*"))) < 3 and all(process.poll() is None for process in processes):
        time.sleep(0.001)
    (tmp_path / "go").touch()
    for process in processes:
        finish(process)
    for round_ in range(25):
        found = held(VectorCache(cache / "vectors", {"encoder": str(round_)}), ["shared", "own 0", "own 1", "own 2"])
        assert found.keys() == {0, 1, 2, 3}


def test_an_interruption_keeps_what_was_encoded(vectors: VectorCache) -> None:
    def interrupt(number: int, batch: np.ndarray) -> np.ndarray:
        if number == 3:
            raise KeyboardInterrupt
        return batch

    with pytest.raises(KeyboardInterrupt):
        embed(TEXTS, Batches(interrupt), vectors, quiet)
    again = Batches()
    np.testing.assert_array_equal(embed(TEXTS, again, vectors, quiet), vectors_of(TEXTS))
    assert again.asked == [TEXTS[position] for start in range(12, 40, 4) for position in range(start, start + 4)[::-1]]


def test_a_writer_killed_in_the_middle_does_not_lock_the_cache_up(vectors: VectorCache) -> None:
    embed(TEXTS, Batches(), vectors, quiet)
    finish(
        start(f"""
            import os, sqlite3
            connection = sqlite3.connect({str(vectors.path)!r})
            connection.execute("PRAGMA cache_size=1")  # so that pages reach the file before the commit
            connection.execute("BEGIN")
            rows = [(os.urandom(32), bytes(64)) for _ in range(2000)]
            connection.executemany("INSERT INTO vectors VALUES (?, ?)", rows)
            os._exit(0)
        """)
    )
    assert Path(f"{vectors.path}-journal").exists()
    np.testing.assert_array_equal(embed(TEXTS, Batches(), vectors, quiet), vectors_of(TEXTS))


def test_a_file_that_was_made_and_never_filled_is_an_empty_cache(vectors: VectorCache) -> None:
    vectors.path.parent.mkdir(parents=True)
    vectors.path.touch()
    embed(TEXTS, Batches(), vectors, quiet)
    assert held(vectors, TEXTS).keys() == set(range(40))


@pytest.mark.parametrize("bytes_free", [100, 400_000])
def test_a_full_disk_is_a_write_error_and_the_cache_stays_whole(vectors: VectorCache, bytes_free: int) -> None:
    code = f"""
        import resource
        from pathlib import Path
        import numpy as np
        from bioreview_bench.encoders.cache import VectorCache
        from bioreview_bench.errors import WriteError
        cache = VectorCache(Path({str(vectors.path.parent)!r}), {IDENTITY!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_free}, {bytes_free}))
        vectors = np.tile(np.eye(1, 256, dtype=np.float32), (20, 1))
        stored = 0
        try:
            for start in range(0, 400, 20):
                cache.put([str(number) for number in range(start, start + 20)], vectors)
                stored += 20
        except WriteError:
            print(stored)
    """
    stored = int(finish(start(code)))
    assert (stored > 0) == (bytes_free > 100)
    assert len(held(vectors, [str(number) for number in range(400)])) == stored
    embed(["another"], Batches(), vectors, quiet)


# Root may write anywhere; these run as somebody who may not, with everything imported before that.
_AS_NOBODY = """
    import os, sys
    from pathlib import Path
    import numpy as np
    from bioreview_bench.encoders.cache import VectorCache, embed
    from bioreview_bench.errors import BenchError
    if os.getuid() == 0:
        os.setuid(65534)

    class Encoder:
        id = "constant"
        def batches(self, texts):
            yield list(range(len(texts))), np.eye(1, 16, dtype=np.float32).repeat(len(texts), 0)
"""


@pytest.fixture
def read_only(vectors: VectorCache) -> Iterator[Path]:
    """A filled cache in a folder that nobody may write to."""
    embed(TEXTS, Batches(), vectors, quiet)
    folder = vectors.path.parent
    opened = []
    for parent in folder.parents:  # pytest's folders are closed to others
        if parent.stat().st_uid == os.getuid() and parent.stat().st_mode & 0o777 == 0o700:
            opened.append(parent)
            parent.chmod(0o755)
    vectors.path.chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    for parent in opened:
        parent.chmod(0o700)


def test_a_cache_on_a_read_only_folder_is_read(read_only: Path) -> None:
    code = f"""
        found = embed({TEXTS!r}, Encoder(), VectorCache(Path({str(read_only)!r}), {IDENTITY!r}), print)
        sys.stdout.write(found.tobytes().hex())
    """
    assert finish(start(textwrap.dedent(_AS_NOBODY) + textwrap.dedent(code))) == vectors_of(TEXTS).tobytes().hex()


def test_a_cache_on_a_read_only_folder_that_lacks_a_text_is_a_write_error_naming_it(read_only: Path) -> None:
    code = f"""
        try:
            embed(["another"], Encoder(), VectorCache(Path({str(read_only)!r}), {IDENTITY!r}), lambda *_: None)
        except BenchError as error:
            print(error.exit_code, error)
    """
    said = finish(start(textwrap.dedent(_AS_NOBODY) + textwrap.dedent(code)))
    assert said.startswith("6 Cannot write the vector cache")
    assert "BIOREVIEW_CACHE" in said


def test_a_cache_of_an_older_layout_is_left_alone_and_texts_are_encoded_again(
    vectors: VectorCache, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioreview_bench.encoders import cache as module

    monkeypatch.setattr(module, "_LAYOUT", 0)
    older = VectorCache(cache / "vectors", IDENTITY)
    embed(TEXTS, Batches(lambda number, batch: batch[:, ::-1].copy()), older, quiet)
    monkeypatch.undo()
    before = older.path.read_bytes()
    again = Batches()
    np.testing.assert_array_equal(embed(TEXTS, again, vectors, quiet), vectors_of(TEXTS))
    assert sorted(again.asked) == sorted(TEXTS)
    assert older.path.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE vectors",
        "DROP TABLE identity",
        "ALTER TABLE vectors RENAME COLUMN vector TO embedding",
        "UPDATE vectors SET vector = 'text'",
        "UPDATE vectors SET vector = NULL",
    ],
)
def test_a_file_with_other_tables_is_refused_naming_the_command_that_helps(
    vectors: VectorCache, statement: str
) -> None:
    embed(TEXTS, Batches(), vectors, quiet)
    with sqlite3.connect(vectors.path) as connection:
        connection.execute(statement)
    with pytest.raises(EncoderError, match="bench cache clear"):
        embed(TEXTS, Batches(), vectors, quiet)


def test_two_evaluations_at_once_share_a_cache(minilm: None, cache: Path) -> None:
    command = ["evaluate", "demo:careful", "--data", "demo", "--contract", "demo", "--draws", "50", "--format", "json"]
    code = "from bioreview_bench.cli import main; main()"
    running = [start(code, *command) for _ in range(2)]
    first, second = (json.loads(finish(process)) for process in running)
    assert first["overall"] == second["overall"]
    alone = json.loads(finish(start(code, *command)))
    assert alone["overall"] == first["overall"]
    assert alone["provenance"]["device"] is None, "a third run finds everything cached"


def test_a_cache_folder_that_cannot_be_made_is_a_write_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError):
        embed(["a text"], Batches(), VectorCache(tmp_path / "file" / "vectors", IDENTITY), quiet)


def test_a_damaged_file_is_refused_naming_the_command_that_helps(vectors: VectorCache) -> None:
    embed(TEXTS, Batches(), vectors, quiet)
    vectors.path.write_bytes(b"garbage" * 1000)
    with pytest.raises(EncoderError, match="bench cache clear"):
        embed(TEXTS, Batches(), vectors, quiet)
    assert run(["cache", "clear", "--yes"]) == 0
    embed(TEXTS, Batches(), vectors, quiet)


@pytest.mark.parametrize(
    "blob",
    [
        np.full(16, np.nan, np.float32).tobytes(),
        np.full(16, 0.5, np.float32).tobytes(),
        np.eye(1, 8, dtype=np.float32).tobytes(),
        vectors_of(["x"]).tobytes()[:-1],
        b"",
    ],
    ids=["nan", "not of unit length", "another dimension", "cut", "empty"],
)
def test_a_damaged_vector_is_refused(vectors: VectorCache, blob: bytes) -> None:
    embed(TEXTS, Batches(), vectors, quiet)
    with sqlite3.connect(vectors.path) as connection:
        key = hashlib.sha256(TEXTS[7].encode()).digest()
        assert connection.execute("UPDATE vectors SET vector = ? WHERE key = ?", (blob, key)).rowcount == 1
    with pytest.raises(EncoderError, match="bench cache clear"):
        embed(TEXTS, Batches(), vectors, quiet)


def test_a_file_renamed_from_another_encoder_is_refused(vectors: VectorCache, cache: Path) -> None:
    other = VectorCache(cache / "vectors", {**IDENTITY, "max_length": 256})
    embed(TEXTS, Batches(), other, quiet)
    other.path.rename(vectors.path)
    with pytest.raises(EncoderError, match="another encoder"):
        held(vectors, TEXTS)
    with pytest.raises(EncoderError, match="another encoder"):
        vectors.put(["x"], vectors_of(["x"]))
    vectors.path.rename(other.path)
    assert held(other, TEXTS).keys() == set(range(40))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda number, batch: np.full_like(batch, np.nan), "not finite"),
        (lambda number, batch: np.where(batch > 0.3, np.inf, batch), "not finite"),
        (lambda number, batch: batch[:-1], "shape"),
        (lambda number, batch: batch[:, :, None], "shape"),
        (lambda number, batch: 2 * batch, "not L2-normalised"),
        (lambda number, batch: 0 * batch, "not L2-normalised"),
    ],
    ids=["nan", "infinite", "a vector short", "three axes", "too long", "zero"],
)
def test_what_is_no_embedding_is_refused_and_not_stored(vectors: VectorCache, spoil: Any, says: str) -> None:
    with pytest.raises(EncoderError, match=says):
        embed(TEXTS, Batches(spoil), vectors, quiet)
    assert held(vectors, TEXTS) == {}


def test_cache_info_describes_and_clear_deletes_only_what_can_be_made_again(
    vectors: VectorCache, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embed(TEXTS, Batches(), vectors, quiet)
    kept = cache / "data" / "v4" / "train.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}\n")
    assert run(["cache", "info", "--format", "json"]) == 0
    (described,) = json.loads(capsys.readouterr().out)["vectors"]
    assert described == {
        "file": str(vectors.path),
        "encoder": "owner/model",
        "max_length": 512,
        "n": 40,
        "bytes": vectors.path.stat().st_size,
    }
    assert run(["cache", "clear", "--yes"]) == 0
    assert (held(vectors, TEXTS), kept.exists()) == ({}, True)


def test_cache_info_works_while_another_process_writes(
    vectors: VectorCache, capsys: pytest.CaptureFixture[str]
) -> None:
    embed(TEXTS, Batches(), vectors, quiet)
    writer = sqlite3.connect(vectors.path)
    writer.execute("INSERT INTO vectors VALUES (x'00', x'00')")
    try:
        assert run(["cache", "info", "--format", "json"]) == 0
    finally:
        writer.rollback()
        writer.close()
    assert [row["n"] for row in json.loads(capsys.readouterr().out)["vectors"]] == [40]


def test_cache_info_of_a_damaged_file_names_the_command_that_helps(
    vectors: VectorCache, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors.path.parent.mkdir(parents=True)
    vectors.path.write_bytes(b"garbage" * 1000)
    assert run(["cache", "info"]) == 3
    assert "bench cache clear" in capsys.readouterr().err


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Run Python code in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def finish(process: subprocess.Popen[str]) -> str:
    """What it printed; fails with its message when it failed."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out
