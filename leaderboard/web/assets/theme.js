// Before the first paint, so that a dark page does not flash. Storage is refused in some browsers for files.
"use strict";
try {
  const theme = localStorage.getItem("bioreview-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // The system's colours, then.
}
