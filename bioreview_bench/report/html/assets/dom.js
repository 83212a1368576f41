// Building the page from text: whatever a file says becomes a text node, never markup.

function byId(id) {
  return document.getElementById(id);
}

function make(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null));
  return node;
}

function makeButton(className, words, onClick) {
  const node = make("button", className, words);
  node.type = "button";
  node.addEventListener("click", onClick);
  return node;
}

// An id that may be broken after its punctuation rather than anywhere.
function breakable(id) {
  const parts = id.split(/(?<=[:_/.])/);
  const node = document.createDocumentFragment();
  parts.forEach((part, place) => node.append(...(place ? [document.createElement("wbr")] : []), part));
  return node;
}

// The text with every occurrence of the query marked.
function marked(text, query) {
  const node = document.createDocumentFragment();
  const lower = text.toLowerCase();
  // Letters whose lower case is longer would shift the marks; such a text is shown plain.
  if (!query || lower.length !== text.length) {
    node.append(text);
    return node;
  }
  let from = 0;
  for (let at = lower.indexOf(query); at >= 0; at = lower.indexOf(query, from)) {
    node.append(text.slice(from, at), make("mark", "", text.slice(at, at + query.length)));
    from = at + query.length;
  }
  node.append(text.slice(from));
  return node;
}
