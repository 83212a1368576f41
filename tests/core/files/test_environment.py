"""What a machine's environment breaks is said with the variable's name, or works all the same."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.files.network import environment_errors, follows_environment, is_this_machine

MAIN = "import sys; from bioreview_bench.cli.main import main; main(sys.argv[1:])"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("LOCALHOST.", True), ("a.localhost", True), ("127.0.0.1", True), ("127.9.9.9", True),
        ("::1", True), ("[::1]", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False), ("128.0.0.1", False),
        ("localhost.example.org", False), ("127.0.0.1.example.org", False), ("", False), ("::2", False),
    ],
)  # fmt: skip
def test_which_addresses_are_this_machine(host: str, local: bool) -> None:
    assert is_this_machine(host) is local


def test_an_address_of_this_machine_does_not_follow_the_environment() -> None:
    assert not follows_environment("http://[::1]:8000/v1")
    assert not follows_environment("http://user:word@127.0.0.1:8000/v1")
    assert follows_environment("https://api.example.org/v1")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_requests_to_this_machine_pass_no_proxy(
    openai_reviewer: Any, model_server: Any, reply: Any, completion: Any, ask: Any,
    monkeypatch: pytest.MonkeyPatch, name: str, proxy: str,
) -> None:  # fmt: skip
    monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("SSL_CERT_FILE", "absent/cacert.pem")
    model_server.say(reply(completion()))
    assert ask(openai_reviewer()).status == "ok"
    assert len(model_server.requests) == 1


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
def test_requests_of_the_google_client_to_this_machine_pass_no_proxy(
    model_server: Any, reply: Any, asking: Any, ask: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pytest.importorskip("google.genai", reason="pip install 'bioreview-bench[baselines]'")
    from bioreview_bench.llm.providers.google import GoogleReviewer

    monkeypatch.setenv("GEMINI_API_KEY", "made-up-key-0001")
    monkeypatch.setenv(name, "socks5://127.0.0.1:9")
    said = {"role": "model", "parts": [{"text": '[{"text": "No control."}]'}]}
    model_server.say(reply({"candidates": [{"content": said, "finishReason": "STOP"}]}))
    reviewer = GoogleReviewer("g", asking(budget=15_000, structured=True), base_url=model_server.url)
    assert ask(reviewer).status == "ok"


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:9"), ("https_proxy", "socks5h://127.0.0.1:9"), ("SSL_CERT_FILE", "absent.pem")],
)
def test_a_variable_that_breaks_a_client_is_named(
    openai_reviewer: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if "socks" in value:
        pytest.importorskip("httpx")
        monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"variable {name} names") as caught:
        openai_reviewer(base_url="https://api.example.org/v1").connect()
    assert caught.value.exit_code == 2
    assert f"unset {name}" in str(caught.value)


def test_a_file_that_holds_no_certificates_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    with pytest.raises(InputError, match="SSL_CERT_FILE"), environment_errors():
        ssl.create_default_context(cafile=str(tmp_path / "empty.pem"))


def test_other_failures_are_not_put_down_to_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "certificates.pem").write_text("x")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificates.pem"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for failure in (FileNotFoundError("a.txt"), ImportError("no torch"), ValueError("no number")):
        with pytest.raises(type(failure), match=str(failure)), environment_errors():
            raise failure


def bench(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-c", MAIN, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_what_the_console_cannot_show_is_escaped(
    encoding: str, write_jsonl: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "β😀"
    folder.mkdir()
    rows = [{"article_id": "β😀", "concerns": ["a"]}]
    path = write_jsonl(rows).rename(folder / "β.jsonl")
    done = bench("validate", str(path), "--data", "demo", "--split", "test", PYTHONIOENCODING=encoding)
    assert (done.returncode, b"Traceback" in done.stderr) == (2, False)
    scored = bench(
        "evaluate", "demo:careful", "--data", "demo", "--contract", "jaccard", "--draws", "10", "--format", "json",
        "--system-name", "β-reader é 😀", PYTHONIOENCODING=encoding,
    )  # fmt: skip
    assert scored.returncode == 0
    text = scored.stdout.decode("utf-8" if encoding == "ascii" else encoding)
    assert "β-reader é 😀" in json.dumps(json.loads(text), ensure_ascii=False)
    shown = bench(
        "evaluate", "demo:careful", "--data", "demo", "--contract", "jaccard", "--draws", "10",
        "--system-name", "β-reader", PYTHONIOENCODING=encoding,
    )  # fmt: skip
    assert shown.returncode == 0
    assert b"-reader" in shown.stdout


NOBODY = """
import os, pwd, sys
os.environ.pop("HOME", None)
for name in ("BIOREVIEW_CACHE", "XDG_CACHE_HOME", "BIOREVIEW_CONFIG", "XDG_CONFIG_HOME"):
    os.environ.pop(name, None)
def unknown(uid):
    raise KeyError(uid)
pwd.getpwuid = unknown
from bioreview_bench.cli.main import main
main(sys.argv[1:])
"""


def test_without_a_home_the_variable_that_does_without_one_is_named() -> None:
    command = [sys.executable, "-c", NOBODY]
    cache = subprocess.run([*command, "cache", "info"], capture_output=True, text=True, timeout=300, check=False)
    assert cache.returncode == 2
    assert "export BIOREVIEW_CACHE=FOLDER" in cache.stderr
    assert "Traceback" not in cache.stderr
    info = subprocess.run(
        [*command, "data", "info", "--data", "demo"], capture_output=True, text=True, timeout=300, check=False
    )
    assert info.returncode == 0, info.stderr
