// Putting the article browser together.

const HASH = "#article=";

function startBrowser() {
  const report = readReport();
  const list = makeList(report.articles, choose);
  let filters = readFilters();
  let chosen = null;

  function choose(article, byPointer = false) {
    chosen = article ?? null;
    list.choose(chosen);
    showArticle(chosen, report, filters, actions);
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
    const shown = list.show(report.articles.filter((article) => articleFits(article, filters)), byId("order").value);
    byId("clear").disabled = !areActive(filters);
    choose(shown.includes(chosen) ? chosen : shown[0]);
  }

  function say() {
    const all = counted(report.articles.length, "article", "articles");
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
  };

  byId("browser").querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  for (const id of [...FIELDS, "order"]) if (byId(id)) byId(id).addEventListener("input", apply);
  byId("clear").addEventListener("click", actions.clear);
  // A dot of the chart of lengths is its article.
  document.addEventListener("click", (event) => {
    const dot = event.target.closest("[data-article]");
    if (!dot) return;
    clearFilters();
    apply();
    choose(report.articles[Number(dot.dataset.article)]);
    byId("articles").scrollIntoView();
  });

  startKeys(actions);
  byId("browser").hidden = false;
  chosen = report.articles.find((article) => HASH + encodeURIComponent(article.id) === location.hash) ?? null;
  apply();
}

restoreTheme();
document.addEventListener("DOMContentLoaded", () => {
  startTheme();
  startCopy();
  startBrowser();
});
