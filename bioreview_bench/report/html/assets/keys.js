// Keys that work everywhere in the page, unless the reader switches them off or is typing.

function startKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      actions.clear();
      return;
    }
    if (!byId("shortcuts").checked || isTyping(event.target)) return;
    const action = { "/": actions.search, j: () => actions.step(1), k: () => actions.step(-1) }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function isTyping(target) {
  return target.matches("input:not([type=checkbox]), select, textarea");
}
