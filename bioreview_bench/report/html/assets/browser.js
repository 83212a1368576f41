// The article browser: filters, a list, and the chosen article beside it.
//
// `kind` says what is listed: { articles, makeOption, orders, fits(article, filters), show(article, filters, actions) }.

const HASH = "#article=";
const UNANSWERED = ["parse_failed", "refused", "error", "missing"];

function startBrowser(kind) {
  const list = makeList(kind.articles, kind.makeOption, kind.orders, choose);
  let filters = readFilters();
  let chosen = null;

  function choose(article, byPointer = false) {
    chosen = article ?? null;
    list.choose(chosen);
    kind.show(chosen, filters, actions);
    say();
    if (chosen) address(chosen);
    // On a phone the article stands below the list.
    if (byPointer && byId("detail").getBoundingClientRect().top > innerHeight * 0.8) byId("detail").scrollIntoView();
  }

  // A reload or a copied address comes back to the article; where a browser refuses, nothing else is lost.
  function address(article) {
    try {
      history.replaceState(null, "", HASH + encodeURIComponent(article.id));
    } catch {
      return;
    }
  }

  function apply() {
    filters = readFilters();
    const shown = list.show(kind.articles.filter((article) => kind.fits(article, filters)), byId("order").value);
    byId("clear").disabled = !areActive(filters);
    choose(shown.includes(chosen) ? chosen : shown[0]);
  }

  function say() {
    const all = counted(kind.articles.length, "article", "articles");
    const place = chosen ? `, showing number ${list.placeOf(chosen) + 1}: ${chosen.id}` : "";
    byId("found").textContent = areActive(filters) ? `${list.size()} of ${all} fit${place}` : `${all}${place}`;
  }

  const actions = {
    clear() {
      if (!areActive(filters) && document.activeElement !== byId("search")) return;
      clearFilters();
      apply();
      if (document.activeElement === byId("search")) list.focus();
    },
    search() {
      byId("search").focus();
      byId("articles").scrollIntoView();
    },
    step(steps) {
      const next = list.neighbour(steps);
      if (!next) return;
      const isInList = byId("list").contains(document.activeElement);
      choose(next);
      if (isInList) list.focus();
      const { top, bottom } = byId("detail").getBoundingClientRect();
      if (top > innerHeight * 0.8 || bottom < 0 || top < 0) byId("detail").scrollIntoView();
    },
    open(article) {
      clearFilters();
      apply();
      choose(article);
      byId("articles").scrollIntoView();
    },
  };

  byId("browser").querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  for (const field of [...filterFields(), byId("order")]) field.addEventListener("input", apply);
  byId("clear").addEventListener("click", actions.clear);
  startKeys(actions);
  byId("browser").hidden = false;
  chosen = kind.articles.find((article) => HASH + encodeURIComponent(article.id) === location.hash) ?? null;
  apply();
  return actions;
}

function shownShare(share) {
  return share === null ? "–" : share.toFixed(3);
}

function shownSimilarity(thousandths) {
  return (thousandths / 1000).toFixed(3);
}

function counted(count, one, many) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
