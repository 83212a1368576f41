"""`bench train evaluate-qa`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options

if TYPE_CHECKING:
    from .evaluation.stored import Answer, Stored
    from .verifiers import QaReward

_FILE = click.Path(path_type=Path)
_DEFAULT_WEIGHTS = "V1=0.35,V2=0.30,V3=0.15,V4=0.20"


@click.command("evaluate-qa")
@click.argument("answers", nargs=-1, type=_FILE)
@click.option(
    "--baseline", metavar="MODEL", help="Generate: a model's folder or name in the Hub cache, without adapters."
)
@click.option("--adapters", multiple=True, metavar="DIR[,DIR]", help="Generate: an adapter on --baseline, or a chain.")
@click.option("--questions", type=_FILE, metavar="JSONL", help="Generate: what to ask, an eval.jsonl of qa-data.")
@click.option("--answers-out", type=_FILE, metavar="JSONL", help="Keep what was generated, to be scored again.")
@click.option("--weights", default=_DEFAULT_WEIGHTS, show_default=True, metavar="NAME=W,...", help="Of the verifiers.")
@click.option(
    "--v4-mode", type=click.Choice(["match_v1", "legacy"]), default="match_v1", show_default=True, help="How V4 scores."
)
@click.option(
    "--trained-on", multiple=True, type=_FILE, metavar="FILE", help="Count questions that stand in this file."
)
@click.option("--max-new-tokens", type=click.IntRange(1, 8192), default=256, show_default=True)
@click.option("--batch-size", type=click.IntRange(1, 512), default=8, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=42, show_default=True)
@click.option("--dtype", default="auto", show_default=True, metavar="NAME", help="auto, bfloat16, float16 or float32.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu or cuda.")
@click.option(
    "--chat-template",
    metavar="NAME|FILE",
    help="Default: as the adapters were trained, else the model's own. instruction, or a Jinja file.",
)
@click.option("--html", type=_FILE, metavar="FILE", help="Write a page with the reliability charts.")
@options.format_option("text", "markdown", "json")
@options.quiet_option
def evaluate_qa(
    answers: tuple[Path, ...],
    baseline: str | None,
    adapters: tuple[str, ...],
    questions: Path | None,
    answers_out: Path | None,
    weights: str,
    v4_mode: str,
    trained_on: tuple[Path, ...],
    html: Path | None,
    form: str,
    quiet: bool,
    **generation: Any,
) -> None:
    """Score stored ANSWERS (evaluation files with verdicts, with rewards, or rows of --answers-out), or generate
    answers with --baseline and --adapters and score them: accuracy, reward, ECE, Brier, over- and under-confidence.

    Verdicts are our own, in two readings: the expected words stand in the answer, or the answer asserts them. Rows
    where either differs from a stored verdict are listed with the reason.

    \b
    Examples:
      bench train evaluate-qa comparison_results.json --trained-on kmp_sft_final.json
      bench train evaluate-qa grpo_phase4_eval.json --html calibration.html
      bench train evaluate-qa --baseline models/base --adapters runs/sft --adapters runs/sft,runs/grpo \\
          --questions data/kmp/eval.jsonl --answers-out answers.jsonl

    Prompt and chat template are those that the adapters' training_summary.json records; another is an error. The
    baseline is asked alike.

    \b
    Exit codes: 0 done, 2 bad input or usage, 3 model unavailable, 6 cannot write.
    """
    from bioreview_bench.errors import InputError
    from bioreview_bench.files.atomic import check_writable, write_files

    from .evaluation.report import as_dict, blocks
    from .evaluation.scoring import score_systems, stated_differences, v1_alone
    from .items.holdout import contamination

    for path in (html, answers_out):
        if path is not None:
            check_writable(path)
    if bool(answers) == (baseline is not None):
        raise InputError("Name either stored answers, or a --baseline to generate with.", remedy="see --help")
    reward = _reward(weights, v4_mode)
    files = _read(answers) if answers else []
    held = [answer for file in files for answer in file.answers]
    if baseline is not None:
        held = _generated(baseline, adapters, questions, answers_out, options.Messages(quiet), generation)
    elif adapters or questions or answers_out:
        raise InputError("--adapters, --questions and --answers-out need a --baseline.", remedy="--baseline MODEL")
    scores = score_systems(held, reward)
    trained = [contamination((answer.question for answer in held), path) for path in trained_on]
    by_v1 = {
        score.system: v1_alone([answer for answer in held if answer.system == score.system])
        for score in scores
        if any("V1" in answer.components for answer in held if answer.system == score.system)
    }
    figures = {score.system: score.calibration for score in scores}
    stated = [
        f"{file.path.name}, {line}"
        for file in files
        if file.summary is not None
        for line in stated_differences(figures[file.answers[0].system], file.summary)
    ]
    shown = blocks(scores, trained, by_v1, stated)
    if html is not None:
        from .evaluation.report import page

        write_files({html: page("Answers and their calibration", scores, shown).encode()})
    if form == "json":
        click.echo(json.dumps(as_dict(scores, trained, by_v1, stated), ensure_ascii=False, allow_nan=False))
    elif form == "markdown":
        from bioreview_bench.report.markdown import to_markdown

        click.echo(to_markdown(shown), nl=False)
    else:
        from bioreview_bench.report.terminal import print_blocks

        print_blocks(shown, sys.stdout)


def _reward(weights: str, v4_mode: str) -> QaReward:
    from bioreview_bench.errors import InputError, printable

    from ..rewards.composer import RewardComposer
    from .verifiers import QaReward

    found: dict[str, float] = {}
    for part in weights.split(","):
        name, equals, value = part.strip().partition("=")
        try:
            if not equals or name in found:
                raise ValueError
            found[name] = float(value)
        except ValueError:
            raise InputError(
                f'"{printable(part)}" is no weight, or one of a second time.', remedy=f"--weights {_DEFAULT_WEIGHTS}"
            ) from None
    return QaReward(RewardComposer(found), v4_mode)


def _read(paths: tuple[Path, ...]) -> list[Stored]:
    """Files of answers. Raises InputError when two hold answers of one system: they would be scored as one."""
    from bioreview_bench.errors import InputError, printable

    from .evaluation.stored import read_answers

    files = [read_answers(path) for path in paths]
    owner: dict[str, Path] = {}
    for file in files:
        for system in dict.fromkeys(answer.system for answer in file.answers):
            if system in owner:
                raise InputError(
                    f"{owner[system]} and {file.path} both hold answers of {printable(system)}.",
                    remedy="score them one after the other",
                )
            owner[system] = file.path
    return files


def _generated(
    baseline: str,
    adapters: tuple[str, ...],
    questions: Path | None,
    answers_out: Path | None,
    messages: options.Messages,
    generation: dict[str, Any],
) -> list[Answer]:
    """Answers of every system. What was generated is kept after each system, so that an interruption loses one."""
    import tempfile

    from bioreview_bench.errors import InputError
    from bioreview_bench.files.atomic import write_files

    from .evaluation.generating import Generation, answer_rows, generate, settled_template, systems
    from .evaluation.stored import read_answers
    from .items.given import read_questions

    if questions is None:
        raise InputError("What is to be asked?", remedy="--questions eval.jsonl, as bench train qa-data writes it")
    rows = read_questions(questions)
    chosen = systems(adapters)
    template = settled_template(baseline, chosen, generation.pop("chat_template"))
    how = Generation(chat_template=template, **generation)

    def progress(system: str, done: int, total: int) -> None:
        if done in (0, total) or done % 64 < how.batch_size:
            messages.say(f"{system}: {done:,} of {total:,} answers")

    lines: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        path = answers_out or Path(scratch) / "answers.jsonl"
        for system in chosen:
            responses = generate(baseline, system, [row["question"] for row in rows], how, progress)
            lines += answer_rows(system.name, rows, responses)
            write_files({path: "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()})
        return list(read_answers(path).answers)
