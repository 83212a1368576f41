"""What is said, by every command alike, of a path that is not there, of the wrong kind, empty or unreadable.

A command that takes a path and has no row here fails the last test.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bioreview_bench.cli.main import bench, run
from bioreview_bench.data.load import load_split

# The command with PATH in the place of the path, what should be there (a file with this ending, or a folder), and the
# exit code: 2 for files of a user's, 3 for encoders and models, 4 for articles.
COMMANDS = """
2 .jsonl       evaluate PATH --data demo
4 data         evaluate demo:careful --data PATH
2 .toml        evaluate demo:careful --contract PATH
3 folder       evaluate demo:careful --encoder-path PATH
2 .toml        evaluate demo:careful --contract judge:openai:x --prices PATH
2 .jsonl       validate PATH --data demo
4 data         validate demo:careful --data PATH
2 .result.json report PATH
2 .jsonl       report ok.result.json --predictions PATH
4 data         report ok.result.json --predictions demo:careful --data PATH
2 .result.json compare ok.result.json PATH
2 .jsonl       compare ok.result.json ok2.result.json --html x.html --predictions PATH --predictions demo:careful
2 .result.json stability PATH ok.result.json
2 .result.json diagnose PATH
4 data         controls --data PATH
2 .toml        controls --data demo --contract PATH
3 folder       controls --data demo --contract demo --encoder-path PATH
4 data         audit PATH
4 data         audit demo --against PATH
4 data         calibrate --data PATH --explore
2 .toml        calibrate --data demo --explore --contract PATH
2 .jsonl       calibrate --data demo -o c.toml --name x --contract jaccard --near-misses PATH
2 .jsonl       calibrate --data demo -o c.toml --name x --contract jaccard --paraphrases PATH
2 .jsonl       calibrate --data demo -o c.toml --name x --contract jaccard --also PATH
2 .jsonl       contract audit jaccard --judgements PATH --data demo
4 data         contract audit jaccard --judgements J.jsonl --data PATH
2 .jsonl       contract audit jaccard --judgements J.jsonl --data demo --corpus PATH
2 .toml        contract list PATH
2 .toml        contract show PATH
4 folder       data verify --data v3=PATH
4 data         data info --data PATH
4 data         data stats PATH
2 .toml        data stats demo --contract PATH
4 data         data lint PATH
4 data         data audit PATH
4 data         data audit demo --against PATH
4 data         data split PATH -o new --ratio .7,.1,.2
2 .json        data split demo -o new --frozen-test PATH
4 folder       data export PATH -o new
4 folder       data public PATH -o new
4 folder       data push PATH --repo a/b
4 imported     data import peerread PATH -o new
4 .xml         data parse PATH -o new.jsonl
4 data         data extract PATH -o new.jsonl
2 .toml        data extract letters.jsonl -o new.jsonl --with openai:x --prices PATH
4 data         data annotate create PATH -o pack
2 .jsonl       data annotate create demo -o pack --predictions PATH
4 folder       data annotate serve PATH
4 folder       data annotate summarize PATH
3 folder       encoder check specter2 --encoder-path PATH
4 data         encoder export-references PATH -o x.safetensors --contract demo
2 .safetensors encoder import-references PATH --data demo --contract demo
4 folder       config set data PATH
2 .toml        config set contract PATH
2 .toml        data annotate create demo -o pack --predictions demo:careful --contract PATH
2 folder       baseline reparse PATH
2 folder       baseline retry PATH
2 folder       baseline status PATH
2 .jsonl       ensemble PATH demo:careful -o ensemble/out.jsonl
2 .jsonl       postprocess PATH -o post/out.jsonl --dedup exact
4 data         leaderboard init --db new.sqlite --data PATH
2 .toml        leaderboard init --db new.sqlite --data demo --contract PATH
2 .sqlite      leaderboard worker --db PATH
2 .sqlite      leaderboard user list --db PATH
2 .sqlite      leaderboard build site --db PATH
2 .sqlite      leaderboard export x.zip --db PATH
2 .zip         leaderboard import PATH --db new.sqlite
2 .sqlite      leaderboard backup x --db PATH
2 .sqlite      leaderboard upgrade --db PATH
2 .sqlite      leaderboard settings --db PATH
2 .sqlite      leaderboard rescore --all --db PATH
2 .sqlite      leaderboard disqualify 1 --reason x --db PATH
2 .sqlite      leaderboard eval-results --benchmark -o x --db PATH
2 .sqlite      leaderboard serve --db PATH
2 .txt         review PATH --with openai:x
2 .txt         review paper.txt --with openai:x --reviews PATH
2 .toml        review paper.txt --with openai:x --prices PATH
2 .toml        review paper.txt --with openai:x --prompt PATH
2 either       submit init PATH -o new-card.yaml
2 .sqlite      submit status 1 --to PATH
2 .txt         submit status 1 --to http://127.0.0.1:1 --token-file PATH
4 data         train corpus --data PATH --recipe A --out o
2 .yaml        train corpus --data demo --recipe PATH --out o
2 .txt         train corpus --data demo --recipe A --out o --held-out PATH
2 .toml        train corpus --data demo --recipe A --out o --prompt PATH
2 .json        train qa-data -o o --pairs PATH
2 .txt         train slurm --array PATH --out j.sh -- bench train sft x
4 data         leaderboard serve --db new.sqlite --data PATH
2 .yaml        train config show PATH
2 .yaml        train config copy PATH new.yaml
2 .yaml        train sft PATH --out r
2 .yaml        train dpo PATH --out r
2 .yaml        train grpo PATH --out r
2 folder       train probe PATH --data demo
2 folder       train sweep collect PATH
3 folder       train generate --model ./PATH --data demo --out o
3 folder       train merge --adapter ./PATH --out o
2 folder       train card PATH --organisation o --contact c@x.y
2 folder       train push PATH --repo a/b
2 .csv         train qa-data -o o --gsea PATH
2 .json        train qa-data -o o --sft PATH
2 .jsonl       train evaluate-qa PATH
2 .jsonl       train evaluate-qa --baseline m --answers-out a.jsonl --questions PATH
"""
ROWS = [(int(code), kind, line) for code, kind, line in (row.split(None, 2) for row in COMMANDS.strip().splitlines())]

# A finding of its own; a file of articles has no splits to release.
OTHER_CODE = {"data lint PATH": 2, "data export PATH -o new": 2, "data public PATH -o new": 2}
UNREADABLE = Path("/proc/self/mem")
MISSING = re.compile(r'There is no (board in |[a-z ]*)"?[\w./]*PATH')
FOLDER = re.compile(r"PATH is (a folder|not a|empty)|PATH (has|contains) no |No article was found in PATH|PATH/")
A_FILE = re.compile(
    r"PATH is (a file|empty|not|neither)|PATH:? (has|contains|names|lacks) no|no board in PATH|PATH: |(in|of) PATH"
    r"|these articles are all"
)
WRITTEN = {"output", "out", "html", "chart", "answers_out"}  # written, not read
# Options that many commands share and that one of them is tried with above; their values go to one reader.
SHARED = {"prices", "encoder_path", "contract_name", "contract", "contracts", "db", "token_file", "data", "prompt"}
# What is read after a model, an adapter, a run or a board that a test of paths has none of.
LATER = {"adapters", "folder", "board", "add_contract", "chat_template", "evaluation_path", "result_path", "human"}
LATER |= {"ids", "files", "tests", "train_only", "corpus", "predictions", "keep_out", "venv", "trained_on", "file"}
METAVARS = {"DATA", "FILE", "NAME|FILE", "FOLDER", "DIR", "RUN", "PATH", "ID|FILE", "CONFIG", "FILE|URL"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("named")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("BIOREVIEW_CACHE", str(folder / "cache"))
        assert (
            run(
                ["evaluate", "demo:careful", "--contract", "jaccard", "--draws", "0", "--quiet", "-o", "ok.result.json"]
            )
            == 0
        )
        shutil.copy("ok.result.json", "ok2.result.json")
        Path("J.jsonl").write_text(judged())
        Path("paper.txt").write_text("Methods\n\nMice were counted. " * 50)
        letter = '{"id": "a:1", "source": "a", "decision_letter_raw": "1. There is no control group at all."}\n'
        Path("letters.jsonl").write_text(letter)
        yield folder


def judged() -> str:
    """A row of judged pairs about an article of the demo data."""
    article = load_split("demo", "test")[0]
    row = {"article_id": article.id, "text": article.concerns[0].text}
    return json.dumps({**row, "labels": {"ann": {article.concerns[0].concern_id: "same"}}}) + "\n"


def said(line: str, path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = run(line.replace("PATH", path.name).split())
    text = capsys.readouterr().err
    return code, text.replace(f"{path.absolute().parent}/", "").replace(path.name, "PATH")


def every(rows: list[tuple[int, str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("code", "kind", "line"), rows, ids=[line for _, _, line in rows])


WANT_SOMETHING = [row for row in ROWS if row[1] != "either"]  # predictions and the folder of a run may be empty
READ_HERE = [row for row in ROWS if row[1].startswith(".") and row[1] not in (".sqlite", ".zip")]  # not by a library


@pytest.mark.usefixtures("place")
class TestAPath:
    @every(ROWS)
    def test_that_is_not_there(self, code: int, kind: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
        found, text = said(line, Path(f"quite-absent{ending(kind)}"), capsys)
        assert (found, bool(MISSING.search(text)), "Next: " in text) == (code, True, True), text

    @every(WANT_SOMETHING)
    def test_that_is_an_empty_folder(self, code: int, kind: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
        folder = Path(f"an-empty-folder{ending(kind)}")
        folder.mkdir(exist_ok=True)
        found, text = said(line, folder, capsys)
        assert (found, bool(FOLDER.search(text)), "Next: " in text) == (code, True, True), text

    @every(WANT_SOMETHING)
    def test_that_is_an_empty_file(self, code: int, kind: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
        file = Path(f"an-empty-file{ending(kind)}")
        file.touch(mode=0o600)
        found, text = said(line, file, capsys)
        assert (found, bool(A_FILE.search(text) or not text)) == (OTHER_CODE.get(line, code), True), text

    @every(READ_HERE)
    @pytest.mark.skipif(not UNREADABLE.exists(), reason="no file that cannot be read, whoever asks (Linux)")
    def test_that_cannot_be_read(self, code: int, kind: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
        file = Path(f"unreadable{ending(kind)}")
        file.unlink(missing_ok=True)
        file.symlink_to(UNREADABLE)
        found, text = said(line, file, capsys)
        assert (found, "Cannot read PATH: " in text) == (code, True), text


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("line", [line for _, kind, line in ROWS if kind in (".result.json", "data")])
def test_bundled_predictions_in_place_of_a_result_or_of_data(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(line.replace("PATH", "demo:careful").split()) in (2, 4)
    text = capsys.readouterr().err
    wanted = "data" if ("data", line) in {(kind, row) for _, kind, row in ROWS} else "a result"
    assert f"demo:careful names predictions, not {wanted}." in text
    assert ("name their data: demo" if wanted == "data" else "bench evaluate demo:careful -o ") in text


def test_no_parameter_that_takes_a_path_is_left_out() -> None:
    covered = {(command, parameter) for _, _, line in ROWS for command, parameter in [place_of(line)]}
    tried = {parameter for _, parameter in covered}
    takes = {
        (" ".join(path), parameter.name)
        for path, command in commands(bench, click.Context(bench, info_name="bench"))
        for parameter in command.params
        if parameter.name not in WRITTEN | LATER
        and not (isinstance(parameter, click.Option) and parameter.name in SHARED & tried)
        and (isinstance(parameter.type, click.Path) or parameter.metavar in METAVARS)
    }
    assert sorted(takes - covered) == []


def commands(
    command: click.Command, context: click.Context, *path: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from commands(inner, click.Context(inner, info_name=name, parent=context), *path, name)


def place_of(line: str) -> tuple[str, str]:
    """(command, name of the parameter that has PATH)."""
    words, path, command = line.split(), [], bench
    context = click.Context(bench, info_name="bench")
    while isinstance(command, click.Group):
        path.append(words.pop(0))
        command = command.get_command(context, path[-1])
        context = click.Context(command, info_name=path[-1], parent=context)
    values, _, _ = command.make_parser(context).parse_args(words)
    named = next(name for name, value in values.items() if "PATH" in str(value))
    return " ".join(path), named


def ending(kind: str) -> str:
    return kind if kind.startswith(".") else ""
