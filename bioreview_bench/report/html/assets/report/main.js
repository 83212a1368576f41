// Putting the report together.

restoreTheme();
document.addEventListener("DOMContentLoaded", () => {
  startTheme();
  startCopy();
  startPrint();
  startTips();
  const report = readReport();
  const show = (article, filters, actions) => showArticle(article, report, filters, actions);
  const actions = startBrowser({ articles: report.articles, makeOption, orders: ORDERS, fits: articleFits, show });
  // A dot of the chart of lengths is its article.
  document.addEventListener("click", (event) => {
    const dot = event.target.closest("[data-article]");
    if (dot) actions.open(report.articles[Number(dot.dataset.article)]);
  });
});
