// A letter with spans marked in it, and the selection as a span. Places count characters as Python does, not UTF-16 units.

class Letter {
  constructor(text) {
    this.text = text;
    this.characters = Array.from(text);
    this.node = make("div", "letter");
    this.node.tabIndex = 0;
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "The letter");
  }

  // Spans are {start, end, kind}; where two overlap, the later one is shown.
  show(spans) {
    const kinds = new Array(this.characters.length).fill("");
    for (const span of spans) kinds.fill(span.kind, span.start, span.end);
    const parts = [];
    for (let from = 0; from < kinds.length;) {
      let to = from;
      while (to < kinds.length && kinds[to] === kinds[from]) to += 1;
      const words = this.characters.slice(from, to).join("");
      parts.push(kinds[from] ? make("mark", kinds[from], words) : document.createTextNode(words));
      from = to;
    }
    this.node.replaceChildren(...parts);
  }

  // Only the letter scrolls; where it does not, the page stays where it is.
  scrollToMark() {
    const mark = this.node.querySelector("mark");
    this.node.scrollTop = mark ? mark.offsetTop - 60 : 0;
  }

  // The selected part without white space at its ends; null where nothing of the letter is selected.
  selected() {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    if (!this.node.contains(range.startContainer) || !this.node.contains(range.endContainer)) return null;
    let start = this.#placeOf(range.startContainer, range.startOffset);
    let end = this.#placeOf(range.endContainer, range.endOffset);
    while (start < end && !this.characters[start].trim()) start += 1;
    while (end > start && !this.characters[end - 1].trim()) end -= 1;
    return start < end ? { start, end, text: this.characters.slice(start, end).join("") } : null;
  }

  #placeOf(container, offset) {
    const before = document.createRange();
    before.selectNodeContents(this.node);
    before.setEnd(container, offset);
    return Array.from(before.toString()).length;
  }
}
