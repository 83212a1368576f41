// The embedded arrays as objects. Their layout is written in comparison/payload.py.

function readComparison() {
  const report = JSON.parse(byId("report-data").textContent);
  report.articles = report.articles.map((row, place) => readArticle(row, place, report));
  return report;
}

function readArticle(row, place, report) {
  const [id, source, title, statuses, references, predictions] = row;
  const article = { id, source, title, statuses, place };
  article.sourceName = report.sources[source] || source;
  article.heading = `${id} ${title}`.toLowerCase();
  article.predictions = predictions.map((written) => written.map(readPrediction));
  article.references = references.map((reference) => readReference(reference, article));
  article.found = report.systems.map((_, system) => article.references.filter((one) => one.sides[system].match !== null).length);
  article.byAny = article.references.filter((one) => one.finders > 0).length;
  article.apart = article.references.filter((one) => one.finders > 0 && one.finders < report.systems.length).length;
  return article;
}

function readReference(row, article) {
  const [name, category, severity, text, found] = row;
  const sides = found.map(([match, similarity, nearest, nearestSimilarity, eligible], system) => {
    const prediction = match === null ? null : article.predictions[system][match];
    return { match, similarity, nearest, nearestSimilarity, eligible, prediction };
  });
  return { name, category, severity, text: text ?? undefined, sides, finders: sides.filter((side) => side.match !== null).length };
}

function readPrediction(row, index) {
  const [category, severity, match, nearest, nearestSimilarity, eligible, text] = row;
  return { name: `P${index + 1}`, category, severity, match, nearest, nearestSimilarity, eligible, text: text ?? undefined };
}
