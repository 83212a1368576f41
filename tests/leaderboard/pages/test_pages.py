"""Pages as HTML: what they say, that strangers' texts stay texts, that they can be read by everybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.errors import InputError
from bioreview_bench.leaderboard.ranking.rows import after_cutoff, reported
from bioreview_bench.leaderboard.ranking.view import ContractScore, Figure, HistoryItem, PairTest, SystemView
from bioreview_bench.leaderboard.web.charts.scatter import SystemPoint, scatter
from bioreview_bench.leaderboard.web.charts.strips import axis_of
from bioreview_bench.leaderboard.web.choice import TableChoice, occurring, read_choice, require_source
from bioreview_bench.leaderboard.web.pages.about import about_page
from bioreview_bench.leaderboard.web.pages.board import board_page
from bioreview_bench.leaderboard.web.pages.choose import Asked, choose_page
from bioreview_bench.leaderboard.web.pages.compare import compare_page, measures, several_page, verdict
from bioreview_bench.leaderboard.web.pages.system import bibtex, system_page
from bioreview_bench.leaderboard.web.pages.table import arranged
from bioreview_bench.leaderboard.web.site import Site, assets, served

Make = Callable[..., Any]
EVIL = "<script>window.hacked=1</script>\"'><img src=x onerror=alert(1)>"
VOID = {"meta", "link", "input", "br", "img", "hr"}


class Checker(HTMLParser):
    """Notes unbalanced tags, repeated ids, labels without a field, inline scripts and styles, and links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labelled: list[str] = []
        self.texts: list[str] = []
        self.headings: list[int] = []
        self.named: list[str] = []
        self.tables = self.captions = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [value for key in ("href", "src", "action") if (value := given.get(key))]
        self.labelled += [value for key in ("for", "aria-labelledby", "aria-describedby") if (value := given.get(key))]
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        if tag == "th" and given.get("scope") not in ("col", "row"):
            self.faults.append("heading of a table without scope")
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "label" and given.get("for"):
            self.named.append(str(given["for"]))
        shown = tag in ("input", "select") and given.get("type") not in ("hidden", "submit")
        if shown and "label" not in self.open and given.get("id") not in self.named:
            self.faults.append(f"{tag} {given.get('name')} without a label")
        if tag == "script" and "src" not in given:
            self.faults.append("inline script")
        if "style" in given or tag == "style" or any(key.startswith("on") for key in given):
            self.faults.append(f"inline style or handler in {tag}")
        if tag == "img" and "alt" not in given:
            self.faults.append("image without alt")
        if tag in ("a", "button", "select", "input") and given.get("tabindex", "0") not in ("0", "-1"):
            self.faults.append("tabindex")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def checked(html: str) -> Checker:
    found = Checker()
    found.feed(html)
    found.close()
    assert not found.open
    assert not found.faults
    assert len(found.ids) == len(set(found.ids))
    assert {one for names in found.labelled for one in names.split()} <= set(found.ids)
    assert found.tables == found.captions
    assert found.headings[0] == 1
    assert found.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(found.headings, found.headings[1:], strict=False))
    return found


@pytest.fixture(scope="module")
def site() -> Site:
    return served("The board", assets())


@pytest.fixture
def table(make_table: Make, make_entry: Make) -> Any:
    return make_table(
        make_entry(1, 0.3, team="A", name="Zeta", parameters="70B"),
        make_entry(2, 0.9, team="B", name="alpha", open_weights="yes", parameters="8B"),
        make_entry(3, 0.6, team="C", name="Mid", saw_v3_train="yes"),
        make_entry(4, 0.9, team="C", name="Later"),
    )


@pytest.fixture
def system(table: Any, make_submitted: Make) -> SystemView:
    row = table.rows[0]
    extras = {"after_cutoff": {"cutoff": "2024-01-01", "n_dated": 12, "n_articles": 3, "reason": "3 of 12; 20 needed"}}
    history = HistoryItem(
        submission=row.submission, system=row.system, version=row.version, submitted=row.submitted, state="scored",
        marked=False, ranked=True, f1=row.f1, skill=row.skill, mean_concerns=row.mean_concerns,
    )  # fmt: skip
    return SystemView(
        title="The board",
        data="local",
        split="test",
        submission=row.submission,
        system=row.system,
        version=row.version,
        team=row.team,
        card=make_submitted(2, name=row.system, url="https://example.org/a?b=1&c=2").card.model_dump(
            mode="json", exclude={"contact"}
        ),
        predictions_sha256="ab" * 32,
        scores=(
            ContractScore(
                contract="jaccard", label="jaccard", ranking=True, row=row, after_cutoff=after_cutoff(extras)
            ),
        ),
        history=(history,),
    )


def pair_tests(table: Any) -> list[PairTest]:
    """A test of every two ranked systems, that of the second turned round."""
    ranked = [row.submission for row in table.rows if row.band is not None]
    return [
        PairTest(a=a, b=b, delta_f1=0.1 - 0.2 * (a == ranked[1]), p_value=0.001, p_adjusted=0.03)
        for a, b in combinations(ranked, 2)
    ]


@pytest.fixture
def pages(site: Site, table: Any, system: SystemView) -> dict[str, str]:
    pairs = pair_tests(table)
    saturated = table.model_copy(update={"saturated": True, "notice": ("SATURATED: so it is.", "And more.")})
    return {
        "board": board_page(site, table, TableChoice()),
        "every": board_page(site, table, TableChoice(show="every")),
        "saturated": board_page(site, saturated, TableChoice()),
        "reported": board_page(site, table.model_copy(update={"reported": reported("v3", "test")}), TableChoice()),
        "category": board_page(site, table, TableChoice("category:interpretation")),
        "severity": board_page(site, table, TableChoice("severity:major")),
        "source": board_page(site, table, TableChoice("source:elife")),
        "empty": board_page(site, table.model_copy(update={"rows": (), "signature": None}), TableChoice()),
        "system": system_page(site, system, [table]),
        "compare": compare_page(site, table, table.rows[0], table.rows[2], pairs[1]),
        "choose": choose_page(site, table, pairs),
        "searched": choose_page(site, table, pairs, Asked(search="mid", chosen=table.rows[0].submission)),
        "several": several_page(site, table, table.rows, pairs),
        "about": about_page(site, table),
    }


def test_every_page_is_sound_and_has_nothing_inline(pages: dict[str, str]) -> None:
    for html in pages.values():
        found = checked(html)
        assert not any(link.startswith(("http:", "//")) for link in found.links)


def test_no_page_asks_anybody_else_for_anything(pages: dict[str, str]) -> None:
    for html in pages.values():
        assert not re.search(r'(?:src|href)="https?://(?!example\.org)', html)
        assert "@import" not in html
    assert not re.search(rb"url\(|@import|https?:", assets()["board.css"])


@pytest.mark.parametrize("field", ["name", "team", "organisation", "base_model", "parameters", "postprocessing"])
def test_strangers_texts_stay_texts(
    site: Site, make_table: Make, make_entry: Make, make_submitted: Make, system: SystemView, field: str
) -> None:
    table = make_table(
        make_entry(1, 0.6, **{field: EVIL[:60] if field == "team" else EVIL}), make_entry(2, 0.3, team="B")
    )
    row = next(row for row in table.rows if row.submission.endswith("1"))
    card = make_submitted(1, **({} if field == "team" else {field: EVIL})).card.model_dump(
        mode="json", exclude={"contact"}
    )
    view = system.model_copy(update={"card": card, "system": row.system, "team": row.team})
    pairs = pair_tests(table)
    every = [
        board_page(site, table, TableChoice()),
        system_page(site, view, [table]),
        compare_page(site, table, *table.rows, pairs[0]),
        choose_page(site, table, pairs),
    ]
    for html in every:
        checked(html)
        assert "<script>w" not in html
        assert "<img src=x" not in html
    assert any("&lt;script&gt;" in html for html in every)


def test_direction_marks_in_names_are_written_out(site: Site, make_table: Make, make_entry: Make) -> None:
    html = board_page(site, make_table(make_entry(1, 0.6, name="abc\u202ednuof")), TableChoice())
    assert "\u202e" not in html
    assert "abc\\u202ednuof" in html


def test_the_contact_is_on_no_page(pages: dict[str, str], system: SystemView) -> None:
    assert "contact" not in system.card
    assert not any("someone@example.org" in html for html in pages.values())


def test_the_board_shows_bands_figures_and_reasons(pages: dict[str, str], table: Any) -> None:
    html = pages["every"].partition('class="entries"')[2]
    rows = re.findall(r"<tr role=\"row\" class=.*?</tr>", html, re.S)
    assert [re.search(r"<bdi>(.*?)</bdi>", row)[1] for row in rows] == ["alpha", "Mid", "Zeta", "Later"]  # type: ignore[index]
    assert f"{table.rows[0].f1.value:.3f}</span> <small>[{table.rows[0].f1.low:.3f}, " in rows[0]
    assert "The team is ranked by Mid 1.0, the first it had scored." in rows[3]
    assert '<span class="band">1</span><span class="unseen">band 1</span>' in rows[0]
    assert re.search(
        r'<span class="band" title="The team is[^"]*">–</span><span class="unseen">not ranked</span>', rows[3]
    )
    assert "trained on v3 train" in rows[1]
    assert "one of 2 by the team" in rows[1]


def test_a_saturated_board_says_so_before_its_table_and_draws_concerns(pages: dict[str, str]) -> None:
    html = pages["saturated"]
    assert html.index("SATURATED: so it is.") < html.index('id="board"')
    assert "concerns written per article" in html
    assert "F1 against skill" not in html
    assert "F1 against skill" in pages["board"]


def test_reported_figures_stand_apart(pages: dict[str, str]) -> None:
    html = pages["reported"]
    assert html.index('id="board"') < html.index("Reported, not rescored") < html.index("v3/haiku_test_v3.json")
    body = html[html.index("<tbody role") : html.index("</tbody>")]
    assert "Haiku" not in body


def test_a_part_shows_its_own_figures(pages: dict[str, str], table: Any) -> None:
    part = table.rows[0].per_category["interpretation"]
    assert f'<span class="value">{part["f1"]:.3f}</span> <small>[' in pages["category"]
    assert f'data-label="References"><span class="value">{part["n_ref"]}<' in pages["category"]
    recall = table.rows[0].per_severity["major"]["recall"]
    assert f'data-label="recall"><span class="pair"><span class="value">{recall:.3f}<' in pages["severity"].replace(
        "Recall", "recall"
    )


def test_sorting_and_filtering_need_no_script(site: Site, table: Any) -> None:
    def shown(**query: str) -> list[str]:
        return [row.system for row in arranged(table.rows, read_choice(query))]

    assert shown() == ["alpha", "Mid", "Zeta"]  # one row a team
    assert shown(show="every") == ["alpha", "Mid", "Zeta", "Later"]
    assert shown(show="every", sort="system") == ["alpha", "Later", "Mid", "Zeta"]
    assert shown(sort="f1", order="up")[0] == "Zeta"
    assert shown(show="every", sort="f1")[:2] == ["alpha", "Later"]
    assert shown(show="every", sort="submitted") == ["Later", "Mid", "alpha", "Zeta"]
    assert shown(weights="open") == ["alpha"]
    assert shown(size="medium") == ["Zeta"]
    assert shown(show="every", training="unseen") == ["alpha", "Zeta", "Later"]
    assert shown(show="ranked") == ["alpha", "Mid", "Zeta"]
    assert shown(q="ALPHA 1.0") == ["alpha"]
    assert shown(q="laboratory zeta") == ["Zeta"]
    assert shown(q="nobody") == []
    html = board_page(site, table, read_choice({"weights": "open"}))
    assert html.partition('class="entries"')[2].count('<tr role="row" class="') == 1
    assert '<span id="n-shown">1</span> of 4' in html


def test_a_choice_survives_its_own_query_string() -> None:
    for query in (
        {},
        {"part": "severity:minor"},
        {"part": "source:plos", "sort": "recall", "order": "up", "weights": "open", "show": "ranked"},
        {"sort": "system", "order": "down"},
        {"sort": "f1"},
        {"part": "category:other", "sort": "band"},
        {"q": "two words", "col": "skill,sources,links", "page": "2"},
    ):
        assert read_choice(query).query() == query
    assert read_choice({"utm_source": "x", "sort": "band"}).query() == {}


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "price"},
        {"order": "sideways"},
        {"part": "source:Ar Xiv"},
        {"size": "huge"},
        {"weights": "<script>"},
        {"col": "price"},
    ],
)
def test_an_unknown_value_is_refused_with_the_known_ones(query: dict[str, str]) -> None:
    with pytest.raises(InputError, match="is not a value of"):
        read_choice(query)


def test_a_source_of_the_data_is_a_part_and_any_other_is_not(table: Any) -> None:
    choice = read_choice({"part": "source:arxiv"})
    with pytest.raises(InputError, match="is not a value of part"):
        require_source(choice, table.rows)
    row = table.rows[0]
    open_venue = row.model_copy(update={"per_source": {**row.per_source, "arxiv": row.per_source["elife"]}})
    require_source(choice, [open_venue])
    require_source(read_choice({"part": "source:plos"}), [])
    assert occurring([open_venue])[-1] != ("source", "arxiv")
    assert ("source", "arxiv") in occurring([open_venue])


def test_a_comparison_says_what_the_test_says(table: Any) -> None:
    a, b = table.rows[0], table.rows[2]
    test = PairTest(a=b.submission, b=a.submission, delta_f1=-0.25, p_value=0.001, p_adjusted=0.049)
    said = verdict(test, b, a)
    assert said.startswith("<bdi>alpha</bdi> has the higher F1 by 0.250; the difference is significant")
    assert "p ≤ 0.001, &lt; 0.05 adjusted for all pairs of the table" in said
    assert "is not significant" in verdict(test.model_copy(update={"p_adjusted": 0.05}), b, a)
    same = test.model_copy(update={"delta_f1": 0.0, "p_adjusted": 1.0})
    assert "Both have the same F1" in verdict(same, b, a)
    assert "less than 0.001; the difference is significant" in verdict(
        same.model_copy(update={"p_adjusted": 0.04}), b, a
    )
    assert "No test was made" in verdict(None, a, table.rows[3])
    difference = next(one for one in measures(a, b, None) if one.name == "F1").difference
    assert difference == f"+{a.f1.value - b.f1.value:.3f}"
    assert next(one for one in measures(b, a, None) if one.name == "F1").difference == difference.replace("+", "−")


def test_bibtex_cannot_be_broken_out_of(system: SystemView) -> None:
    evil = "}, note={x}} @misc{other, \\input{/etc/passwd} 100% $x_1$ #&~^"
    text = bibtex(system.model_copy(update={"system": evil}), system.scores[0])
    depth, lowest = 0, 1
    for place, char in enumerate(text.rstrip()):
        if char in "{}" and text[place - 1] != "\\":
            depth += 1 if char == "{" else -1
            lowest = min(lowest, depth) if place < len(text.rstrip()) - 1 and depth else lowest
    assert depth == 0
    assert text.count("\n@") == 0
    assert "\\input" not in text
    assert "url = {https://example.org/a?b=1&c=2}" in text
    assert system.scores[0].row.signature.split("|")[3].split(":")[1].replace("_", r"\_") in text


def test_an_axis_holds_everything_it_shows() -> None:
    axis = axis_of([Figure(value=0.31, low=0.2, high=0.47), Figure(value=None)], [0.05, None])
    assert (axis.low, axis.high) == (0.0, 0.5)
    assert axis.at(0.25) == "50.00%"
    assert axis_of([Figure(value=-0.12)]).low == pytest.approx(-0.2)
    assert (axis_of([]).low, axis_of([]).high) == (0.0, 1.0)


def test_a_chart_of_systems_on_one_spot_is_drawn() -> None:
    spots = [SystemPoint(name, 0.0, 0.0, None, None, "ranked") for name in ("A", "B")]
    assert "<svg" in scatter("c", "title", spots, (), "skill")


def tokens() -> Iterator[tuple[str, str, str]]:
    """(name, light, dark) of every colour of the style sheet."""
    css = assets()["board.css"].decode()
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css):
        yield name, light, dark
    for name, both in re.findall(r"--([\w-]+): (#\w{6});", css):
        yield name, both, both


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("ground", "panel", "sunken", "accent-soft", "amber-soft", "red-soft")
TEXT = {
    "text": GROUNDS,
    "muted": ("ground", "panel", "sunken", "accent-soft"),
    "accent": ("ground", "panel", "sunken", "accent-soft"),
    "rust": ("ground", "panel"),
    "leaf": ("ground", "panel", "accent-soft"),
    "red": ("ground", "panel", "red-soft", "accent-soft"),
    "amber": ("ground", "panel", "amber-soft"),
    "on-loud": ("loud",),
    "on-accent": ("accent",),
}
LINES = {"edge": ("ground", "panel"), "accent": ("ground", "panel"), "rust": ("panel",), "grey": ("panel",)}


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_contrast_is_that_of_wcag_aa(mode: int) -> None:
    colours = {name: pair[mode] for name, *pair in tokens()}
    assert len(colours) > 15
    for needed, pairs in ((4.5, TEXT), (3.0, LINES)):
        for ink, grounds in pairs.items():
            for ground in grounds:
                ratio = contrast(colours[ink], colours[ground])
                assert ratio >= needed, f"{ink} on {ground}: {ratio:.2f}"


def test_the_contrast_formula_is_wcags() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_colours_of_the_style_sheet_come_from_the_tokens_only() -> None:
    folder = Path(__file__).parents[3] / "leaderboard/web/assets"
    for path in folder.glob("*.css"):
        if path.name not in ("tokens.css", "print.css"):
            assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?=[;,) ])", path.read_text().replace("#board", "")), path.name
