"""Write bioreview_bench/data/released/known: twelve invented papers, and six reviewers with known answers.

    python benchmarks/scoring/known_reviewers.py CORPUS FOLDER
    python benchmarks/scoring/known_reviewers.py ../shared/data/matching/invented_demo.jsonl \\
        bioreview_bench/data/released/known

CORPUS holds papers with restatements, near misses and the like of each concern. The same corpus gives the same bytes.
Categories and severities were assigned by reading each concern; the corpus has none.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

FIRST_ID = 900501  # the demo's articles end below it

_CATEGORIES = {
    "D": "design_flaw",
    "S": "statistical_methodology",
    "E": "missing_experiment",
    "P": "prior_art_novelty",
    "W": "writing_clarity",
    "R": "reagent_method_specificity",
    "I": "interpretation",
    "O": "other",
}
_SEVERITIES = {"+": "major", "-": "minor", "?": "optional"}
# Of each paper's eight concerns, in order.
_LABELS = {
    "n1-01": "D+ D+ S+ I+ I+ E- P- R-",
    "n1-02": "D+ S+ E+ I- S+ D+ E- O-",
    "n1-10": "E+ R+ E+ E- R+ D+ E- P-",
    "n2-05": "D+ D+ I+ E+ S- S+ I+ W-",
    "n2-14": "D+ I+ I+ D- D- D- R- O+",
    "n2-15": "R+ I+ D- I- S+ R- R+ P?",
    "n3-02": "I+ D+ S+ E+ E+ D+ E- R-",
    "n3-09": "D+ S+ I- E+ E- P- R- R-",
    "n3-16": "S+ D+ E+ S- I+ D- E+ R-",
    "n4-09": "I+ S+ E+ R- D- D- W- O+",
    "n4-10": "I+ S+ R+ S- D+ D- E- W?",
    "n4-12": "D+ I+ S+ D+ R- E- S+ I-",
}


def article(number: int, paper: dict[str, Any]) -> dict[str, Any]:
    """The paper as an article, reviewed by two people with four concerns each."""
    article_id = f"elife:{number}"
    labels = _LABELS[paper["paper"]].split()
    concerns = []
    for place, (concern, label) in enumerate(zip(paper["concerns"], labels, strict=True)):
        reviewer = 1 + place // 4
        concerns.append(
            {
                "concern_id": f"{article_id}:R{reviewer}C{1 + place % 4}",
                "concern_text": concern["reference"],
                "category": _CATEGORIES[label[0]],
                "severity": _SEVERITIES[label[1]],
                "reviewer_num": reviewer,
            }
        )
    return {
        "id": article_id,
        "source": "elife",
        "doi": f"10.7554/eLife.{number}",
        "title": paper["title"],
        "abstract": " ".join(paper["sentences"]),
        "subjects": [paper["field"]],
        "review_format": "journal",
        "license": "CC0-1.0",
        "schema_version": "1.1",
        "concerns": concerns,
    }


def reviews(paper: dict[str, Any], ids: list[str]) -> dict[str, list[dict[str, str]]]:
    """What each reviewer says of a paper whose concerns have these ids.

    `makes` names the concern whose point a text makes; a text without it makes no reviewer's point.
    """
    concerns = paper["concerns"]
    restated = [{"text": c["restated"][0], "makes": i} for c, i in zip(concerns, ids, strict=True)]
    stock = [{"text": concern["stock"][0]} for concern in concerns]
    return {
        "restated": restated,
        "hurried": [{"text": c["hurried"][0], "makes": i} for c, i in zip(concerns, ids, strict=True)],
        "half": [stock[place] if place % 2 else restated[place] for place in range(len(concerns))],
        "near_miss": [{"text": concern["near_miss"][0]} for concern in concerns],
        "other_place": [{"text": concern["other_place"][0]} for concern in concerns],
        "copying": [{"text": sentence} for sentence in paper["sentences"]],
    }


def files(corpus: Path) -> dict[str, str]:
    """Every file of the data set: its path in the folder, and its content."""
    papers = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    articles = [article(FIRST_ID + place, paper) for place, paper in enumerate(papers)]
    rows: dict[str, list[dict[str, Any]]] = {"test.jsonl": articles}
    for made, paper in zip(articles, papers, strict=True):
        written = reviews(paper, [concern["concern_id"] for concern in made["concerns"]])
        for name, concerns in written.items():
            row = {"article_id": made["id"], "status": "ok", "concerns": concerns}
            rows.setdefault(f"predictions/{name}.jsonl", []).append(row)
    return {
        name: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in listed) for name, listed in rows.items()
    }


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    for name, content in files(given.corpus).items():
        path = given.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
