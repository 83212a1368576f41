"""The counter `tiktoken`, with a tiny vocabulary made on the spot: right where it is at hand, refused where not."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.llm.text.fitting import fit, load_counter

# All bytes, and the merges t+h and th+e.
VOCABULARY = {**{bytes([byte]): byte for byte in range(256)}, b"th": 256, b"the": 257}
CONTENT = b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in VOCABULARY.items())


def test_without_tiktoken_the_counter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(EncoderError, match="pip install tiktoken"):
        load_counter("tiktoken")


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Register the encoding `tiny`, whose vocabulary is at the address given; the file in which it would be cached."""
    tiktoken = pytest.importorskip("tiktoken", reason="pip install tiktoken")
    from tiktoken.load import load_tiktoken_bpe

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken"))
    (tmp_path / "tiktoken").mkdir()

    def register(address: str) -> Path:
        def tiny() -> dict[str, Any]:
            ranks = load_tiktoken_bpe(address, expected_hash=hashlib.sha256(CONTENT).hexdigest())
            special = {"<|endoftext|>": 258}
            return {"name": "tiny", "pat_str": r"\s+|\S+", "mergeable_ranks": ranks, "special_tokens": special}

        monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
        monkeypatch.setattr(tiktoken.registry, "ENCODING_CONSTRUCTORS", {"tiny": tiny})
        return tmp_path / "tiktoken" / hashlib.sha1(address.encode()).hexdigest()

    return register


def test_a_vocabulary_at_hand_counts_its_tokens_and_fits_papers(source: Any, hub_server: Any) -> None:
    source(f"{hub_server.endpoint}/tiny.tiktoken").write_bytes(CONTENT)
    counter = load_counter("tiktoken:tiny")
    assert counter.name == "tiktoken:tiny"
    # the; the, space, the, n, space, t, o; two bytes.
    assert [counter.count(text) for text in ("", "the", "the then to", "\u00e9")] == [0, 1, 7, 2]
    assert counter.count("<|endoftext|>") == 13  # what a paper quotes is text, not a control token
    paper = Manuscript("elife:1", "T", "the " * 100, {}, (), "eLife")
    fitted = fit(paper, 90, counter)
    assert fitted.cut
    assert fitted.n_tokens == counter.count(fitted.text) <= 90
    assert hub_server.requests == []


def test_a_vocabulary_in_a_file_of_a_plugin_is_at_hand(source: Any, tmp_path: Path) -> None:
    (tmp_path / "tiny.tiktoken").write_bytes(CONTENT)
    source(str(tmp_path / "tiny.tiktoken"))
    assert load_counter("tiktoken:tiny").count("the") == 1


@pytest.mark.parametrize("cached", [None, CONTENT[:-20], b"<html>"])
def test_a_vocabulary_that_is_missing_or_damaged_is_refused_and_not_downloaded(
    source: Any, hub_server: Any, cached: bytes | None
) -> None:
    import tiktoken.load

    download = tiktoken.load.read_file
    place = source(f"{hub_server.endpoint}/tiny.tiktoken")
    if cached is not None:
        place.write_bytes(cached)
    with pytest.raises(EncoderError, match="TIKTOKEN_CACHE_DIR") as caught:
        load_counter("tiktoken:tiny")
    assert caught.value.exit_code == 3
    assert hub_server.requests == []
    assert tiktoken.load.read_file is download


def test_an_unknown_encoding_is_answered_with_the_known_ones(source: Any) -> None:
    source("nowhere")
    with pytest.raises(InputError, match=r'no encoding "tinny"[\s\S]*use tiny'):
        load_counter("tiktoken:tinny")
