// The page: which view is shown, the documents, and what is asked.

import { get, post, upload } from "./api.js";
import * as chat from "./chat.js";
import { $, el } from "./dom.js";
import * as reader from "./reader.js";
import { listRuns, showRuns } from "./run.js";

const VIEWS = ["read", "chat", "runs"];

async function route() {
  const [view, ids] = location.hash.slice(1).split("=");
  const shown = VIEWS.includes(view) ? view : "read";
  for (const name of VIEWS) {
    $(`view-${name}`).hidden = name !== shown;
    if (name === shown) $(`to-${name}`).setAttribute("aria-current", "page");
    else $(`to-${name}`).removeAttribute("aria-current");
  }
  const runs = (ids ?? "").split(",").filter(Boolean).slice(0, 2);
  if (shown === "read") {
    const asked = runs.length ? (await get(`/v1/runs/${runs[0]}`).catch(() => null)) : null;
    await listFiles(asked?.files);
    if (asked && !$("question").value) $("question").value = asked.question;
    showRuns($("run"), runs);
  }
  if (shown === "chat") await chat.load();
  if (shown === "runs") {
    await listRuns();
    showRuns($("pair"), runs);
  }
}

async function listFiles(chosen = []) {
  const { data } = await get("/v1/files?limit=200");
  const ticked = new Set([...chosen, ...[...$("files").querySelectorAll("input:checked")].map((one) => one.value)]);
  $("files").replaceChildren(...data.map((file) => el("li", {}, el("label", {},
    el("input", { type: "checkbox", value: file.id, checked: ticked.has(file.id) }),
    `${file.filename} (${Math.ceil(file.bytes / 1024).toLocaleString()} KB)`))));
}

async function bring(files) {
  $("ask-error").textContent = "";
  const brought = [];
  for (const file of files) {
    try {
      brought.push((await upload(file)).id);
    } catch (error) {
      $("ask-error").textContent = `${file.name}: ${error.message}`;
    }
  }
  await listFiles(brought);
}

async function ask(event) {
  event.preventDefault();
  $("ask-error").textContent = "";
  const files = [...$("files").querySelectorAll("input:checked")].map((one) => one.value);
  if (!files.length) {
    $("ask-error").textContent = "Choose a document first.";
    return;
  }
  $("start").disabled = true;
  try {
    const body = { question: $("question").value, files, model: $("strategy").value };
    const run = await (await post("/v1/runs", body)).json();
    location.hash = `read=${run.id}`;
  } catch (error) {
    $("ask-error").textContent = error.message;
  }
  $("start").disabled = false;
}

function told(error) {
  $("ask-error").textContent = error.message;
}

async function begin() {
  reader.ready();
  chat.ready();
  $("file").addEventListener("change", () => bring($("file").files).catch(told));
  $("ask").addEventListener("submit", (event) => ask(event).catch(told));
  $("question").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("ask").requestSubmit();
    }
  });
  const drop = $("drop");
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") bring(event.dataTransfer.files).catch(told);
    });
  }
  $("past").addEventListener("change", () => {
    const ticked = $("past").querySelectorAll("input:checked").length;
    $("compare").disabled = ticked !== 2;
  });
  $("compare").addEventListener("click", () => {
    const ids = [...$("past").querySelectorAll("input:checked")].map((one) => one.value);
    location.hash = `runs=${ids.join(",")}`;
  });
  window.addEventListener("hashchange", () => route().catch(told));
  const { data } = await get("/v1/models");
  $("strategy").replaceChildren(...data.map((model) => el("option", { value: model.id }, model.id === "lcagent" ? "lcagent (the server's choice)" : model.id.replace("lcagent/", ""))));
  await route();
  const wanted = new URLSearchParams(location.search);
  if (wanted.has("file")) await reader.open(wanted.get("file"), Number(wanted.get("start")), Number(wanted.get("end")));
  const state = await fetch("/ready").then((reply) => reply.json());
  const model = state.ready ? state.model : `no model: ${state.reason}`;
  $("model").textContent = state.no_worker_since === null ? model : `${model}; no worker is there`;
}

begin().catch(told);
