// Requests to the server that this page came from; nothing goes elsewhere.

const STORED = "lcagent-key";
let asking = null;

function headers(more = {}) {
  const key = sessionStorage.getItem(STORED);
  return key ? { ...more, authorization: `Bearer ${key}` } : more;
}

function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("key-dialog");
    const form = document.getElementById("key-form");
    form.onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(STORED, document.getElementById("key").value.trim());
      dialog.close();
      asking = null;
      resolve();
    };
    dialog.oncancel = (event) => event.preventDefault();
    dialog.showModal();
  });
  return asking;
}

export async function request(path, options = {}) {
  for (;;) {
    const reply = await fetch(path, { ...options, headers: headers(options.headers) });
    if (reply.status === 401) {
      await askForKey();
      continue;
    }
    if (reply.ok) return reply;
    let said = `${reply.status} ${reply.statusText}`;
    try {
      said = (await reply.json()).error.message;
    } catch {
      // no body of ours: the status is all there is
    }
    throw new Error(said);
  }
}

export async function get(path) {
  return (await request(path)).json();
}

export async function post(path, body, signal) {
  const sent = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}), signal };
  return request(path, sent);
}

export async function upload(file) {
  const form = new FormData();
  form.append("file", file);
  return (await request("/v1/files", { method: "POST", body: form })).json();
}

// The events of a stream: {id, event, data}.
export async function* events(reply) {
  const decoder = new TextDecoder();
  let held = "";
  for await (const piece of pieces(reply.body)) {
    held += decoder.decode(piece, { stream: true }).replaceAll("\r\n", "\n");
    let cut;
    while ((cut = held.indexOf("\n\n")) >= 0) {
      const fields = { event: "message" };
      for (const line of held.slice(0, cut).split("\n")) {
        const at = line.indexOf(":");
        if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).trimStart();
      }
      held = held.slice(cut + 2);
      if (fields.data !== undefined) yield fields;
    }
  }
}

async function* pieces(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
