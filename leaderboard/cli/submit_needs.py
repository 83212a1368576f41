"""What `bench submit` needs, looked for at once: the extra, the file, a card (begun where there is none), the data."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from bioreview_bench.cli import inputs
from bioreview_bench.cli.options import same_command
from bioreview_bench.errors import AbsentError, BenchError, InputError, Needs
from bioreview_bench.files.paths import cannot_read, check_path
from bioreview_bench.results.card import Card

from .options import require_leaderboard

_CARD = "card.yaml"


@dataclass(frozen=True)
class SubmittedFiles:
    """The files of a submission, both of them there."""

    predictions: Path
    card: Path


def gather_files(needs: Needs, given: str, card: Path | None, dry_run: bool) -> SubmittedFiles | None:
    """Predictions and card; None where `needs` holds what is missing. A card that is not there is begun."""
    with needs.gather():
        require_leaderboard()
    needs.trial = inputs.trial() if needs.parts else "bench submit demo:careful --to demo.sqlite"
    predictions = found = None
    with needs.gather():
        predictions = inputs.there(given)
    with needs.gather():
        found = _card(given, predictions, card, dry_run)
    return None if predictions is None or found is None else SubmittedFiles(predictions, found)


def gather_card(needs: Needs, card: Path) -> None:
    """What a card lacks, said together with what else is missing; alone, the check of the whole submission says it."""
    from ..intake.card_yaml import read_card

    try:
        _, problems = read_card(card.read_bytes())
    except OSError as error:
        needs.parts.insert(0, cannot_read(card, error))
        return
    if problems:
        needs.parts.insert(0, InputError(f"{card} is not complete.", problems=problems, remedy=f"edit {card}"))


def gather_data(needs: Needs, data: str, contracts: tuple[str, ...]) -> None:
    """Data and encoders of a board that is to be made now."""
    from bioreview_bench.contracts.contract import Contract
    from bioreview_bench.data.load import default_contract, locate

    with needs.gather():
        locate(data)
    for name in contracts or (default_contract(data),):
        with needs.gather():
            inputs.require_encoder(Contract.load(name), None)


def _card(given: str, predictions: Path | None, card: Path | None, dry_run: bool) -> Path:
    from bioreview_bench.data.load import bundled_data

    if card is not None:
        if not card.exists():
            begin = f"bench submit init -o {shlex.quote(str(card))}"
            raise AbsentError(f"There is no card {card}.", remedy=f"{begin}, or {check_path(card)}")
        return card
    if bundled_data(given) is not None:
        return Path(str(resources.files(__package__ or "").joinpath("demo-card.yaml")))
    plain = predictions is not None and (Path(given).is_dir() or Path(given).is_file())
    place = predictions.with_name(_CARD) if predictions is not None and plain else Path(_CARD)
    if place.exists():
        return place
    if predictions is None or dry_run:
        raise AbsentError(f"There is no card {place}.", remedy=f"bench submit init -o {shlex.quote(str(place))}")
    raise _begun(place, predictions)


def _begun(place: Path, predictions: Path) -> BenchError:
    """Write a card to fill in; the error that says so. Raises WriteError."""
    from bioreview_bench.files.atomic import write_files
    from bioreview_bench.results.run_manifest import run_of

    from .submit_init import draft

    said = run_of(predictions).said
    command = same_command("--card", str(place))
    text = draft(said, command=command, today=datetime.now(UTC).date())
    write_files({place: text.encode()})
    empty = [name for name, field in Card.model_fields.items() if field.is_required()]
    empty = [name for name in empty if re.search(rf"^{name}:\s*$", text, re.MULTILINE)]
    return AbsentError(
        f"There was no card, so {place} was created; fill in {', '.join(empty)}, and what was trained on.",
        remedy=f"edit {place}, then {command}",
    )
