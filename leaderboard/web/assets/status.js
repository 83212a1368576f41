// A submission's page looks again while something is still to happen; without JavaScript the page reloads itself.

function startStatus() {
  const region = document.getElementById("status");
  if (!region || region.dataset.waiting !== "yes") return;
  let pause = 1000;
  const look = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("status");
        if (fresh) {
          if (fresh.innerHTML !== region.innerHTML) region.innerHTML = fresh.innerHTML;
          region.dataset.waiting = fresh.dataset.waiting;
        }
      }
    } catch {
      // The board may be starting anew; look again later.
    }
    pause = Math.min(pause * 1.3, 10000);
    if (region.dataset.waiting === "yes") setTimeout(look, pause);
  };
  setTimeout(look, pause);
}
