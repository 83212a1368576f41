// Talking with the server. The token lives as long as the tab; the server keeps everything else.

const TOKEN_KEY = "bioreview-annotation-token";
let token = sessionStorage.getItem(TOKEN_KEY) ?? "";

// A link ends in #TOKEN, which browsers send nowhere; it is taken out of the address at once.
function takeToken() {
  const given = decodeURIComponent(location.hash.slice(1));
  if (!given) return;
  setToken(given);
  history.replaceState(null, "", location.pathname);
}

function setToken(given) {
  token = given;
  sessionStorage.setItem(TOKEN_KEY, given);
}

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Without a body it asks, with one it sends. Throws Refusal; its status is 0 where no server answers.
async function talk(path, body, keepalive = false) {
  const headers = { Authorization: `Bearer ${token}` };
  const request = { headers, cache: "no-store", credentials: "omit", keepalive };
  if (body !== undefined) {
    Object.assign(request, { method: "POST", body: JSON.stringify(body) });
    headers["Content-Type"] = "application/json";
  }
  let response, said;
  try {
    response = await fetch(path, request);
    said = await response.json();
  } catch {
    throw new Refusal(0, "Not saved: the server does not answer. Is bench data annotate serve still running?");
  }
  if (!response.ok) throw new Refusal(response.status, said.error);
  return said;
}
