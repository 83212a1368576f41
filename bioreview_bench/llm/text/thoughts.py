"""What a model wrote before its answer: thoughts, channels and end markers are cut off, each by its own table.

Only what stands before the answer is cut: from the first bracket of JSON on, tags are part of the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .sections import kind_of

# Names that families of models give to their thoughts; a namespace may stand before them (<seed:think>).
_NAMES = (
    r"(?:anti?)?think(?:ing)?|thoughts?|thought[_ ]process|reason(?:ing)?|reasoning[_ ]engine|reflection|analysis|"
    r"scratch[_ ]?pad|inner[_ ]monologue|longcat_think|antthinking|rationale|deliberation|plan(?:ning)?|draft|notes?"
)
_NAME = rf"(?:[\w.-]{{1,20}}:)?(?:{_NAMES})"
# (what opens, what closes): tags in the brackets that are in use, then forms of single families.
_FAMILIES = (
    (rf"<{_NAME}(?:\s[^<>]{{0,200}})?>", rf"</{_NAME}\s*>"),
    (r"\[(?:THINK(?:ING)?|THOUGHTS?|REASONING)\]", r"\[/(?:THINK(?:ING)?|THOUGHTS?|REASONING)\]"),
    (rf"◁{_NAME}▷", rf"◁/{_NAME}▷"),
    (rf"<\|{_NAME}\|>", rf"<\|/{_NAME}\|>"),
    (rf"<\|?(?:begin_of_|start_of_|start_)(?:{_NAMES})\|?>", rf"<\|?(?:end_of_|end_)(?:{_NAMES})\|?>"),
    (rf"<\|?(?:{_NAMES})_(?:start|begin)\|?>", rf"<\|?(?:{_NAMES})_end\|?>"),
    (rf"<\|channel>\s*(?:{_NAMES})\b", r"<channel\|>"),
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    (r"<unused94>\s*thought\b", r"<unused95>"),
    (r"<details\s+type=.reasoning.[^<>]{0,200}>", r"</details>"),
    (r"```(?:think(?:ing)?|thoughts?|reasoning|scratchpad)[ \t]*\n", r"\n```"),
    (r"Thinking\.\.\.[ \t]*\n", r"\.\.\.done thinking\."),
)
_OPENS = re.compile("|".join(f"(?P<o{n}>{opens})" for n, (opens, _) in enumerate(_FAMILIES)), re.IGNORECASE)
_CLOSES = re.compile("|".join(f"(?:{closes})" for _, closes in _FAMILIES[:9]), re.IGNORECASE)
_CLOSE_OF = tuple(re.compile(closes, re.IGNORECASE) for _, closes in _FAMILIES)
_JSON = re.compile(r"[\[{]\s*(?:[\"'“”‘\[{\]}]|\w+\s*:\s*[\"'\[{])")

# Channels: only what stands in the last answer channel was said.
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,100}(?:<\|message\|>)?")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_ANSWERS = ("final", "answer", "response")
_BARE_CHANNEL = re.compile(r"\s*(?:assistant)?analysis(?=[A-Z\"'\[{(\d*-])")  # the markers were dropped by the decoder
_BARE_FINAL = re.compile(r"assistant\s?final")

_TAG = re.compile(r"\s*<([A-Za-z][\w:.-]{0,40})(?:\s[^<>]{0,200})?>")
_ANSWER_NAME = (
    r"(?:final[_ ]?)?(?:answer|output|response|result|solution|reply|review|report|json|yaml|"
    r"concerns?|comments?|items?|list)"
)
_ANSWER_TAG = re.compile(
    rf"<(/?)\|?(?:begin_of_|start_|end_of_|end_)?{_ANSWER_NAME}\|?>|\[/?{_ANSWER_NAME}\]", re.IGNORECASE
)
_MARKER = r"(?:<[|｜][^<>|｜\s]{1,40}[|｜]>|</?s>|<(?:eos|bos|pad|end_of_turn|start_of_turn)>)"
_ENDS = re.compile(rf"\s*{_MARKER}\s*\Z")
_STARTS = re.compile(rf"\s*{_MARKER}(?:\s*(?:assistant|model)\b)?")


@dataclass(frozen=True)
class Spoken:
    """The text of the answer; `unfinished` says that the output ended inside a thought."""

    text: str
    unfinished: bool = False


def spoken(raw: str) -> Spoken:
    """`raw` without what was thought before the answer, and without the markers of chat templates around it."""
    text, unfinished = _last_channel(raw)
    if unfinished:
        return Spoken("", True)
    text, unfinished = _without_thoughts(text)
    return Spoken(_without_markers(_inside_answer(_without_unknown(text))), unfinished)


def says_nothing(raw: str) -> bool:
    """True for an output that came to its end and holds no answer: nothing at all, or a thought alone."""
    said = spoken(raw)
    return not said.unfinished and not said.text.strip()


def _last_channel(raw: str) -> tuple[str, bool]:
    """The text of the last channel that answers; True if there are channels and none answers."""
    bare = _BARE_CHANNEL.match(raw)
    if bare is not None:
        finals = list(_BARE_FINAL.finditer(raw))
        return (raw[finals[-1].end() :], False) if finals else ("", True)
    channels = list(_CHANNEL.finditer(raw))
    first = _JSON.search(raw)
    if not channels or (first is not None and first.start() < channels[0].start()):
        return raw, False
    answers = [found for found in channels if found.group(1).casefold() in _ANSWERS]
    if not answers:
        return "", True
    start = answers[-1].end()
    end = _CHANNEL_END.search(raw, start)
    return raw[start : end.start() if end else len(raw)], False


def _without_thoughts(raw: str) -> tuple[str, bool]:
    """`raw` less its thoughts; an unclosed one takes everything after it."""
    first, closing = _OPENS.search(raw), _CLOSES.search(raw)
    # The template of the prompt may have opened the thought before the output began.
    position = closing.end() if closing and (first is None or closing.start() < first.start()) else 0
    kept: list[str] = []
    answer = _start(_JSON, raw, position)  # where JSON begins, unless that is inside a thought
    while (opening := _OPENS.search(raw, position)) is not None:
        if answer < position:
            answer = _start(_JSON, raw, position)
        if answer < opening.start():
            break
        family = int(str(opening.lastgroup)[1:])
        end = _CLOSE_OF[family].search(raw, opening.end())
        starts_line = not raw[raw.rfind("\n", 0, opening.start()) + 1 : opening.start()].strip(" \t>")
        if end is None:
            if starts_line:
                return "\n\n".join([*kept, raw[position : opening.start()]]), True
            break  # a tag that a sentence speaks of
        kept.append(raw[position : opening.start()])
        position = end.end()
        # A thought inside the thought leaves a closing tag behind.
        if answer < position:
            answer = _start(_JSON, raw, position)
        stray = _CLOSE_OF[family].search(raw, position)
        if stray is not None and stray.start() < min(answer, _start(_OPENS, raw, position)):
            position = stray.end()
    return "\n\n".join([*kept, raw[position:]]), False


def _start(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.search(text, position)
    return found.start() if found else len(text) + 1


def _without_unknown(text: str) -> str:
    """`text` less closed tags of any other name before the answer, if an answer follows them."""
    position = 0
    while (opening := _TAG.match(text, position)) is not None:
        name = opening.group(1)
        if re.fullmatch(_ANSWER_NAME, name, re.IGNORECASE) or kind_of(name) is not None:
            break
        end = text.find(f"</{name}>", opening.end())
        if end < 0 or not text[end + len(name) + 3 :].strip():
            break
        position = end + len(name) + 3
    return text[position:]


def _inside_answer(text: str) -> str:
    """What stands between the tags of an answer, if the text has such tags before any JSON."""
    bracket = _JSON.search(text)
    opening = None
    for tag in _ANSWER_TAG.finditer(text, 0, bracket.start() if bracket else len(text)):
        if "/" not in tag.group()[:2] and not re.match(r"<\|?end_", tag.group(), re.IGNORECASE):
            opening = tag
    if opening is None:
        return text
    closing = next(
        (
            tag
            for tag in _ANSWER_TAG.finditer(text, opening.end())
            if "/" in tag.group()[:2] or "end_" in tag.group().casefold()
        ),
        None,
    )
    return text[opening.end() : closing.start() if closing else len(text)]


def _without_markers(text: str) -> str:
    while (found := _STARTS.match(text)) is not None and found.end():
        text = text[found.end() :]
    while (found := _ENDS.search(text, max(0, len(text) - 100))) is not None:
        text = text[: found.start()]
    return text
