// What a chart says under the pointer, at once and on touch screens too. Without scripts the browser shows the same.

function startTips() {
  const tip = make("div", "");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);

  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest(".chart [data-tip], .chart :has(> title)");
    const words = mark && mark.tagName !== "svg" ? wordsOf(mark) : "";
    tip.hidden = !words;
    if (words) {
      tip.textContent = words;
      place(tip, event);
    }
  });
  document.addEventListener("pointermove", (event) => tip.hidden || place(tip, event));
  // A finger that scrolls has left the mark.
  document.addEventListener("pointercancel", () => (tip.hidden = true));
}

// The title is taken out of the mark, or the browser would show it a second time.
function wordsOf(mark) {
  const title = mark.querySelector(":scope > title");
  if (title) {
    mark.dataset.tip = title.textContent;
    title.remove();
  }
  return mark.dataset.tip;
}

function place(tip, event) {
  const { width, height } = tip.getBoundingClientRect();
  const left = event.clientX + 14 + width > innerWidth ? event.clientX - 14 - width : event.clientX + 14;
  const top = event.clientY + 14 + height > innerHeight ? event.clientY - 14 - height : event.clientY + 14;
  tip.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}
