// The theme, the copy button, and what paper shows.

const THEME_KEY = "bioreview-report-theme";

// Storage is refused in some browsers for files; the choice then lasts as long as the page.
function storedTheme() {
  try {
    return localStorage.getItem(THEME_KEY);
  } catch {
    return null;
  }
}

function storeTheme(theme) {
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // Nothing to do: see above.
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

// Before the first paint, so that a dark page does not flash.
function restoreTheme() {
  const theme = storedTheme();
  if (theme === "dark" || theme === "light") setTheme(theme);
}

function startTheme() {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    setTheme(isDark() ? "light" : "dark");
    storeTheme(document.documentElement.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  button.hidden = false;
  show();
}

function startCopy() {
  const button = byId("copy");
  const signature = byId("signature");
  const say = (words) => {
    button.textContent = words;
    byId("copied").textContent = words;
  };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(signature.textContent);
      say("Copied");
    } catch {
      getSelection().selectAllChildren(signature);
      say("Selected");
    }
    setTimeout(() => say("Copy"), 2000);
  });
  button.hidden = false;
}

// On paper nothing is folded.
function startPrint() {
  const opened = [];
  addEventListener("beforeprint", () => {
    opened.push(...document.querySelectorAll("details:not([open])"));
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened.splice(0)) details.open = false;
  });
}
