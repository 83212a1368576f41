// The controls above the list. Every search field and select but the order is a filter, by its id.

function filterFields() {
  return [...byId("browser").querySelectorAll("form input[type=search], form select:not(#order)")];
}

function readFilters() {
  const values = Object.fromEntries(filterFields().map((field) => [field.id, field.value.trim()]));
  values.search = values.search.toLowerCase();
  return values;
}

function clearFilters() {
  for (const field of filterFields()) field.value = "";
}

function areActive(filters) {
  return Object.values(filters).some((value) => value !== "");
}

function headingFits(article, filters) {
  return article.heading.includes(filters.search);
}

function labelFits(label, wanted) {
  return !wanted || (label !== null && String(label) === wanted);
}

function textFits(side, filters) {
  if (side.text === undefined) return false;
  side.lower ??= side.text.toLowerCase();
  return side.lower.includes(filters.search);
}
