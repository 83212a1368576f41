"""Packed BERT is BERT: the library's own forward pass, for every mixture of lengths, in any batch."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders import loading
from bioreview_bench.encoders.files import EncoderFiles, resolve
from bioreview_bench.encoders.model import LocalEncoder, plan, windows
from bioreview_bench.encoders.packed_bert import PackedBert
from bioreview_bench.errors import EncoderError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=["tiny_bert", "minilm"])
def files(request: pytest.FixtureRequest) -> EncoderFiles:
    if request.param == "minilm":
        request.getfixturevalue("minilm")
        return resolve(Contract.load("demo"))
    return resolve(Contract.load("v3"), request.getfixturevalue("tiny_bert"))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Lengths from nothing to beyond the maximum, with texts of one length among them."""
    rng = random.Random(1)
    words = [f"word{number} {'x' * (number % 7)}" for number in range(50)]
    made = [" ".join(rng.choices(words, k=rng.randrange(1, 60))) for _ in range(60)]
    return [*made, "", "x", *["the same length"] * 20]


@pytest.fixture(scope="module")
def by_modules(files: EncoderFiles, texts: list[str]) -> np.ndarray:
    """What sentence-transformers' modules give, one text at a time: no padding, no batch."""
    transformer = loading._transformer(files, 96)
    engine = loading.ModuleEngine(transformer, "fp32", "cpu")
    tokenise = loading._tokenise(transformer.tokenizer, 96)
    return np.concatenate([engine.begin(tokenise([text]))() for text in texts])


def test_a_bert_on_a_cpu_is_packed_and_gives_the_vectors_of_the_modules(
    files: EncoderFiles, texts: list[str], by_modules: np.ndarray
) -> None:
    encoder = LocalEncoder(files, 96)
    assert encoder.engine == "packed"
    np.testing.assert_allclose(encoder.encode(texts), by_modules, atol=1e-6)


@pytest.mark.parametrize("budget", [1, 64, 100, 4096])
def test_no_batch_size_moves_a_vector_by_a_millionth(
    files: EncoderFiles, texts: list[str], by_modules: np.ndarray, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(loading.BUDGET, "cpu", budget)
    np.testing.assert_allclose(LocalEncoder(files, 96).encode(texts), by_modules, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_no_number_of_threads_moves_a_vector_by_a_millionth(
    files: EncoderFiles, texts: list[str], by_modules: np.ndarray, threads: int
) -> None:
    import torch

    torch.set_num_threads(threads)
    try:
        found = LocalEncoder(files, 96).encode(texts)
    finally:
        torch.set_num_threads(1)
    np.testing.assert_allclose(found, by_modules, atol=1e-6)


def test_bfloat16_is_near_and_pooled_in_float32(files: EncoderFiles, texts: list[str], by_modules: np.ndarray) -> None:
    found = LocalEncoder(files, 96, "bf16").encode(texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    cosines = (found * by_modules).sum(axis=1)
    assert cosines.min() > 0.999
    assert np.abs(found - by_modules).max() > 1e-5, "this was not bfloat16"


@pytest.mark.parametrize("shift", [0, 60, 200, -200])
def test_attention_in_bfloat16_is_that_of_the_definition_however_large_its_scores(shift: float) -> None:
    import torch

    from bioreview_bench.encoders.packed_bert import _attended

    torch.manual_seed(0)
    query, key, value = (torch.randn(6, 20, 32).bfloat16() for _ in range(3))
    bias = torch.zeros(6, 20, 20).bfloat16()
    bias[1::2, :, 15:] = float("-inf")
    bias[0] += shift
    found = _attended(query, key, value, bias)
    scores = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=32**-0.5)  # its rounding is not what is tested
    np.testing.assert_allclose(found.double(), scores.double().softmax(-1) @ value.double(), atol=0.02)


def test_bfloat16_is_another_identity(files: EncoderFiles) -> None:
    exact, low = LocalEncoder(files, 96).identity, LocalEncoder(files, 96, "bf16").identity
    assert {name for name in exact if exact[name] != low[name]} == {"dtype"}


def wrong_products(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PackedBert._plain
    monkeypatch.setattr(PackedBert, "_plain", lambda self, weight: right(self, weight) * 1.001)


def missing_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    class Without:
        """torch.ops.mkldnn of a torch that has renamed an operator."""

        def __getattr__(self, name: str) -> object:
            raise AttributeError(f"'_OpNamespace' 'mkldnn' object has no attribute '{name}'")

    monkeypatch.setattr(torch.ops, "mkldnn", Without())


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(wrong_products, "packed products in fp32 are off by"), (missing_operator, "no attribute '_reorder_linear")],
)
def test_where_this_torch_cannot_pack_the_library_computes_and_that_is_said_once(
    files: EncoderFiles,
    texts: list[str],
    by_modules: np.ndarray,
    spoil: Callable[[pytest.MonkeyPatch], None],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    loading._warn_slow.cache_clear()
    spoil(monkeypatch)
    for _ in range(2):
        encoder = LocalEncoder(files, 96)
        assert encoder.engine == "modules"
        np.testing.assert_allclose(encoder.encode(texts), by_modules, atol=1e-6)
    said = [record.getMessage() for record in caplog.records if record.name == loading.__name__]
    assert len(said) == 1
    assert says in said[0]


def test_a_run_goes_on_and_says_so_on_stderr(tiny_bert: Path) -> None:
    program = f"""
import numpy as np, torch
torch.ops.mkldnn._linear_pointwise = None
from bioreview_bench import Contract
from bioreview_bench.encoders.files import resolve
from bioreview_bench.encoders.model import LocalEncoder
files = resolve(Contract.load("v3"), __import__("pathlib").Path({str(tiny_bert)!r}))
for dtype in ("fp32", "fp32", "bf16"):
    encoder = LocalEncoder(files, 64, dtype)
    print(encoder.engine, encoder.encode(["a text"]).shape)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.count("modules (1, ") == 3
    assert done.stderr.count("Encoding is slower with this torch") == 1


@pytest.mark.parametrize(
    ("device", "dtype", "said"),
    [
        ("cuda:99", "fp32", "is not on this machine"),
        ("tpu", "fp32", 'no device "tpu"'),
        ("cuda:x", "fp32", 'no device "cuda:x"'),
        ("cpu", "fp16", "does not encode in fp16"),
    ],
)
def test_a_device_that_is_not_there_is_refused(tiny_bert: Path, device: str, dtype: str, said: str) -> None:
    with pytest.raises(EncoderError, match=said):
        LocalEncoder(resolve(Contract.load("v3"), tiny_bert), 64, dtype, device).encode(["a text"])


def test_plans_hold_every_text_once_within_budget_and_with_little_padding() -> None:
    rng = random.Random(3)
    for _ in range(50):
        lengths = [rng.randrange(1, 200) for _ in range(rng.randrange(1, 120))]
        budget = rng.randrange(1, 1200)
        batches = list(plan(lengths, budget))
        assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
        for batch in batches:
            longest, used = max(lengths[place] for place in batch), sum(lengths[place] for place in batch)
            assert len(batch) == 1 or longest * len(batch) <= budget
            assert longest * len(batch) - used <= longest * len(batch) / 8


def test_windows_hold_every_text_once_longest_first() -> None:
    texts = ["aaa", "a", "", "aaaa", "aa"]
    assert list(windows(texts, 2)) == [[3, 0], [4, 1], [2]]
    assert list(windows([], 2)) == []
