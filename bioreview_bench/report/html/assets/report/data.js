// The embedded arrays as objects. Their layout is written in payload.py.

function readReport() {
  const report = JSON.parse(byId("report-data").textContent);
  report.articles = report.articles.map((row, place) => readArticle(row, place, report));
  return report;
}

function readArticle(row, place, report) {
  const [id, source, status, nRef, nPred, nMatched, nExcluded, title, references, predictions] = row;
  const article = { id, source, status, nRef, nPred, nMatched, nExcluded, title, place };
  article.recall = nRef ? nMatched / nRef : null;
  article.precision = nPred ? nMatched / nPred : null;
  article.sourceName = report.sources[source] || source;
  article.heading = `${id} ${title}`.toLowerCase();
  article.hasPairs = references !== undefined;
  article.references = (references || []).map(readReference);
  article.predictions = (predictions || []).map(readPrediction);
  article.items = itemsOf(article);
  return article;
}

function readReference(row) {
  const [name, category, severity, match, similarity, nearest, nearestSimilarity, eligible, text] = row;
  return { name, category, severity, match, similarity, nearest, nearestSimilarity, eligible, text };
}

function readPrediction(row, index) {
  const [category, severity, confidence, match, similarity, margin, runnerUp, nearest, nearestSimilarity, eligible, text] = row;
  const name = `P${index + 1}`;
  return { name, category, severity, confidence, match, similarity, margin, runnerUp, nearest, nearestSimilarity, eligible, text };
}

// What the browser lists: a pair is one item, and so is each concern without a partner.
function itemsOf(article) {
  const { references, predictions } = article;
  const pairs = references.filter((one) => one.match !== null).map((reference) => ({ outcome: "matched", reference, prediction: predictions[reference.match] }));
  const missed = references.filter((one) => one.match === null).map((reference) => ({ outcome: "missed", reference }));
  const unmatched = predictions.filter((one) => one.match === null).map((prediction) => ({ outcome: "unmatched", prediction }));
  return [...pairs, ...missed, ...unmatched];
}

function sidesOf(item) {
  return [item.reference, item.prediction].filter(Boolean);
}
