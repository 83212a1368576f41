// Sorting, searching and filtering the table of a site of files. A server does the same by links and a form.

const ASCENDING = ["band", "system"];

function startTable() {
  const table = document.getElementById("board");
  const form = document.getElementById("filters");
  if (!table || !form || document.getElementById("comparing").dataset.live === "yes") return;
  const body = table.querySelector("tbody.entries");
  const rows = [...body.rows].sort((a, b) => a.dataset.index - b.dataset.index);
  const headings = [...table.tHead.querySelectorAll('th[data-key]:not([data-key="links"])')];
  const query = new URLSearchParams(location.search);
  const keys = headings.map((heading) => heading.dataset.key);
  const first = table.dataset.sort;
  const known = [...keys, "submitted"];
  const state = { sort: known.includes(query.get("sort")) ? query.get("sort") : first };
  const order = query.get("order");
  state.down = order ? order === "down" : !ASCENDING.includes(state.sort);
  const filters = ["weights", "size", "training"].map((name) => form.elements[name]);
  for (const select of filters) {
    const given = query.get(select.name);
    if ([...select.options].some((option) => option.value === given)) select.value = given;
  }

  const boxes = [...form.querySelectorAll("#columns input")];
  if (query.has("col")) {
    const chosen = query.get("col").split(",");
    for (const box of boxes) box.checked = chosen.includes(box.value);
  }
  const WIDE = 10; // columns that fit beside each other; more are scrolled
  const showColumns = () => {
    for (const box of boxes) {
      for (const cell of table.querySelectorAll(`.col-${box.value}`)) cell.hidden = !box.checked;
    }
    if (!boxes.length) return;
    const wrap = table.parentElement;
    const wide = headings.filter((heading) => !heading.hidden).length + 1 > WIDE;
    wrap.classList.toggle("wide", wide);
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", "Table"]]) {
      if (wide) wrap.setAttribute(name, value);
      else wrap.removeAttribute(name);
    }
  };

  const words = () => form.elements.q.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);

  const passes = (row) =>
    (form.elements.weights.value === "any" || row.dataset.weights === "yes") &&
    (form.elements.size.value === "any" || row.dataset.size === form.elements.size.value) &&
    (form.elements.training.value === "any" || row.dataset.unseen === "yes") &&
    words().every((word) => row.querySelector(".col-system").textContent.normalize("NFKC").toLowerCase().includes(word));

  const value = (row) => {
    const cell = row.querySelector(`[data-key="${state.sort}"]`);
    return cell ? cell.dataset.value : "";
  };

  // Undefined figures stand last either way; equals keep the order of bands.
  const compare = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === "" || y === "") return (x === "") - (y === "");
    const difference = state.sort === "system" || state.sort === "submitted" ? (x < y ? -1 : x > y ? 1 : 0) : x - y;
    return state.down ? -difference : difference;
  };

  const address = () => {
    for (const name of ["sort", "order", "weights", "size", "training", "q", "col"]) query.delete(name);
    const usual = state.down !== ASCENDING.includes(state.sort);
    if (state.sort !== first || !usual) query.set("sort", state.sort);
    if (!usual) query.set("order", state.down ? "down" : "up");
    for (const select of filters) if (select.selectedIndex > 0) query.set(select.name, select.value);
    if (form.elements.q.value) query.set("q", form.elements.q.value);
    const shown = boxes.filter((box) => box.checked).map((box) => box.value);
    if (boxes.some((box) => box.checked !== box.defaultChecked)) query.set("col", shown.join(","));
    const text = query.toString();
    try {
      history.replaceState(null, "", text ? `?${text}` : location.pathname);
    } catch {
      // Pages from a disk have no address to change in some browsers.
    }
  };

  const show = () => {
    rows.forEach((row) => { row.hidden = !passes(row); });
    const ordered = [...rows].sort(compare);
    body.append(...ordered);
    const shown = ordered.filter((row) => !row.hidden);
    shown.forEach((row, place) => {
      const starts = place === 0 || shown[place - 1].dataset.band !== row.dataset.band;
      row.classList.toggle("first-of-band", state.sort === "band" && starts);
    });
    for (const heading of headings) {
      if (heading.dataset.key === state.sort) heading.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
    document.getElementById("n-shown").textContent = shown.length;
    document.getElementById("reset").hidden = filters.every((select) => select.selectedIndex === 0) && !form.elements.q.value;
    form.elements.sort.value = state.sort;
  };

  const sortBy = (key) => {
    state.down = key === state.sort ? !state.down : !ASCENDING.includes(key);
    state.sort = key;
    show();
    address();
  };

  for (const heading of headings) {
    let link = heading.querySelector(".sort");
    if (link.tagName !== "A") {
      const made = document.createElement("a");
      made.className = "sort";
      made.href = `?sort=${heading.dataset.key}`;
      made.textContent = link.textContent;
      link.replaceWith(made);
      link = made;
    }
    link.addEventListener("click", (event) => {
      event.preventDefault();
      sortBy(heading.dataset.key);
    });
  }
  for (const select of filters) select.addEventListener("change", () => { show(); address(); });
  for (const box of boxes) box.addEventListener("change", () => { showColumns(); address(); });
  form.elements.q.value = query.get("q") || "";
  form.elements.q.addEventListener("input", () => { show(); address(); });
  form.elements.sort.addEventListener("change", () => {
    state.down = !ASCENDING.includes(form.elements.sort.value);
    state.sort = form.elements.sort.value;
    show();
    address();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("reset").addEventListener("click", () => {
    for (const select of filters) select.selectedIndex = 0;
    form.elements.q.value = "";
    show();
    address();
  });
  for (const button of form.querySelectorAll(".apply")) button.hidden = true;
  form.hidden = false;
  showColumns();
  show();
}
