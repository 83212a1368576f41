// The list of articles: a listbox with one tab stop, so that Tab does not walk through a thousand rows.

const PAGE = 10;

// `makeOption(article)` fills a row; `orders` are comparisons of articles by name.
function makeList(articles, makeOption, orders, onChoose) {
  const list = byId("list");
  const options = new Map(articles.map((article) => [article, asOption(makeOption(article), () => onChoose(article, true))]));
  let shown = [];
  let chosen = null;

  function show(wanted, order) {
    shown = [...wanted].sort((a, b) => orders[order](a, b) || a.place - b.place);
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

function asOption(option, onClick) {
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.tabIndex = -1;
  option.addEventListener("click", onClick);
  return option;
}

// A row: the id with its title, a figure on the right, what stands below them, and a gauge.
function makeRow(article, figure, below, share) {
  const gauge = make("i", "");
  gauge.style.setProperty("--share", String(share ?? 0));
  const title = article.title ? make("span", "name", article.title) : null;
  return make("li", "", make("span", "id", breakable(article.id)), figure, title, below, make("span", "gauge", gauge));
}
