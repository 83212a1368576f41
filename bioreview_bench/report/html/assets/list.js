// The list of articles: a listbox with one tab stop, so that Tab does not walk through a thousand rows.

const PAGE = 10;
const ORDERS = {
  file: (a, b) => a.place - b.place,
  low: (a, b) => (a.recall ?? 2) - (b.recall ?? 2) || a.place - b.place,
  high: (a, b) => (b.recall ?? -1) - (a.recall ?? -1) || a.place - b.place,
  long: (a, b) => b.nRef - a.nRef || a.place - b.place,
};

function makeList(articles, onChoose) {
  const list = byId("list");
  const options = new Map(articles.map((article) => [article, makeOption(article, onChoose)]));
  let shown = [];
  let chosen = null;

  function show(wanted, order) {
    shown = [...wanted].sort(ORDERS[order]);
    const rows = shown.map((article) => options.get(article));
    list.replaceChildren(...(rows.length ? rows : [make("li", "empty", "No article fits. Esc clears the filters.")]));
    return shown;
  }

  function choose(article) {
    if (chosen) mark(options.get(chosen), false);
    chosen = article;
    if (!article) return;
    const option = options.get(article);
    mark(option, true);
    // Not scrollIntoView, which would scroll the page as well.
    const top = option.offsetTop - list.offsetTop;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + option.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + option.offsetHeight - list.clientHeight;
  }

  function mark(option, isChosen) {
    option.setAttribute("aria-selected", String(isChosen));
    option.tabIndex = isChosen ? 0 : -1;
  }

  // The article so many places further; the first or last one beyond the ends.
  function neighbour(steps) {
    const place = shown.indexOf(chosen);
    return shown[Math.max(0, Math.min(shown.length - 1, place + steps))];
  }

  list.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE, Home: -Infinity, End: Infinity }[event.key];
    if (steps === undefined || event.ctrlKey || event.metaKey || event.altKey || !shown.length) return;
    event.preventDefault();
    const next = neighbour(steps);
    onChoose(next);
    options.get(next).focus({ preventScroll: true });
  });

  return { show, choose, neighbour, placeOf: (article) => shown.indexOf(article), size: () => shown.length, focus: () => chosen && options.get(chosen).focus({ preventScroll: true }) };
}

function makeOption(article, onChoose) {
  const gauge = make("i", "");
  gauge.style.setProperty("--share", String(article.recall ?? 0));
  const counts = [counted(article.nRef, "ref", "refs"), counted(article.nPred, "pred", "preds"), `${article.nMatched} matched`].join(" · ");
  const status = article.status === "scored" ? null : make("span", UNANSWERED.includes(article.status) ? "status" : "", `${article.status.replace("_", " ")} · `);
  const recall = make("span", "recall", shownShare(article.recall));
  recall.title = "recall";
  const option = make("li", "", make("span", "id", breakable(article.id)), recall, make("span", "counts", ...(status ? [status] : []), counts), make("span", "gauge", gauge));
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.tabIndex = -1;
  option.addEventListener("click", () => onChoose(article, true));
  return option;
}
