// One item after the other: shown, its draft kept after every change, saved, taken back.

const IDLE = 120_000; // milliseconds without a key or a pointer after which time is not counted
const DRAFT_DELAY = 250;
const WORDS = { concern: "concerns", letter: "letters", pairs: "pairs" };

let state = null;
let form = null;
let seconds = 0;
let draftTimer = 0;
let drafting = Promise.resolve();
let sending = false;
let lastActive = performance.now();

function say(words) {
  byId("status").textContent = words;
}

function alarm(words) {
  byId("alarm").textContent = words;
  byId("alarm").hidden = !words;
}

function show(now) {
  clearTimeout(draftTimer);
  draftTimer = 0;
  state = now;
  alarm("");
  byId("login").hidden = true;
  byId("help").hidden = byId("meter").hidden = false;
  byId("who").textContent = `Rater: ${state.rater}`;
  byId("progress").max = state.n_items;
  byId("progress").value = state.n_done;
  const parts = state.parts.map((part) => `${WORDS[part.kind]} ${part.n_done}/${part.n_items}`).join(", ");
  byId("count").replaceChildren(`${state.n_done} of ${state.n_items}`, make("span", "parts", ` (${parts})`));
  byId("work").hidden = !state.item;
  byId("end").hidden = Boolean(state.item);
  byId("undo").disabled = byId("undo-last").disabled = !state.last;
  if (state.item) showItem(state.item);
  else showEnd();
}

function showItem(item) {
  seconds = item.seconds;
  form = makeForm(item, changed);
  byId("reading").replaceChildren(form.reading);
  byId("asked").replaceChildren(form.asked);
  byId("note").value = item.draft?.note ?? "";
  byId("work").dataset.kind = item.kind;
  scrollTo(0, 0);
  byId("asked").focus({ preventScroll: true });
  form.start();
}

function showEnd() {
  form = null;
  byId("finish").hidden = byId("undo-last").hidden = state.finished;
  byId("end-title").textContent = state.finished ? "Finished. Thank you." : "All items are answered.";
  byId("end-words").textContent = state.finished
    ? `Your receipt is ${state.receipt}. Write it down: it shows that your answers are still the ones you gave.`
    : "You can still take the last answer back.";
}

function answer() {
  const note = byId("note").value.trim();
  return { ...form.answer(), ...(note ? { note } : {}) };
}

function changed() {
  alarm("");
  say("");
  clearTimeout(draftTimer);
  draftTimer = setTimeout(keepDraft, DRAFT_DELAY);
}

// One draft after the other, so that an older one never arrives last.
function keepDraft(keepalive = false) {
  clearTimeout(draftTimer);
  draftTimer = 0;
  if (!form || sending) return drafting;
  const draft = { item: state.item.id, answer: answer(), seconds };
  drafting = keepalive ? sendDraft(draft, true) : drafting.then(() => sendDraft(draft));
  return drafting;
}

async function sendDraft(draft, keepalive = false) {
  const isOpen = () => !sending && state?.item?.id === draft.item;
  try {
    await talk("/api/draft", draft, keepalive);
    if (isOpen()) say("Draft saved.");
  } catch (refusal) {
    if (isOpen()) await failed(refusal);
  }
}

// What is on the page stays there, so that it can be sent again.
async function failed(refusal) {
  if (refusal.status === 401) {
    leave(refusal.message);
  } else if (refusal.status === 409) {
    await load();
    alarm(refusal.message);
  } else {
    alarm(refusal.message);
  }
}

async function send(path, body, words) {
  if (sending) return;
  sending = true;
  clearTimeout(draftTimer);
  try {
    await drafting; // a draft that arrived after its answer would be refused
    show(await talk(path, body));
    say(words);
  } catch (refusal) {
    await failed(refusal);
  } finally {
    sending = false;
  }
}

function submit() {
  if (!form) return;
  const [missing] = form.open();
  if (missing) {
    const [id] = form.questions.open();
    if (id) form.questions.goTo(id);
    alarm(`Not saved yet: ${missing}.`);
    return;
  }
  send("/api/answer", { item: state.item.id, answer: answer(), seconds }, "Saved.");
}

async function undo() {
  if (!state?.last || sending) return;
  if (draftTimer) await keepDraft();
  send("/api/undo", { item: state.last }, "Taken back: change it and save it again.");
}

function leave(words) {
  setToken("");
  form = state = null;
  for (const id of ["work", "end", "help", "meter"]) byId(id).hidden = true;
  byId("reading").replaceChildren();
  byId("asked").replaceChildren();
  byId("login").hidden = false;
  byId("token").focus();
  alarm(words);
}

async function load() {
  try {
    show(await talk("/api/state"));
  } catch (refusal) {
    await failed(refusal);
  }
}

function onKey(event) {
  lastActive = performance.now();
  const typing = event.target.matches("textarea, input:not([type=radio]):not([type=checkbox])");
  if (event.key === "Escape" && typing) event.target.blur();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form) {
    event.preventDefault();
    submit();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !state) return;
  if (event.key === "Enter" && form && !event.target.matches("button, summary, a")) {
    event.preventDefault();
    submit();
    return;
  }
  if (!byId("shortcuts").checked) return;
  const act = { u: undo, ...(form ? keysOf(form) : {}) }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function keysOf(shown) {
  const keys = {
    j: () => shown.questions.step(1),
    k: () => shown.questions.step(-1),
    n: () => byId("note").focus(),
  };
  for (let place = 0; place < 9; place += 1) keys[String(place + 1)] = () => shown.questions.pick(place);
  if (shown.rest) keys[0] = shown.rest;
  if (shown.mark) keys.m = () => say(shown.mark());
  return keys;
}

// Seconds in which the page is seen and used.
setInterval(() => {
  if (form && document.visibilityState === "visible" && performance.now() - lastActive < IDLE) seconds += 0.5;
}, 500);
for (const kind of ["pointermove", "pointerdown", "wheel", "scroll"]) {
  addEventListener(kind, () => (lastActive = performance.now()), { passive: true, capture: true });
}

addEventListener("pagehide", () => keepDraft(true));
document.addEventListener("keydown", onKey);
byId("note").addEventListener("input", changed);
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
byId("undo").addEventListener("click", undo);
byId("undo-last").addEventListener("click", undo);
byId("finish").addEventListener("click", () => send("/api/finish", {}, ""));
byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(byId("token").value.trim());
  byId("token").value = "";
  load();
});
addEventListener("hashchange", () => {
  takeToken();
  load();
});

takeToken();
if (token) load();
else leave("");
