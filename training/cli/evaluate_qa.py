"""`bench train evaluate-qa`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioreview_bench.cli import options

if TYPE_CHECKING:
    from ..qa.evaluation.stored import Stored

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
@click.option("--trained-on", multiple=True, type=_FILE, metavar="FILE", help="Count questions that are in this file.")
@click.option(
    "--max-new-tokens", type=click.IntRange(1, 8192), default=256, show_default=True, help="The longest answer."
)
@click.option(
    "--batch-size", type=click.IntRange(1, 512), default=8, show_default=True, help="Questions answered at once."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=42,
    show_default=True,
    help="Of what kernels draw; answers are greedy.",
)
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

    Verdicts are our own, in two readings: the expected words occur in the answer, or the answer asserts them. Rows
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

    from ..qa.evaluation.report import as_dict, blocks, page
    from ..qa.evaluation.scoring import evaluate
    from ..qa.evaluation.stored import read_answers
    from ..qa.verifiers import QaReward
    from ..rewards.composer import RewardComposer

    for path in (html, generation["answers_out"]):
        if path is not None:
            check_writable(path)
    if bool(answers) == (generation["baseline"] is not None):
        raise InputError("Name either stored answers, or a --baseline to generate with.", remedy="see --help")
    if answers and any(generation[name] for name in ("adapters", "questions", "answers_out")):
        raise InputError("--adapters, --questions and --answers-out need a --baseline.", remedy="--baseline MODEL")
    example = f"--weights {_DEFAULT_WEIGHTS}"
    reward = QaReward(RewardComposer(options.weights(weights, example)), v4_mode)
    files = [read_answers(path) for path in answers] if answers else [_generated(quiet=quiet, **generation)]
    evaluation = evaluate(files, reward, trained_on)
    shown = blocks(evaluation)
    if html is not None:
        write_files({html: page("Answers and their calibration", evaluation.scores, shown).encode()})
    if form == "json":
        options.show_json(as_dict(evaluation))
    elif form == "markdown":
        from bioreview_bench.report.blocks import to_markdown

        click.echo(to_markdown(shown), nl=False)
    else:
        from bioreview_bench.report.terminal import print_blocks

        print_blocks(shown, sys.stdout)


def _generated(
    baseline: str, adapters: tuple[str, ...], questions: Path | None, answers_out: Path | None, quiet: bool, **how: Any
) -> Stored:
    """Answers of every system. What was generated is kept after each system, so that an interruption loses one."""
    from bioreview_bench.errors import InputError
    from bioreview_bench.files.atomic import write_files

    from ..corpora.files import as_jsonl
    from ..qa.evaluation.generating import Generation, answer_rows, generate, recorded_template, systems
    from ..qa.evaluation.stored import Stored, own_answer
    from ..qa.items.given import read_questions

    if questions is None:
        raise InputError("What is to be asked?", remedy="--questions eval.jsonl, as bench train qa-data writes it")
    rows = read_questions(questions)
    chosen = systems(adapters)
    how["chat_template"] = recorded_template(baseline, chosen, how["chat_template"])
    lines: list[dict[str, Any]] = []
    for system in chosen:
        responses = generate(baseline, system, [row["question"] for row in rows], Generation(**how), quiet=quiet)
        lines += answer_rows(system.name, rows, responses)
        if answers_out is not None:
            write_files({answers_out: as_jsonl(lines)})
    return Stored(answers_out or questions, [own_answer(line, line["system"]) for line in lines])
