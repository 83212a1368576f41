"""Cards say what was recorded and nothing more; the Hub gets weights, cards and records and nothing more."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from bioreview_bench.errors import DataError, InputError
from bioreview_bench.results.card import Card
from bioreview_bench.results.result import Result
from bioreview_bench.training.models.summary import write_summary
from bioreview_bench.training.publish import card as cards
from bioreview_bench.training.publish.push import own_paths, plan

from ...conftest import JsonHandler

SHA = "8" * 64
SUMMARY: dict[str, Any] = {
    "base_model": "some-org/some-8b",
    "base_digest": "0123456789abcdef",
    "prompt": {"id": "objects-v1", "sha256": SHA},
    "parameters": 8_190_735_360,
    "thinking": False,
    "system": "own",
    "budget": 15_000,
    "counter": {"name": "model"},
    "corpus": {
        "fingerprint": "c0ffee123456",
        "data": {"label": "v3", "fingerprint": {"train": "aaaaaaaaaaaa", "val": "bbbbbbbbbbbb"}},
        "recipe": {"name": "A", "min_confidence": 0.0},
    },
    "config": {
        "name": "reviewer|8b <b>",
        "architecture": {"parameters": 1},
        "lora": {"r": 16, "targets": ["q_proj", "v_proj"]},
        "optimiser": {"lr": 2e-4},
    },
    "versions": {"bioreview-bench": "0.1.0", "trl": "1.16.0"},
    "git": {"commit": "abc", "dirty": True},
    "metrics": {"train_loss": 1.25, "eval_loss": None, "n_examples": 4734},
    "started": "2026-03-04T05:06:07+00:00",
    "seconds": 3600.0,
    "n_steps": 1773,
}
WHO = cards.Author("My lab", "me@example.org")


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A run with an adapter as training leaves it, and much beside it that is nobody's business."""
    folder = tmp_path / "run" / "adapter"
    (folder / "checkpoint-10").mkdir(parents=True)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "some-org/some-8b", "r": 16}')
    (folder / "adapter_model.safetensors").write_bytes(b"weights" * 1000)
    for name in ("optimizer.pt", "predictions.jsonl", "log.jsonl", "notes.txt", "checkpoint-10/README.md"):
        (folder / name).write_text("mine")
    write_summary(folder, SUMMARY)
    return folder


@pytest.fixture(scope="module")
def result_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result of the demo predictions under the lexical contract, which needs no encoder."""
    from importlib import import_module

    path = tmp_path_factory.mktemp("result") / "mine.result.json"
    run = import_module("bioreview_bench.cli.main").run
    command = ["evaluate", "demo:careful", "--data", "demo", "--split", "test", "--contract", "jaccard", "--quiet"]
    assert run([*command, "-o", str(path)]) == 0
    return path


def test_the_submission_card_is_filled_from_the_record(adapter: Path) -> None:
    card = cards.submission_card(cards.trained(adapter), None, WHO)
    assert card.model_dump(mode="json", exclude_none=True) == {
        "system_name": "reviewer|8b <b>",
        "system_version": "1",
        "organisation": "My lab",
        "contact": "me@example.org",
        "base_model": "some-org/some-8b",
        "parameters": "8.19B",
        "open_weights": "undisclosed",
        "postprocessing": "none",
        "training_data": {
            "description": "bioreview-bench recipe A on v3 train, corpus c0ffee123456",
            "saw_v3_train": "yes",
            "saw_v4_train": "undisclosed",
            "saw_test_journals": "yes",
        },
        "prompt_sha256": SHA,
        "date": "2026-03-04",
    }


@pytest.mark.parametrize(
    ("counted", "said"),
    [(1_257_728, "1.26M"), (31_273_086_512, "31.3B"), (999_999_999, "1B"), (999, "999"), (None, None)],
)
def test_the_card_states_the_parameters_of_the_model_that_was_trained(counted: int | None, said: str | None) -> None:
    summary = {**SUMMARY, "parameters": counted}
    card = cards.submission_card(summary, None, WHO)
    assert card.parameters == said
    readme = cards.model_card(summary, None, card, merged=False)
    assert (f"| parameters | {counted:,} |" in readme) if counted else ("| parameters |" not in readme)


@pytest.mark.parametrize(
    ("label", "seen"),
    [("v3", ("yes", "undisclosed", "yes")), ("v4", ("undisclosed", "yes", "yes")), ("demo", ("no", "no", "no")),
     ("local", ("undisclosed", "undisclosed", "undisclosed"))],
)  # fmt: skip
def test_what_was_seen_in_training_follows_from_the_data(label: str, seen: tuple[str, str, str]) -> None:
    corpus = {**SUMMARY["corpus"], "data": {"label": label}}
    data = cards.submission_card({**SUMMARY, "corpus": corpus}, None, WHO).training_data
    assert (data.saw_v3_train, data.saw_v4_train, data.saw_test_journals) == seen


@pytest.mark.parametrize(
    ("before", "seen", "licence"),
    [
        ([{"data": {"label": "v3"}, "recipe": {"name": "A"}, "fingerprint": "f1"}], "yes", "cc-by-nc-4.0"),
        ([{}], "undisclosed", "other"),
        ([{"data": {"label": "mine"}}], "undisclosed", "other"),
        ([], "no", "other"),
    ],
)
def test_a_card_states_what_every_training_of_the_chain_saw(before: list[Any], seen: str, licence: str) -> None:
    from huggingface_hub import ModelCard

    start = {"adapters": [{"name": "sft-a", "digest": "1"}], "last": "merged"}
    corpus = {**SUMMARY["corpus"], "data": {"label": "demo"}}
    summary = {**SUMMARY, "corpus": corpus, "corpora_before": before, "start": start if before else {}}
    card = cards.submission_card(summary, None, WHO)
    assert card.training_data.saw_v3_train == seen
    text = cards.model_card(summary, None, card, merged=False)
    assert ModelCard(text).data.license == licence
    assert ("CC BY-NC 4.0" in text) == (licence != "other")
    chain = "--adapter sft-a --adapter FOLDER" if before else "--adapter FOLDER"
    assert f"bench train generate --model some-org/some-8b {chain} --data v3 --split val" in text
    assert ("is another model without them" in text) == ("| trained before on |" in text) == bool(before)
    merged = cards.model_card(summary, None, card, merged=True)
    assert "bench train generate --model FOLDER --data v3" in merged


def test_the_command_writes_cards_that_validate(
    bench: Callable[..., Any], adapter: Path, result_path: Path, tmp_path: Path
) -> None:
    done = bench(
        "train", "card", adapter.parent, "--organisation", "My lab", "--contact", "me@example.org",
        "--result", result_path, "-o", tmp_path / "cards", "--cost", 0, "--date", "2026-05-01", "--open-weights", "yes",
    )  # fmt: skip
    assert done.code == 0, done.err
    card = Card.model_validate(yaml.safe_load((tmp_path / "cards" / "card.yaml").read_text()))
    assert (str(card.date), card.cost_usd, card.open_weights) == ("2026-05-01", 0.0, "yes")
    from bioreview_bench.leaderboard.intake.card_yaml import read_card  # what a board makes of it

    assert read_card((tmp_path / "cards" / "card.yaml").read_bytes()) == (card, [])


def test_the_model_card_has_score_signature_controls_limits_and_licence(adapter: Path, result_path: Path) -> None:
    result = cards.read_result(result_path)
    summary = cards.trained(adapter)
    text = cards.model_card(summary, result, cards.submission_card(summary, result, WHO), merged=False)
    _, front, body = text.split("---\n", 2)
    head = yaml.safe_load(front)
    del head["model-index"]  # a test of its own
    assert head == {
        "base_model": "some-org/some-8b", "library_name": "peft", "license": "cc-by-nc-4.0", "language": ["en"],
        "pipeline_tag": "text-generation", "tags": ["biology", "medical", "peer-review", "bioreview-bench", "lora"],
    }  # fmt: skip
    from huggingface_hub import ModelCard

    assert ModelCard(text).data.license == "cc-by-nc-4.0"
    overall, low_high = result.record.overall, result.record.intervals["overall.f1"]
    assert low_high is not None
    assert f"| F1 | {overall.f1:.3f} | {low_high[0]:.3f} to {low_high[1]:.3f} |" in body
    assert f"`{result.signature}`" in body
    for expected in (
        "| skill (control) |", "| null F1 (control) |", "CC BY-NC 4.0", "## Limits", "c0ffee123456",
        "v3/train#aaaaaaaaaaaa", "| `lora.r` | 16 |", "| `optimiser.lr` | 0.0002 |", "with thinking off",
        "15,000 tokens of paper",
        "abc (with changes)", "| steps | 1773 |", "barred from v4 test",
    ):  # fmt: skip
        assert expected in body, expected
    # Names are text, not markup, and tables keep their columns.
    assert "# reviewer\\|8b \\<b\\>" in body
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") in (3, 4) for line in rows)
    assert "{{" not in text
    assert "{%" not in text


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((0.51, False), "Copying sentences of the paper scores better than"),
        ((0.4, False), "Copying sentences of the paper scores close to"),  # four fifths of the system's own match rate
        ((0.25, False), "Copying sentences of the paper reaches 50%"),
        ((0.249, False), None),
        ((0.5, True), "SATURATED"),  # and then the echo says nothing
    ],
)
def test_the_model_card_warns_as_the_report_does(
    adapter: Path, result_path: Path, rates: tuple[float, bool], said: str | None
) -> None:
    result = cards.read_result(result_path)
    echo, saturated = rates
    changes = {"match_rate": 0.5, "echo_match_rate": echo, "null_match_rate": 0.1, "saturated": saturated}
    controls = result.record.controls.model_copy(update=changes)
    overall = result.record.overall.model_copy(update={"n_matched": 40})
    result = Result(result.record.model_copy(update={"controls": controls, "overall": overall}), result.counts)
    summary = cards.trained(adapter)
    text = cards.model_card(summary, result, cards.submission_card(summary, result, WHO), merged=False)
    warned = [line for line in text.splitlines() if line.startswith(("> Copying", "> SATURATED"))]
    assert len(warned) == (said is not None)
    assert not said or warned[0].startswith(f"> {said}")


def test_the_card_carries_its_scores_as_the_hub_reads_them(adapter: Path, result_path: Path) -> None:
    from huggingface_hub import ModelCard

    result = cards.read_result(result_path)
    card = cards.submission_card(SUMMARY, result, WHO)
    data = ModelCard(cards.model_card(SUMMARY, result, card, merged=False)).data
    assert data.model_name == card.system_name
    found = {one.metric_type: one for one in data.eval_results}
    assert found["f1"].metric_value == pytest.approx(result.f1, abs=5e-4)
    assert found["f1"].dataset_split == result.record.data.split
    assert result.record.data.label in found["f1"].dataset_name
    assert "model-index" not in cards.model_card(SUMMARY, None, card, merged=False)


def test_without_a_result_no_score_is_claimed(bench: Callable[..., Any], adapter: Path) -> None:
    done = bench("train", "card", adapter, "--organisation", "My lab", "--contact", "me@example.org")
    assert (done.code, "--result" in done.out) == (0, True)
    text = (adapter / "README.md").read_text()
    assert "Not evaluated when this card was made." in text
    assert "Signature" not in text


def test_what_cannot_be_filled_is_said(bench: Callable[..., Any], adapter: Path, tmp_path: Path, shared: Path) -> None:
    common = ["--organisation", "My lab", "--contact", "me@example.org"]
    assert "training_summary.json" in bench("train", "card", tmp_path, *common).err
    assert "url" in bench("train", "card", adapter, *common, "--url", "javascript:alert(1)").err
    with pytest.raises(InputError, match="--date"):
        cards.submission_card({**SUMMARY, "started": None}, None, WHO)
    historic = next((shared / "data/published").glob("*.json"))
    assert bench("train", "card", adapter, *common, "--result", historic).code == 2


def test_only_what_makes_the_model_is_uploaded(adapter: Path) -> None:
    (adapter / "README.md").write_text("# card")
    planned = plan(adapter, "my-lab/reviewer", private=False)
    assert [name for name, _ in planned.files] == [
        "README.md", "adapter_config.json", "adapter_model.safetensors", "training_summary.json"
    ]  # fmt: skip
    assert planned.left == ["checkpoint-10", "log.jsonl", "notes.txt", "optimizer.pt", "predictions.jsonl"]


def test_nothing_is_published_without_a_card_or_weights_or_an_owner(adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no README\.md"):
        plan(adapter, "my-lab/reviewer", private=False)
    with pytest.raises(InputError, match="no weights"):
        plan(tmp_path, "my-lab/reviewer", private=False)
    for repo in ("reviewer", "a/b/c", "my-lab/../x", "--x"):
        with pytest.raises(InputError, match="--repo OWNER/NAME"):
            plan(adapter, repo, private=False)


def test_places_of_this_machine_in_the_records_are_pointed_out(adapter: Path) -> None:
    assert own_paths(adapter) == []
    write_summary(adapter, {**SUMMARY, "config": {"model": {"name": "/home/me/models/8b"}}})
    assert own_paths(adapter) == ["training_summary.json: config.model.name"]


@dataclass
class Hub:
    """What a Hub was sent. `refuse` is a status for every request; `public` is a repository that is there already."""

    url: str = ""
    refuse: int | None = None
    public: bool = False
    created: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture
def hub(loopback: Callable[..., str]) -> Hub:
    """The endpoints for uploads of a Hub, on loopback."""
    state = Hub()

    class Handler(JsonHandler):
        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def do_GET(self) -> None:
            self.send_json({"id": "my-lab/reviewer", "private": not state.public, "sha": "1" * 40})

        def do_PUT(self) -> None:
            state.blobs[self.path.rpartition("/")[2]] = self._body()
            self.send_json({})

        def do_POST(self) -> None:
            body = self._body()
            path = self.path.partition("?")[0]
            if state.refuse is not None:
                self.send_json({"error": "no"}, state.refuse)
            elif path == "/api/validate-yaml":
                self.send_json({"errors": [], "warnings": []})
            elif path == "/api/repos/create":
                state.created.append(json.loads(body))
                self.send_json({"url": f"{state.url}/my-lab/reviewer"}, 409 if state.public else 200)
            elif path == "/api/models/my-lab/reviewer/preupload/main":
                files = json.loads(body)["files"]
                modes = [(one["path"], "lfs" if one["path"].endswith(".safetensors") else "regular") for one in files]
                self.send_json({"files": [{"path": p, "uploadMode": mode, "shouldIgnore": False} for p, mode in modes]})
            elif path == "/my-lab/reviewer.git/info/lfs/objects/batch":
                objects = [
                    {**one, "actions": {"upload": {"href": f"{state.url}/blobs/{one['oid']}"}}}
                    for one in json.loads(body)["objects"]
                ]
                self.send_json({"transfer": "basic", "objects": objects})
            elif path == "/api/models/my-lab/reviewer/commit/main":
                self._commit(body)
            else:
                self.send_json({"error": f"unknown {path}"}, 404)

        def _commit(self, body: bytes) -> None:
            import base64

            for line in body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    state.files[value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    state.files[value["path"]] = state.blobs[value["oid"]]
            url = f"{state.url}/my-lab/reviewer/commit/{'1' * 40}"
            self.send_json({"commitUrl": url, "commitOid": "1" * 40, "hookOutput": "", "success": True})

    state.url = loopback(Handler)
    return state


def push(hub: Hub | None, home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`bench train push` with huggingface_hub's own client, in a process whose Hub is on loopback."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",  # the other way to send weights needs a second service
        **({"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_loopback"} if hub is not None else {"HF_HUB_OFFLINE": "1"}),
    }
    code = "import sys; from bioreview_bench.cli.main import run; sys.exit(run(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, "train", "push", *map(str, arguments)],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_push_arrives_byte_by_byte_and_says_where(adapter: Path, hub: Hub, tmp_path: Path) -> None:
    (adapter / "README.md").write_text("# card")
    (adapter / "card.yaml").write_text("system_name: x")
    done = push(hub, tmp_path / "home", adapter.parent, "--repo", "my-lab/reviewer", "--private")
    assert done.returncode == 0, done.stderr
    assert f"{hub.url}/my-lab/reviewer/commit/" in done.stdout
    names = ("README.md", "card.yaml", "adapter_config.json", "adapter_model.safetensors", "training_summary.json")
    assert hub.files == {name: (adapter / name).read_bytes() for name in names}
    [created] = hub.created
    assert (created["name"], created["organization"]) == ("reviewer", "my-lab")
    assert created.get("private") is True or created.get("visibility") == "private"
    assert hashlib.sha256(b"weights" * 1000).hexdigest() in hub.blobs
    assert "hf_loopback" not in done.stdout + done.stderr


def test_a_hub_that_refuses_or_cannot_be_reached_is_said(adapter: Path, hub: Hub, tmp_path: Path) -> None:
    (adapter / "README.md").write_text("# card")
    command = (adapter, "--repo", "my-lab/reviewer")
    listed = push(None, tmp_path / "home", *command, "--dry-run")
    assert (listed.returncode, "Nothing was sent." in listed.stdout) == (0, True)
    hub.refuse = 403
    refused = push(hub, tmp_path / "home", *command)
    assert (refused.returncode, "refuses this account" in refused.stderr) == (5, True), refused.stderr
    offline = push(None, tmp_path / "home", *command)
    assert (offline.returncode, "Cannot upload to my-lab/reviewer" in offline.stderr) == (5, True), offline.stderr
    hub.refuse, hub.public = None, True
    public = push(hub, tmp_path / "home", *command, "--private")
    assert (public.returncode, "already exists, and is public" in public.stderr) == (2, True), public.stderr
    assert hub.files == {}
