// Talking: messages, what is remembered and from where.

import { events, get, post } from "./api.js";
import { $, el, when } from "./dom.js";
import { open } from "./reader.js";

let going = null;

const session = () => $("session").value.trim() || "main";
const path = (rest) => `/v1/sessions/${encodeURIComponent(session())}${rest}`;

function bubble(who, text, at) {
  return el("li", { class: who }, el("span", { class: "who" }, at ? `${who}, ${when(at)}` : who), text);
}

const numbered = (text) => text.replace(/\[\^(\d+)\]/g, "[$1]");

function past(one) {
  const made = bubble(one.author, one.marked === null ? one.text : numbered(one.marked), one.at);
  cite(made, one.citations);
  return made;
}

export async function load() {
  const { data } = await get("/v1/sessions");
  $("sessions").replaceChildren(...data.map((one) => el("option", { value: one.session })));
  const held = data.find((one) => one.session === session());
  const messages = held ? (await get(path("/messages?limit=200"))).data : [];
  $("messages").replaceChildren(...messages.map(past));
  bottom();
  await remembered(held);
}

async function remembered(held) {
  const { data: files } = await get("/v1/files?limit=200");
  const attached = new Set((held?.files ?? []).map((one) => one.id));
  $("chat-files").replaceChildren(...files.map((file) => el("li", {}, el("label", {},
    el("input", { type: "checkbox", value: file.id, checked: attached.has(file.id), disabled: attached.has(file.id) }), file.filename))));
  if (!held) {
    $("memory").replaceChildren(el("p", { class: "quiet" }, "Nothing yet."));
    return;
  }
  const { blocks, summary } = await get(path("/memory"));
  const parts = Object.entries(blocks).map(([label, lines]) => [
    el("h3", {}, label),
    lines.length
      ? el("ul", {}, ...lines.map(({ line, from }) => el("li", {}, line.text,
        ...line.notes.map((note) => el("em", {}, ` (${note})`)),
        from.length ? el("details", {}, el("summary", {}, "from where"),
          ...from.map((one) => el("p", { class: "quote" }, `${one.author}, ${when(one.at)}: ${one.text}`))) : null)))
      : el("p", { class: "quiet" }, "Nothing yet."),
  ]).flat();
  if (summary) parts.push(el("h3", {}, "Summary of what left the window"), el("p", {}, summary.text));
  $("memory").replaceChildren(...parts);
}

function bottom() {
  $("messages").scrollTop = $("messages").scrollHeight;
}

async function say(event) {
  event.preventDefault();
  const text = $("message").value.trim();
  if (!text || going) return;
  $("say-error").textContent = "";
  const files = [...$("chat-files").querySelectorAll("input:checked:not(:disabled)")].map((one) => one.value);
  const reply = bubble("assistant", "");
  const words = reply.appendChild(document.createTextNode(""));
  let said = "";
  $("messages").append(bubble("user", text), reply);
  $("message").value = "";
  bottom();
  going = new AbortController();
  $("hush").hidden = false;
  try {
    const stream = await post("/v1/chat/completions", {
      model: "lcagent", stream: true, messages: [{ role: "user", content: text }],
      lcagent: { session: session(), files, footnotes: false },
    }, going.signal);
    for await (const one of events(stream)) {
      if (one.data === "[DONE]") continue;
      const told = JSON.parse(one.data);
      if (told.error) throw new Error(told.error.message);
      const delta = told.choices[0]?.delta ?? {};
      if (delta.reasoning) $("say-doing").textContent = delta.reasoning.trim();
      said += delta.content ?? "";
      words.data = numbered(said);
      if (told.lcagent) cite(reply, told.lcagent.citations);
      bottom();
    }
  } catch (error) {
    $("say-error").textContent = going.signal.aborted ? "Stopped; the message is kept." : error.message;
    if (!said) reply.remove();
  }
  going = null;
  $("hush").hidden = true;
  $("say-doing").textContent = "";
  $("message").focus();
  await remembered((await get("/v1/sessions")).data.find((one) => one.session === session()));
}

function cite(reply, citations) {
  if (!citations.length) return;
  reply.append(el("ol", { class: "foot" }, ...citations.map((one) => el("li", {}, `[${one.number}] `, one.file
    ? el("button", { class: "link", type: "button", onclick: () => open(one.file, one.char_start, one.char_end) }, `${one.document}, ${one.place}`)
    : `${one.document}${one.place ? `, ${one.place}` : ""}`, ": ", el("q", { class: "quote" }, one.quote)))));
}

export function ready() {
  $("say").addEventListener("submit", say);
  $("hush").addEventListener("click", () => going?.abort());
  $("session").addEventListener("change", () => load().catch((error) => { $("say-error").textContent = error.message; }));
  $("message").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) $("say").requestSubmit();
    else return;
    event.preventDefault();
  });
}
