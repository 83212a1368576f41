"""`bench encoder fetch` against a Hub on loopback: what is fetched is genuine, or nothing is recorded."""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path

import pytest

from bioreview_bench.contracts.contract import Contract
from bioreview_bench.encoders.files import resolve
from bioreview_bench.errors import EncoderError

REPO = "allenai/specter2_base"
COMMIT = "3447645e1def9117997203454fa4495937bfbd83"
WEIGHTS = "pytorch_model.bin"


@pytest.fixture
def specter2(hub_server, tiny_bert: Path) -> dict[str, bytes]:
    """The published files of an encoder that calls itself SPECTER2."""
    files = {path.name: path.read_bytes() for path in tiny_bert.iterdir()} | {"README.md": b"A model card."}
    hub_server.add(REPO, files, COMMIT, lfs=(WEIGHTS,))
    return files


def test_a_fetched_encoder_is_the_verified_one_and_is_not_transferred_twice(
    bench_process, hub_server, specter2
) -> None:
    done = bench_process("encoder", "fetch", "specter2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Downloading: 0/1 MB\nDownloading: 1/1 MB\n")
    found = resolve(Contract.load("v3"))
    assert (found.verified, found.revision) == (True, COMMIT)
    assert found.weights.read_bytes() == specter2[WEIGHTS]
    listed = json.loads(bench_process("encoder", "list", "--format", "json").stdout)
    row = next(row for row in listed if row["name"] == "specter2")
    assert (row["available"], row["verified"], row["weights_sha256"]) == (True, True, found.weights_sha256)
    assert not any("README" in path for path in hub_server.transferred())
    hub_server.requests.clear()
    assert bench_process("encoder", "fetch", "specter2").returncode == 0
    assert hub_server.transferred() == []


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_corrupted_download_leaves_nothing_to_score_with_until_the_command_is_repeated(
    bench_process, hub_server, specter2, cache: Path, name: str
) -> None:
    hub_server.corrupt.add(name)
    done = bench_process("encoder", "fetch", "specter2")
    assert (done.returncode, name in done.stderr) == (3, True)
    assert "run the same command again" in done.stderr
    assert not (cache / "encoders").exists()
    with pytest.raises(EncoderError):
        resolve(Contract.load("v3"))
    hub_server.corrupt.clear()
    assert bench_process("encoder", "fetch", "specter2").returncode == 0
    assert resolve(Contract.load("v3")).verified


def test_weights_tampered_with_after_the_fetch_are_refused_until_fetched_again(bench_process, specter2) -> None:
    bench_process("encoder", "fetch", "specter2")
    weights = resolve(Contract.load("v3")).weights
    weights.write_bytes(specter2[WEIGHTS][:-1] + b"x")
    refused = bench_process("encoder", "check", "specter2")
    assert refused.returncode == 3
    assert "a checksum differs" in refused.stderr
    assert "bench encoder fetch specter2" in refused.stderr
    assert bench_process("encoder", "fetch", "specter2").returncode == 0
    assert weights.read_bytes() == specter2[WEIGHTS]


def test_configuration_tampered_with_after_the_fetch_is_refused(bench_process, specter2) -> None:
    bench_process("encoder", "fetch", "specter2")
    folder = resolve(Contract.load("v3")).folder
    for name in ("config.json", "tokenizer_config.json", "vocab.txt"):
        (folder / name).write_bytes(specter2[name] + b"\n")
        with pytest.raises(EncoderError, match="a checksum differs"):
            resolve(Contract.load("v3"))
        (folder / name).write_bytes(specter2[name])
    assert resolve(Contract.load("v3")).verified


def test_a_name_without_a_revision_is_refused(bench_process, hub_server, specter2) -> None:
    done = bench_process("encoder", "fetch", f"hf:{REPO}")
    assert done.returncode == 2
    assert "hf:REPO@REVISION" in done.stderr
    assert hub_server.requests == []


def test_a_branch_is_refused_naming_the_commit_that_it_is_today(bench_process, hub_server, specter2) -> None:
    done = bench_process("encoder", "fetch", f"hf:{REPO}@main")
    assert done.returncode == 3
    assert f"bench encoder fetch hf:{REPO}@{COMMIT}" in done.stderr
    assert hub_server.transferred() == []


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("other commit", "no such revision"),
        ("portal", "Cannot get"),
        ("unreachable", "Cannot get"),
    ],
)
def test_a_hub_that_does_not_deliver_is_one_message(
    bench_process, hub_server, specter2, cache: Path, state: str, says: str
) -> None:
    environment = {}
    match state:
        case "other commit":
            hub_server.add(REPO, specter2, "0" * 40)
        case "portal":
            hub_server.portal = True
        case "unreachable":
            environment["HF_ENDPOINT"] = "http://127.0.0.1:1"  # no server may listen there unprivileged
    done = bench_process("encoder", "fetch", "specter2", **environment)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
    assert says in done.stderr
    assert "Next:" in done.stderr
    assert not (cache / "encoders").exists()


def test_a_repository_without_weights_is_refused(bench_process, hub_server, specter2) -> None:
    del specter2[WEIGHTS]
    done = bench_process("encoder", "fetch", "specter2")
    assert (done.returncode, WEIGHTS in done.stderr) == (3, True)


def test_a_disk_that_fills_up_during_a_fetch_is_a_write_error(bench_process, specter2, cache: Path) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    assert len(specter2[WEIGHTS]) > 50_000
    done = bench_process("encoder", "fetch", "specter2", limit=small_files)
    assert (done.returncode, "Traceback" in done.stderr) == (6, False), done.stderr
    assert not (cache / "encoders").exists()


def test_a_malicious_pickle_with_the_right_checksum_is_never_executed(
    bench_process, hub_server, specter2, tmp_path: Path
) -> None:
    import torch

    from bioreview_bench.encoders.model import LocalEncoder

    marker = tmp_path / "executed"

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return subprocess.check_call, (["touch", str(marker)],)

    torch.save({"embeddings.word_embeddings.weight": Payload()}, tmp_path / WEIGHTS)
    specter2[WEIGHTS] = (tmp_path / WEIGHTS).read_bytes()
    hub_server.add(REPO, specter2, COMMIT, lfs=(WEIGHTS,))
    assert bench_process("encoder", "fetch", "specter2").returncode == 0
    files = resolve(Contract.load("v3"))
    assert files.verified
    with pytest.raises(EncoderError):
        LocalEncoder(files, 128).encode(["a text"])
    assert not marker.exists()
