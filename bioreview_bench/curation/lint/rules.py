"""The rules: one table.

An error is what the reader refuses or what makes a score wrong; a warning is very likely a mistake; a note is worth
knowing. `docs/data.md` shows the table, and a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class LintRule:
    """`id` stands in findings, `text` says what is found."""

    id: str
    level: Level
    text: str


RULES: dict[str, LintRule] = {
    rule.id: rule
    for rule in (
        # The file and its lines
        LintRule("file", "error", "a file that cannot be read, or that has no articles"),
        LintRule(
            "json", "error", "a line that is not one strict JSON object: broken, too deep, too long, a key twice, NaN"
        ),
        LintRule("splits", "error", "splits.json that names unknown articles, or an article twice"),
        LintRule("field", "error", "a field that is missing, or has a type or value that is not read"),
        LintRule("unknown-field", "note", "a field that the format does not have; it is kept, and nothing reads it"),
        LintRule(
            "field-name", "warning", "a field that the format does not have, and whose name is near one that it has"
        ),
        # The article
        LintRule("id-duplicate", "error", "two articles with one id, in a file or in two splits"),
        LintRule(
            "id-characters", "error", "an id with white space, control or invisible characters, or of more than 200"
        ),
        LintRule("id-path", "error", "an id that is a path: .., a leading slash or tilde, a backslash"),
        LintRule("id-form", "error", "an id of a preset source in another form than that source's"),
        LintRule("id-prefix", "warning", "an id that does not begin with its source and a colon"),
        LintRule("id-slash", "note", "an F1000 id with a slash, which is read as _"),
        LintRule("source-name", "warning", "a source whose name is near a preset's"),
        LintRule("doi-form", "warning", "a DOI that is not of the form 10.NNNN/SUFFIX, or is an address"),
        LintRule("doi-source", "warning", "a DOI of another publisher than the preset source's"),
        LintRule("doi-id", "warning", "a DOI that names another article than the id"),
        LintRule("doi-duplicate", "warning", "two articles with one DOI: they are one family, and not independent"),
        LintRule("doi-missing", "note", "no DOI: the article's versions cannot be recognised as one family"),
        LintRule("title-missing", "warning", "no title"),
        LintRule("title-length", "note", "a title of fewer than 10 or more than 300 characters"),
        LintRule("abstract-missing", "warning", "no abstract"),
        LintRule("abstract-length", "note", "an abstract of fewer than 100 or more than 5,000 characters"),
        LintRule("sections-missing", "warning", "no section with text that a reviewer may see"),
        LintRule("section-empty", "note", "a section without text, or without a heading"),
        LintRule("section-withheld", "note", "a section that reviewers never see, by its heading"),
        LintRule("date-form", "warning", "a date that is not YYYY-MM-DD, YYYY-MM or YYYY"),
        LintRule("date-impossible", "error", "a date that is in no calendar, or before the first journal (1665)"),
        LintRule("date-future", "warning", "a date after today"),
        LintRule("licence-missing", "note", "no licence: the texts cannot be passed on"),
        LintRule("schema-version", "note", "another schema version than 1.1"),
        LintRule("response-flag", "warning", "has_author_response that contradicts author_response_raw"),
        # Its concerns
        LintRule("concerns-missing", "note", "no concerns: the article can be reviewed, and not scored"),
        LintRule("concerns-empty", "note", "an empty list of concerns: every prediction on the article is wrong"),
        LintRule("concerns-unlabelled", "note", "concerns without category or severity, which stand in no slice by it"),
        LintRule("concern-id-duplicate", "error", "two concerns of an article with one id"),
        LintRule("concern-id-elsewhere", "warning", "a concern's id that another article has, too"),
        LintRule("concern-id-prefix", "warning", "a concern's id that does not begin with its article's id"),
        LintRule("concern-id-form", "note", "a concern's id that does not end in R<reviewer>C<number>"),
        LintRule("concern-id-characters", "error", "a concern's id with white space, control or invisible characters"),
        LintRule("concern-length", "error", "a concern of fewer than 10 or more than 2,000 characters, or a blank one"),
        LintRule("concern-thin", "note", "a concern of fewer than four words"),
        LintRule("concern-duplicate", "warning", "two concerns of an article with one text"),
        LintRule("category", "error", "a category that is not in the vocabulary"),
        LintRule("severity", "error", "a severity that is not in the vocabulary"),
        LintRule("reviewer-num", "warning", "a reviewer number below 1, or another than in the concern's id"),
        LintRule(
            "derived-stored", "warning", "resolution, was_valid or family stored, though they follow from other fields"
        ),
        LintRule("derived-differs", "error", "a stored resolution or was_valid that contradicts what it follows from"),
        LintRule("stance-without-response", "warning", "a stance of authors who are not known to have answered"),
        LintRule("response-without-stance", "warning", "no_response where there is the authors' response"),
        LintRule("change-without-response", "warning", "evidence of a change where the authors did not respond"),
        # Every text
        LintRule("mojibake", "warning", "UTF-8 that was read in another encoding (Ã© for é)"),
        LintRule("replacement-character", "warning", "U+FFFD, which stands for a character that was lost"),
        LintRule(
            "control-character", "warning", "a control character other than tab and line end, or one that turns text"
        ),
        LintRule("invisible-character", "note", "a zero-width space, byte order mark or soft hyphen in a text"),
        LintRule("markup", "warning", "leftover markup: an HTML or JATS tag, or a character reference such as &amp;"),
        LintRule("latex", "note", "a LaTeX command"),
    )
}


@dataclass(frozen=True)
class LintFinding:
    """What one rule finds in one field of a row: `concerns[2].concern_text`, or "" for the row itself."""

    rule: str
    field: str
    message: str
