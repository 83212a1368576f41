// Putting the comparison together.

restoreTheme();
document.addEventListener("DOMContentLoaded", () => {
  startTheme();
  startCopy();
  startPrint();
  startTips();
  const report = readComparison();
  const show = (article, filters, actions) => showArticle(article, report, filters, actions);
  startBrowser({ articles: report.articles, makeOption, orders: ORDERS, fits: articleFits, show });
});
