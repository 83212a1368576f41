// Which articles, which of their references and predictions, and in which order.

const ORDERS = {
  file: () => 0,
  apart: (a, b) => b.apart - a.apart,
  most: (a, b) => b.byAny - a.byAny,
  least: (a, b) => a.byAny - b.byAny,
};

function articleFits(article, filters) {
  if (filters.source && article.source !== filters.source) return false;
  const asksConcerns = filters["who-found"] || filters.category || filters.severity;
  if (!asksConcerns && headingFits(article, filters)) return true;
  return article.references.some((reference) => referenceFits(reference, article, filters)) || article.predictions.some((written) => written.some((prediction) => unmatchedFits(prediction, article, filters)));
}

// A reference fits by its own labels, and by its text or that of a prediction that matched it.
function referenceFits(reference, article, filters) {
  if (!foundByFits(reference, filters["who-found"])) return false;
  if (!labelFits(reference.category, filters.category) || !labelFits(reference.severity, filters.severity)) return false;
  if (headingFits(article, filters) || textFits(reference, filters)) return true;
  return reference.sides.some((side) => side.prediction && textFits(side.prediction, filters));
}

function foundByFits(reference, wanted) {
  if (!wanted) return true;
  if (wanted === "all") return reference.finders === reference.sides.length;
  if (wanted === "some") return reference.finders > 0 && reference.finders < reference.sides.length;
  if (wanted === "none") return reference.finders === 0;
  const [how, system] = wanted.split(":");
  return reference.sides[Number(system)].match !== null && (how === "by" || reference.finders === 1);
}

// An unmatched prediction found nothing, so it fits no question about who found a reference.
function unmatchedFits(prediction, article, filters) {
  if (prediction.match !== null || filters["who-found"]) return false;
  if (!labelFits(prediction.category, filters.category) || !labelFits(prediction.severity, filters.severity)) return false;
  return headingFits(article, filters) || textFits(prediction, filters);
}

function makeOption(article) {
  const n = article.references.length;
  const figure = make("span", "figure", make("small", "", "found "), article.found.join(" · "), make("small", "", ` of ${n}`));
  const below = make("span", "counts", `${article.byAny} found by any, ${article.apart} not by all`);
  return makeRow(article, figure, below, n ? article.byAny / n : 0);
}
