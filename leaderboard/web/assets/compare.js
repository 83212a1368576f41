// Choosing systems to compare: two to eight on a server, two in a site of files.

function startComparing() {
  const form = document.getElementById("comparing");
  const button = document.getElementById("compare-button");
  if (!form || !button) return;
  const boxes = [...form.querySelectorAll('input[name="s"]')];
  const chosen = () => boxes.filter((box) => box.checked);
  const live = form.dataset.live === "yes";
  const most = live ? 8 : 2;
  const before = Number(form.dataset.chosen || 0);
  const show = () => {
    const count = before + chosen().length;
    const full = count >= most;
    button.disabled = count < 2;
    for (const box of boxes) box.disabled = full && !box.checked;
  };
  boxes.forEach((box) => box.addEventListener("change", show));
  show();
  if (live) return;
  // A static site has a page for every pair, named after the two in the order of the table.
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const place = (box) => Number(box.closest("tr").dataset.index);
    const [a, b] = chosen().sort((one, other) => place(one) - place(other));
    location.href = `${form.dataset.pages}${a.value}-${b.value}.html`;
  });
}
