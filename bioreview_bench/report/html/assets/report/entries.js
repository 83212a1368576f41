// Which articles, which of their concerns, and in which order: the list of a report.

const ORDERS = {
  file: () => 0,
  low: (a, b) => (a.recall ?? 2) - (b.recall ?? 2),
  high: (a, b) => (b.recall ?? -1) - (a.recall ?? -1),
  long: (a, b) => b.nRef - a.nRef,
};

// An article fits when something in it fits; one without concerns only when nothing about concerns is asked.
function articleFits(article, filters) {
  if (filters.source && article.source !== filters.source) return false;
  if (!filters.outcome && !filters.category && !filters.severity && headingFits(article, filters)) return true;
  return article.items.some((item) => itemFits(item, article, filters));
}

// A pair fits when its outcome does and either side does.
function itemFits(item, article, filters) {
  if (filters.outcome && item.outcome !== filters.outcome) return false;
  const labelled = sidesOf(item).some((side) => labelFits(side.category, filters.category) && labelFits(side.severity, filters.severity));
  return labelled && (headingFits(article, filters) || sidesOf(item).some((side) => textFits(side, filters)));
}

function makeOption(article) {
  const counts = [counted(article.nRef, "ref", "refs"), counted(article.nPred, "pred", "preds"), `${article.nMatched} matched`].join(" · ");
  const status = article.status === "scored" ? null : make("span", UNANSWERED.includes(article.status) ? "status" : "", `${article.status.replace("_", " ")} · `);
  const recall = make("span", "figure", make("small", "", "recall "), shownShare(article.recall));
  return makeRow(article, recall, make("span", "counts", ...(status ? [status] : []), counts), article.recall);
}
