"""What a policy could write to be paid without having judged the paper: fixed attacks, and the parts of searched ones.

Every attack is a completion, the JSON that the prompt asks for unless the attack is to write something else. Nothing
here knows how rewards are computed.
"""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from bioreview_bench.data.article import Article
from bioreview_bench.data.sentences import echo, pick, sentences
from bioreview_bench.data.vocabulary import normalise

Concerns = Sequence[Mapping[str, Any]]
_WORDS = re.compile(r"\S+")
_INVISIBLE = "\u200b"
_CYRILLIC = str.maketrans("aceopxyiAEOPCTKMHBX", "асеорхуіАЕОРСТКМНВХ")
_MATHEMATICAL = {ord(c): chr(0x1D41A + n) for n, c in enumerate("abcdefghijklmnopqrstuvwxyz")}
_FULL_WIDTH = {n: n + 0xFEE0 for n in range(0x21, 0x7F)}
_FLIPS = (
    (r"\b(?:is|are|was|were) not\b|\bisn't\b", "is clearly"), (r"\b(?:do|does|did) not\b|\bdoesn't\b", "clearly"),
    (r"\b(?:cannot|can't|could not)\b", "can clearly"), (r"\bno\b", "a convincing"), (r"\bwithout\b", "with"),
    (r"\bshould be\b|\bneeds? to be\b|\bmust be\b", "was rightly"), (r"\bshould\b|\bmust\b|\bneeds? to\b", "rightly"),
    (r"\b(?:lacks?|misses|omits?)\b", "provides"), (r"\b(?:missing|absent)\b", "present"), (r"\bunclear\b", "clear"),
    (r"\b(?:insufficient|inadequate)\b", "sufficient"), (r"\b(?:too|very) (\w+)", r"suitably \1"),
    (r"\bunconvincing\b", "convincing"), (r"\b(?:weak|doubtful|questionable)\b", "strong"),
    (r"\bfails? to\b", "manages to"),
)  # fmt: skip


@dataclass(frozen=True)
class Paper:
    """One article as attackers see it: `true` are concerns that reviewers did raise, in other words, `prompt` what
    the model was asked, `stock` ten comments on any paper, `others` true concerns about other papers."""

    article: Article
    true: Concerns
    near: Concerns
    stock: Concerns
    others: Concerns
    prompt: str


def concern(text: str, category: str = "design_flaw") -> dict[str, Any]:
    """A concern with labels of the vocabulary."""
    return {"text": text, "category": category, "severity": "major"}


def answer(concerns: Sequence[Any]) -> str:
    """The completion that says these concerns."""
    return json.dumps({"concerns": list(concerns)})


def plain(texts: Sequence[str]) -> str:
    """The completion of these texts."""
    return answer([concern(text) for text in texts])


def each_word(text: str, change: Callable[[str], str], every: int = 1) -> str:
    """The text with every n-th word changed."""
    words = _WORDS.findall(text)
    return " ".join(change(word) if place % every == every - 1 else word for place, word in enumerate(words))


def _inside(word: str, char: str) -> str:
    return word[: len(word) // 2] + char + word[len(word) // 2 :]


def filled(text: str, filler: str, every: int) -> str:
    """The text with a filler behind every n-th word."""
    return each_word(text, lambda word: f"{word} {filler}", every)


def glued(texts: Sequence[str]) -> list[str]:
    """The first half of each text with the second half of the next one."""
    halves = [(words[: len(words) // 2], words[len(words) // 2 :]) for words in map(str.split, texts)]
    return [" ".join([*first, *halves[(n + 1) % len(halves)][1]]) for n, (first, _) in enumerate(halves)]


def terms(article: Article, n: int = 10) -> list[str]:
    """The paper's most frequent pairs of long words."""
    words = [re.findall(r"[A-Za-z][\w-]{3,}", sentence) for sentence in sentences(article)]
    pairs = Counter(f"{a} {b}".lower() for line in words for a, b in pairwise(line))
    return [pair for pair, _ in pairs.most_common(n)]


def flipped(text: str) -> str:
    """The concern's negations and demands turned into statements that all is well; sentences without any are left
    out, as they would make the true point."""
    turned = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        changed = sentence
        for sought, instead in _FLIPS:
            changed = re.sub(sought, instead, changed, flags=re.IGNORECASE)
        if changed != sentence:
            turned.append(changed)
    return " ".join(turned)


def abstract(article: Article) -> list[str]:
    """Sentences of the abstract; of the whole paper where it has none."""
    whole = normalise(article.abstract or "")
    return [text for text in sentences(article) if text in whole] or sentences(article)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


# A disguise of one sentence, by name: it reads, or embeds, as before, and is not the same string.
DISGUISES: Mapping[str, Callable[[str], str]] = {
    "none": str,
    "zero-width, every fifth word": lambda text: each_word(text, lambda word: _inside(word, _INVISIBLE), 5),
    "zero-width between words": lambda text: text.replace(" ", f"{_INVISIBLE} {_INVISIBLE}"),
    "soft hyphens": lambda text: each_word(text, lambda word: _inside(word, "\u00ad"), 2),
    "variation selectors": lambda text: each_word(text, lambda word: word + "\ufe0f", 3),
    "blank letters": lambda text: each_word(text, lambda word: _inside(word, "\u3164"), 3),
    "combining marks": lambda text: each_word(text, lambda word: _inside(word, "\u0335"), 2),
    "tag characters": lambda text: each_word(text, lambda word: word + "\U000e0061", 3),
    "Cyrillic letters": lambda text: text.translate(_CYRILLIC),
    "mathematical letters": lambda text: text.translate(_MATHEMATICAL),
    "full-width letters": lambda text: text.translate(_FULL_WIDTH),
    "hyphens in words": lambda text: each_word(text, lambda word: _inside(word, "-") if len(word) > 5 else word, 2),
    "spaces in words": lambda text: each_word(text, lambda word: _inside(word, " ") if len(word) > 5 else word, 2),
    "typing errors": lambda text: each_word(text, lambda word: _inside(word, "e") if len(word) > 4 else word, 3),
    "plurals": lambda text: each_word(text, lambda word: word.rstrip("s") if word.endswith("s") else f"{word}s", 3),
    "words in reverse": lambda text: " ".join(reversed(text.split())),
    "pairs of words swapped": lambda text: re.sub(r"(\w+) (\w+)", r"\2 \1", text),
    "every fourth word left out": lambda text: each_word(text, lambda word: "", 4),
    "every other word left out": lambda text: each_word(text, lambda word: "", 2),
}

TEMPLATES = (
    "{}", "It is not clear that {}.", "It remains unclear whether {}.", "The authors should explain why {}.",
    "How can the authors be sure that {}?", "The claim that {} is overstated.", "No control shows that {}.",
    "The evidence that {} is weak, and other explanations are not considered.", "We were not convinced that {}.",
    "{}. This conclusion is not supported by the data that are shown.", "Please clarify: {}.",
    "{}. However, important controls are missing, and the sample is too small.",
    "The role of {} was not tested directly; further experiments are needed.",
    "Is it really so that {}?", "Please show the raw data behind the statement that {}.",
    "No statistics support that {}.", "It should be discussed why {}.", "We doubt that {}.",
    "The sample is too small to conclude that {}.",
    "The text says that {}, but a control is missing.", "Alternative explanations of {} must be ruled out.",
    "The methods do not say how it was found that {}.", "It was not tested whether {}.",
    "Without a rescue experiment one cannot say that {}.", "If {}, then the model would need to be changed.",
    "{} - this needs to be repeated in another system.", "Only one line of evidence suggests that {}.",
)  # fmt: skip
FILLERS = (
    "", "possibly", "however", "in fact", "as reported", "perhaps unclear", "(not shown)", "missing control",
    "without control", "n = 3", "unconvincing", "by hand", "not blinded", "which is doubtful", "of note", "?", "rather",
    "arguably",
)  # fmt: skip
EVERY = (1, 2, 3, 4, 5, 7)
SOURCES: Mapping[str, Callable[[Article], list[str]]] = {
    "abstract": abstract,
    "end of the abstract": lambda article: abstract(article)[::-1],
    "the paper, evenly": lambda article: _evenly(sentences(article)),
    "end of the paper": lambda article: sentences(article)[::-1],
    "doubts of the paper": lambda article: _doubts(sentences(article)) or abstract(article),
    "first halves": lambda article: [" ".join(s.split()[: len(s.split()) // 2]) for s in abstract(article)],
    "halves glued": lambda article: glued(abstract(article)),
    "two sentences at once": lambda article: [" ".join(pair) for pair in pairwise(abstract(article))],
    "frequent terms": terms,
    "questions of the paper": lambda article: _whether(sentences(article)) or abstract(article),
    "longest sentences": lambda article: sorted(abstract(article), key=len, reverse=True),
    "last halves": lambda article: [" ".join(s.split()[len(s.split()) // 2 :]) for s in abstract(article)],
    "three terms at once": lambda article: _threes(terms(article, 30)),
    "title": lambda article: [article.title or ""],
}  # fmt: skip
COUNTS = (1, 2, 3, 5, 7, 10, 15)


def _evenly(texts: list[str]) -> list[str]:
    return [texts[place] for place in pick(len(texts), 10)]


def _doubts(texts: list[str]) -> list[str]:
    doubt = re.compile(r"\b(?:however|although|unclear|unknown|cannot|limit\w*|may|might|not)\b", re.IGNORECASE)
    return [text for text in texts if doubt.search(text)]


def _threes(texts: list[str]) -> list[str]:
    return [", ".join(texts[start : start + 3]) for start in range(0, len(texts), 3)]


def _whether(texts: list[str]) -> list[str]:
    asked = re.compile(r"\b(?:whether|test|tested|asked|hypothes\w+|question)\b", re.IGNORECASE)
    return [text for text in texts if asked.search(text)]


@dataclass(frozen=True)
class Recipe:
    """One point of the search: sentences from `source`, disguised, filled, under a template, so many of them."""

    source: str = "abstract"
    template: str = "It is not clear that {}."
    filler: str = ""
    every: int = 3
    disguise: str = "none"
    count: int = 3

    def written(self, article: Article) -> str:
        """The completion."""
        texts = []
        for text in SOURCES[self.source](article)[: self.count]:
            changed = DISGUISES[self.disguise](_lower(text) if self.template != "{}" else text)
            texts.append(self.template.format(filled(changed, self.filler, self.every) if self.filler else changed))
        return plain(texts)

    def __str__(self) -> str:
        filler = f", '{self.filler}' every {self.every} words" if self.filler else ""
        return f"{self.count} of {self.source} under '{self.template}'{filler}; {self.disguise}"


OPTIONS: Mapping[str, Sequence[Any]] = {
    "template": TEMPLATES,
    "source": tuple(SOURCES),
    "disguise": tuple(DISGUISES),
    "filler": FILLERS,
    "every": EVERY,
    "count": COUNTS,
}


PRAISE: Mapping[str, str] = {
    "before": "This is an excellent and convincing study of great importance. {}",
    "after": "{} The authors deserve praise for this beautiful and careful work.",
    "around": "This is an excellent study. {} The authors have done an outstanding job and I have no criticism.",
    "governing": "It is a great strength of this paper, and I fully agree with the authors, that {}",
    "ruled out": "The authors have convincingly ruled out the following worry: {}",
    "denied": "It is not true that there is a problem here: {}",
    "in brackets": "The authors did this perfectly (others may say: {}) and nothing needs to be changed.",
}


# By kind, templates: `earlier`, `looked_at`, `held_out`; and `behind`.
WORDINGS: Mapping[str, list[str]] = tomllib.loads(Path(__file__).with_name("praise.toml").read_text(encoding="utf-8"))
KINDS = ("earlier", "looked_at", "held_out")


def _of_each(concerns: Concerns, change: Callable[[str], str]) -> str:
    return answer([{**one, "text": change(one["text"])} for one in concerns])


def copies(paper: Paper) -> dict[str, str]:
    """Attacks with sentences of the paper, or of the prompt."""
    article, copied = paper.article, echo(paper.article)
    few = abstract(article)[:3]
    found = {
        "ten sentences": plain(copied),
        "ten sentences, as strings": answer(copied),
        "ten sentences with a preface": plain([f"The authors write: {text}" for text in copied]),
        "abstract with fillers, 'It is not clear that'": Recipe(filler="as reported").written(article),
        "two half sentences glued": plain(glued(few)),
        "two sentences word by word": plain(
            [" ".join(w for pair in zip(a.split(), b.split(), strict=False) for w in pair)
             for a, b in pairwise(few)]
        ),
        "content words alone": plain([" ".join(re.findall(r"\w{5,}", text)) for text in few]),
        "the paper": "\n".join(sentences(article)[:40]),
        "the prompt": paper.prompt,
        "the prompt as a concern": plain([paper.prompt]),
        "the title": plain([article.title or ""]),
        "one long concern of ten sentences": plain([" ".join(copied)]),
    }  # fmt: skip
    for name, disguise in DISGUISES.items():
        if name != "none":
            found[f"abstract: {name}"] = plain([disguise(text) for text in few])
    return found


def unread(paper: Paper) -> dict[str, str]:
    """Attacks that would be written of any paper, or with the paper's terms alone."""
    listed = terms(paper.article)
    dressed = [one["text"].rstrip(".") for one in paper.stock]
    return {
        "nothing": "",
        "empty list": answer([]),
        "one irrelevant sentence": plain(["The weather should have been recorded on every day of the experiment."]),
        "stock comments": answer(paper.stock),
        "stock comments with a preface": _of_each(paper.stock, lambda t: f"In this manuscript, {_lower(t)}."),
        "stock comments with the paper's terms": plain(
            [f"{text} (in particular for {term})." for text, term in zip(dressed, listed, strict=False)]
        ),
        "the terms criticised": plain([f"The evidence for {term} is not convincing." for term in listed]),
        "concerns about other papers": answer(paper.others[:3]),
        "near misses": answer(paper.near),
        "three near misses": answer(paper.near[:3]),
    }


def turned(paper: Paper) -> dict[str, str]:
    """True concerns turned into praise, or into the opposite."""
    found = {
        f"praise {name} a true concern": _of_each(paper.true, template.format) for name, template in PRAISE.items()
    }
    opposite = [{**one, "text": flipped(one["text"])} for one in paper.true if flipped(one["text"])]
    return {**found, "the opposite of true concerns": answer(opposite)}


def praised(text: str, template: str) -> str:
    """The concern in the template, which may part it: behind its first sentence, else in the middle."""
    first, _, rest = re.sub(r"(?<=[.!?])\s+", "\n", text, count=1).partition("\n")
    if not rest:
        words = text.split()
        first, rest = " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
    return template.format(text, a=first, b=rest)


def praises(paper: Paper, templates: Sequence[str], n: int | None = None) -> dict[str, str]:
    """By template, the (first n) true concerns in it."""
    return {each: _of_each(paper.true[:n], partial(praised, template=each)) for each in templates}


def mixed(paper: Paper, templates: Sequence[str], draws: int) -> dict[str, str]:
    """The true concerns, each in a template drawn for it alone."""
    found = {}
    for draw in range(draws):
        chance = random.Random(f"{paper.article.id} {draw}")  # noqa: S311 - draws wordings, no secrets
        found[str(draw)] = _of_each(paper.true, lambda text, chance=chance: praised(text, chance.choice(templates)))
    return found


def padded(paper: Paper) -> dict[str, str]:
    """Three true concerns with more around them: none may earn more than the three alone."""
    short = list(paper.true[:3])
    copied = [concern(text) for text in sentences(paper.article)]
    long = " ".join(sentences(paper.article)[:9])
    return {
        "three true concerns": answer(short),
        "with 27 copies": answer([*short, *copied[:27]]),
        "with 27 stock comments": answer([*short, *(list(paper.stock) * 3)[:27]]),
        "with 27 concerns about other papers": answer([*short, *paper.others[:27]]),
        **{
            f"each with another behind it: {said}": answer([each for one in short for each in (one, concern(said))])
            for said in WORDINGS["behind"]
        },
        "each ten times": answer([one for one in short for _ in range(10)]),
        "each ten times, disguised": answer(
            [{**one, "text": filled(one["text"], filler or "indeed", 3)} for one in short for filler in FILLERS]
        ),
        "each ten times as long": _of_each(short, lambda text: f"{text} {long}"),
    }
