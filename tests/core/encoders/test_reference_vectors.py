"""Vectors of references travel in a file that is checked before it is believed, and that executes nothing."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as as_bytes

from bioreview_bench import Contract, load_split, read_predictions
from bioreview_bench.cli.inputs import predictions_path
from bioreview_bench.cli.main import run
from bioreview_bench.encoders.vector_file import load, save
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.scoring.references import export_references, import_references, reference_texts

DEMO = ("--contract", "demo")


@pytest.fixture
def exported(minilm: None, warm: Path, tmp_path: Path) -> Path:
    path = tmp_path / "demo.vectors"
    export_references(load_split("demo", "test"), Contract.load("demo"), path, None, lambda done, total: None)
    return path


def rewritten(path: Path, change: Callable[[dict[str, object], np.ndarray, np.ndarray], None]) -> Path:
    """The same file with something changed and its checksum right."""
    given = load(path)
    header, keys, vectors = dict(given.header), given.keys.copy(), given.vectors.copy()
    change(header, keys, vectors)
    save(path, header, keys, vectors)
    return path


def test_who_imports_references_encodes_only_predictions(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate = ["evaluate", "demo:careful", "--data", "demo", *DEMO, "--draws", "0", "--format", "json"]
    assert run(evaluate) == 0
    at_home = json.loads(capsys.readouterr().out)
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path / "elsewhere"))
    assert run(["encoder", "import-references", str(exported), *DEMO, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    split = load_split("demo", "test")
    n_references = len(reference_texts(split, Contract.load("demo")))
    assert (told["imported"], told["sampled"]) == (n_references, 64)
    assert told["largest"] < 1e-6
    assert run(evaluate) == 0
    shown = capsys.readouterr()
    split = load_split("demo", "test")
    predicted = read_predictions(predictions_path("demo:careful"), split)
    texts = {concern.text for row in predicted.values() for concern in row.concerns}
    new = texts - set(reference_texts(split, Contract.load("demo")))
    first = re.match(r"Encoding: resumed at (\d+)/(\d+) texts\n", shown.err)
    assert first is not None
    assert int(first[2]) - int(first[1]) == len(new)
    assert json.loads(shown.out)["overall"] == at_home["overall"]


def test_the_file_holds_no_text(exported: Path) -> None:
    content = exported.read_bytes()
    for text in reference_texts(load_split("demo", "test"), Contract.load("demo")):
        assert text.encode()[:20] not in content


@pytest.mark.parametrize("place", [0, 25, 40, 90, 400, 900, 5000, -40, -1])
def test_a_changed_byte_is_found_wherever_it_is(exported: Path, place: int) -> None:
    content = bytearray(exported.read_bytes())
    content[place] ^= 1
    exported.write_bytes(content)
    with pytest.raises(InputError, match="is not a vector file"):
        load(exported)


@pytest.mark.parametrize("kept", [0, 10, 27, 200, -1])
def test_a_cut_file_is_refused(exported: Path, kept: int) -> None:
    exported.write_bytes(exported.read_bytes()[:kept])
    with pytest.raises(InputError, match="is not a vector file"):
        load(exported)


def written(path: Path, tensors: dict[str, np.ndarray], entry: object) -> Path:
    """A safetensors file as anybody may write one."""
    text = entry if isinstance(entry, str) else json.dumps(entry)
    path.write_bytes(as_bytes(tensors, {"bioreview_vectors": text}))
    return path


HASHES, UNIT = np.zeros((1, 32), np.uint8), np.array([[0.6, 0.8]], np.float32)
HEADER = {"identity": {}}


@pytest.mark.parametrize(
    ("tensors", "entry"),
    [
        ({"sha256": HASHES, "vector": UNIT}, "[]"),
        ({"sha256": HASHES, "vector": UNIT}, "{"),
        ({"sha256": HASHES, "vector": UNIT}, '{"layout": 2, "layout": 2}'),
        ({"sha256": HASHES, "vector": UNIT}, {"layout": 1, "header": HEADER}),
        ({"sha256": HASHES, "vector": UNIT}, {"layout": 2, "header": HEADER}),
        ({"sha256": HASHES, "vector": UNIT}, {"layout": 2, "header": {"identity": "x"}}),
        ({"sha256": HASHES, "vector": UNIT}, {"layout": 2, "header": []}),
        ({"sha256": HASHES}, {"layout": 2, "header": HEADER}),
        ({"sha256": HASHES, "vector": UNIT, "more": UNIT}, {"layout": 2, "header": HEADER}),
        ({"sha256": HASHES[:, :31], "vector": UNIT}, {"layout": 2, "header": HEADER}),
        ({"sha256": HASHES, "vector": UNIT.astype(np.float64)}, {"layout": 2, "header": HEADER}),
        ({"sha256": HASHES, "vector": UNIT[0]}, {"layout": 2, "header": HEADER}),
        ({"sha256": HASHES[:0], "vector": UNIT[:0]}, {"layout": 2, "header": HEADER}),
    ],
)
def test_a_file_that_lies_is_refused(tmp_path: Path, tensors: dict[str, np.ndarray], entry: object) -> None:
    with pytest.raises(InputError, match="is not a vector file"):
        load(written(tmp_path / "x.vectors", tensors, entry))


def test_a_header_longer_than_any_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.vectors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(InputError, match="is not a vector file"):
        load(path)


def test_the_earlier_layout_is_named_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.vectors"
    path.write_bytes(b"bioreview-vectors 1\n" + struct.pack("<Q", 2) + b"{}")
    with pytest.raises(InputError, match=r"earlier version .*layout 1(.|\n)*export-references"):
        load(path)


def test_the_same_vectors_are_the_same_bytes(exported: Path) -> None:
    before = exported.read_bytes()
    assert rewritten(exported, lambda header, keys, vectors: None).read_bytes() == before


@pytest.mark.parametrize("value", [np.nan, 0.0, 3.0])
def test_what_is_no_embedding_is_refused(exported: Path, value: float) -> None:
    with pytest.raises(InputError, match="is not a vector file"):
        load(rewritten(exported, lambda header, keys, vectors: vectors.__setitem__(3, value)))


def test_a_forged_vector_among_those_sampled_ends_the_import(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten(exported, lambda header, keys, vectors: vectors.__setitem__(slice(None), np.roll(vectors, 1, axis=0)))
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path / "elsewhere"))
    with pytest.raises(EncoderError, match=r"5 of 5 sampled vectors differ .* Nothing was imported"):
        import_references(exported, load_split("demo", "test"), Contract.load("demo"), None, 5)
    assert not list((tmp_path / "elsewhere").rglob("*.sqlite"))


def test_one_forged_vector_is_found_when_all_are_sampled(exported: Path) -> None:
    rewritten(exported, lambda header, keys, vectors: vectors.__setitem__(7, vectors[8]))
    with pytest.raises(EncoderError, match="1 of 142 sampled vectors differ"):
        import_references(exported, load_split("demo", "test"), Contract.load("demo"), None, 10_000)


@pytest.mark.parametrize(
    ("field", "value"),
    [("weights_sha256", "0" * 64), ("max_length", 128), ("dtype", "bf16"), ("libraries", {}), ("another", 1)],
)
def test_vectors_of_another_encoder_are_refused_naming_the_field(exported: Path, field: str, value: object) -> None:
    rewritten(exported, lambda header, keys, vectors: header["identity"].__setitem__(field, value))  # type: ignore[attr-defined]
    with pytest.raises(EncoderError, match=f"made by another encoder .*{field}"):
        import_references(exported, load_split("demo", "test"), Contract.load("demo"), None, 5)


def test_vectors_that_cannot_be_checked_are_not_taken(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten(exported, lambda header, keys, vectors: keys.__setitem__(slice(0, 100), 1))
    monkeypatch.setenv("BIOREVIEW_CACHE", str(tmp_path / "elsewhere"))
    found = import_references(exported, load_split("demo", "test"), Contract.load("demo"), None, 5)
    assert (found["imported"], found["in_file"]) == (42, 142)
    rewritten(exported, lambda header, keys, vectors: keys.__setitem__(slice(None), 1))
    with pytest.raises(InputError, match="has no vector of demo/test"):
        import_references(exported, load_split("demo", "test"), Contract.load("demo"), None, 5)


def test_data_of_a_folder_must_be_named(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewritten(exported, lambda header, keys, vectors: header.__setitem__("name", "local"))
    assert run(["encoder", "import-references", str(exported), *DEMO]) == 2
    assert "name it with --data" in capsys.readouterr().err
