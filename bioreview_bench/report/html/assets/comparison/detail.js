// The chosen article: each reference with what every system matched it by, then what matched nothing.

let sortedBy = null; // the system whose similarities order the references; null: as in the data

function showArticle(article, report, filters, actions) {
  const detail = byId("detail");
  if (!article) {
    detail.replaceChildren();
    return;
  }
  const again = () => showArticle(article, report, filters, actions);
  const references = article.references.filter((reference) => referenceFits(reference, article, filters));
  const parts = [headOf(article, report, filters, actions)];
  if (references.length) parts.push(tableOf(sorted(references), article, report, filters, again));
  const written = article.predictions.map((all) => all.filter((prediction) => unmatchedFits(prediction, article, filters)));
  if (written.some((predictions) => predictions.length)) parts.push(...unmatchedOf(written, article, report, filters));
  const all = article.references.length + article.predictions.flat().filter((prediction) => prediction.match === null).length;
  const hiding = all - references.length - written.flat().length;
  if (hiding) parts.push(make("p", "hiding", `${counted(hiding, "entry does", "entries do")} not fit the filters. `, makeButton("quiet", "Show all", actions.clear)));
  else if (!all) parts.push(make("p", "hiding", "This article has neither a counted reference nor a prediction."));
  detail.replaceChildren(...parts);
}

function sorted(references) {
  if (sortedBy === null) return references;
  const key = (reference) => reference.sides[sortedBy].similarity ?? reference.sides[sortedBy].nearestSimilarity - 3000;
  return [...references].sort((a, b) => key(b) - key(a));
}

function headOf(article, report, filters, actions) {
  const n = article.references.length;
  const tallies = report.systems.map((name, system) => {
    const status = article.statuses[system];
    const said = UNANSWERED.includes(status) ? `not answered (${status.replace("_", " ")})` : `found ${article.found[system]} of ${n} with ${counted(article.predictions[system].length, "prediction", "predictions")}`;
    return make("span", "", make("b", "", name), ` ${said}`);
  });
  const title = article.title ? make("p", "title", marked(article.title, filters.search)) : null;
  const line = make("p", "tallies", make("span", "", article.sourceName), ...tallies);
  const steps = make("div", "steps", makeButton("quiet", "Previous", () => actions.step(-1)), makeButton("quiet", "Next", () => actions.step(1)));
  return make("div", "head", make("div", "", make("h3", "", marked(article.id, filters.search)), title, line), steps);
}

function tableOf(references, article, report, filters, again) {
  const sortButton = (words, system) => {
    const button = makeButton("sort", words, () => {
      sortedBy = system;
      again();
    });
    const head = make("th", "", button);
    head.scope = "col";
    if (sortedBy === system) head.setAttribute("aria-sort", system === null ? "none" : "descending");
    button.setAttribute("aria-pressed", String(sortedBy === system));
    button.title = system === null ? "in the order of the data" : "most similar first";
    return head;
  };
  const heads = [sortButton("Reference (human reviewers)", null), ...report.systems.map(sortButton)];
  const rows = references.map((reference) => {
    const first = make("th", "", concernOf(reference, report, filters));
    first.scope = "row";
    return make("tr", "", first, ...reference.sides.map((side, system) => cellOf(side, system, article, report, filters)));
  });
  const table = make("table", "who", make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...rows));
  table.style.setProperty("--columns", String(heads.length));
  const scroll = make("div", "wide", table);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Who found what");
  return scroll;
}

function cellOf(side, system, article, report, filters) {
  const cell = make("td", side.prediction ? "hit" : "miss");
  cell.dataset.system = report.systems[system];
  if (side.prediction) {
    const similarity = make("span", "similarity", shownSimilarity(side.similarity));
    similarity.title = "similarity";
    cell.append(concernOf(side.prediction, report, filters, similarity));
  } else {
    cell.append(make("p", "", "not found"), make("p", "nearest-line", nearestWords(side, article.predictions[system], "prediction")));
  }
  return cell;
}

function nearestWords(side, others, noun) {
  if (side.nearest === null) return `no ${noun} to compare with`;
  const why = side.eligible ? `, taken by another ${noun === "prediction" ? "reference" : "prediction"}` : "";
  return `nearest ${others[side.nearest].name}: ${shownSimilarity(side.nearestSimilarity)}${why}`;
}

function unmatchedOf(written, article, report, filters) {
  const count = written.flat().length;
  const columns = written.map((predictions, system) => {
    const cards = predictions.map((prediction) => {
      const card = concernOf(prediction, report, filters);
      card.append(make("p", "nearest-line", nearestWords(prediction, article.references, "reference")));
      return card;
    });
    const none = cards.length ? [] : [make("p", "hiding", "none")];
    return make("section", "", make("h5", "", `${report.systems[system]} (${cards.length})`), ...cards, ...none);
  });
  const group = make("div", "unmatched-columns", ...columns);
  group.style.setProperty("--systems", String(Math.min(columns.length, 4)));
  return [make("h4", "", `Predictions that matched no reference (${count})`), group];
}

function concernOf(side, report, filters, similarity = null) {
  const labels = [similarity, make("b", "", side.name)].filter(Boolean);
  if (side.category !== null) labels.push(make("span", "", report.categories[side.category]));
  if (side.severity !== null) labels.push(make("span", "", report.severities[side.severity]));
  const words = side.text === undefined ? null : make("p", "words", marked(side.text, filters.search));
  if (words) words.dir = "auto";
  return make("div", "concern", make("p", "labels", ...labels), words);
}
