// The chosen article: pairs joined, then what was missed, then what matched nothing. Only this one is in the page.

const HEADINGS = { matched: "Matched pairs", missed: "Missed references", unmatched: "Unmatched predictions" };

function showArticle(article, report, filters, actions) {
  const detail = byId("detail");
  if (!article) {
    detail.replaceChildren();
    return;
  }
  const items = article.items.filter((item) => itemFits(item, article, filters));
  const parts = [headOf(article, filters, actions)];
  if (items.length) parts.push(make("div", "sides", make("span", "", "Reference (human reviewers)"), make("span", "", "Prediction (system)")));
  for (const [outcome, heading] of Object.entries(HEADINGS)) {
    const group = items.filter((item) => item.outcome === outcome);
    if (!group.length) continue;
    parts.push(make("h4", "", `${heading} (${group.length})`), ...group.map((item) => rowOf(item, article, report, filters)));
  }
  const hiding = article.items.length - items.length;
  if (hiding) parts.push(make("p", "hiding", `${counted(hiding, "entry does", "entries do")} not fit the filters. `, makeButton("quiet", "Show all", actions.clear)));
  else if (!article.items.length) parts.push(make("p", "hiding", emptyWords(article)));
  detail.replaceChildren(...parts);
}

function emptyWords(article) {
  if (!article.hasPairs) return "The pairs of this article are not in this report.";
  return "This article has neither a counted reference nor a prediction.";
}

function headOf(article, filters, actions) {
  const tallies = [
    article.sourceName,
    counted(article.nRef, "reference", "references"),
    counted(article.nPred, "prediction", "predictions"),
    `${article.nMatched} matched`,
    `recall ${shownShare(article.recall)}`,
    `precision ${shownShare(article.precision)}`,
  ];
  if (article.nExcluded) tallies.push(`${article.nExcluded} excluded (need a figure)`);
  const status = article.status === "scored" ? null : make("span", UNANSWERED.includes(article.status) ? "bad-text" : "", article.status.replace("_", " "));
  const title = article.title ? make("p", "title", marked(article.title, filters.search)) : null;
  const line = make("p", "tallies", status, ...tallies.map((words) => make("span", "", words)));
  const steps = make("div", "steps", makeButton("quiet", "Previous", () => actions.step(-1)), makeButton("quiet", "Next", () => actions.step(1)));
  return make("div", "head", make("div", "", make("h3", "", marked(article.id, filters.search)), title, line), steps);
}

function rowOf(item, article, report, filters) {
  const reference = item.reference ? concernOf(item.reference, report, filters) : null;
  const prediction = item.prediction ? concernOf(item.prediction, report, filters) : null;
  if (item.outcome === "matched") return make("div", "pair matched", reference, linkOf(item.prediction, article, report), prediction);
  const dashes = make("span", "dashes");
  if (item.outcome === "missed") return make("div", "pair missed", reference, dashes, nearestOf(item.reference, article.predictions, "prediction"));
  return make("div", "pair unmatched", nearestOf(item.prediction, article.references, "reference"), dashes, prediction);
}

function concernOf(side, report, filters) {
  const labels = [make("b", "", side.name)];
  if (side.category !== null) labels.push(make("span", "", report.categories[side.category]));
  if (side.severity !== null) labels.push(make("span", "", report.severities[side.severity]));
  if (side.confidence !== undefined && side.confidence !== null) labels.push(make("span", "", `confidence ${side.confidence}`));
  const words = side.text === undefined ? null : make("p", "words", marked(side.text, filters.search));
  if (words) words.dir = "auto";
  const node = make("div", "concern", make("p", "labels", ...labels), words);
  node.dataset.name = side.name;
  node.tabIndex = -1;
  return node;
}

function linkOf(prediction, article, report) {
  const similarity = make("span", "similarity", shownSimilarity(prediction.similarity));
  similarity.title = "similarity";
  const margin = make("span", "margin", marginWords(prediction, article));
  margin.title = "similarity minus that of the runner-up, the most similar other reference";
  const link = make("div", "link", similarity, margin);
  // From 2 pixels at the threshold to 8 at 1: a firm match is a thick line.
  const firmness = (prediction.similarity / 1000 - report.threshold) / Math.max(0.01, 1 - report.threshold);
  link.style.setProperty("--weight", `${2 + 6 * Math.max(0, Math.min(1, firmness))}px`);
  return link;
}

function marginWords(prediction, article) {
  if (prediction.margin === null) return "no other reference";
  const runnerUp = article.references[prediction.runnerUp].name;
  const side = prediction.margin < 0 ? "behind" : "ahead of";
  return `${shownSimilarity(Math.abs(prediction.margin))} ${side} ${runnerUp}`;
}

function nearestOf(side, others, noun) {
  if (side.nearest === null) return make("div", "nearest", `no ${noun} to compare with`);
  const other = others[side.nearest];
  const why = side.eligible ? `taken by ${noun === "prediction" ? "another reference" : "another prediction"}` : "below the threshold";
  const button = makeButton("", `nearest ${other.name}: ${shownSimilarity(side.nearestSimilarity)}, ${why}`, () => pointAt(other.name));
  return make("div", "nearest", button);
}

function pointAt(name) {
  const detail = byId("detail");
  for (const node of detail.querySelectorAll(".pointed")) node.classList.remove("pointed");
  const target = [...detail.querySelectorAll(".concern")].find((node) => node.dataset.name === name);
  if (!target) return;
  target.classList.add("pointed");
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
}
