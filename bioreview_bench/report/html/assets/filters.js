// Which articles, and which of their concerns, the controls above the list ask for.

const FIELDS = ["search", "outcome", "category", "severity", "source"];

function readFilters() {
  const values = Object.fromEntries(FIELDS.map((id) => [id, byId(id) ? byId(id).value.trim() : ""]));
  values.search = values.search.toLowerCase();
  return values;
}

function clearFilters() {
  for (const id of FIELDS) if (byId(id)) byId(id).value = "";
}

function areActive(filters) {
  return FIELDS.some((id) => filters[id] !== "");
}

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

function headingFits(article, filters) {
  return article.heading.includes(filters.search);
}

function labelFits(label, wanted) {
  return wanted === "" || (label !== null && String(label) === wanted);
}

function textFits(side, filters) {
  if (side.text === undefined) return false;
  side.lower ??= side.text.toLowerCase();
  return side.lower.includes(filters.search);
}
