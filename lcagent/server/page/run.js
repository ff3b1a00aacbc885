// One run: its strip of segments, what was found so far, its answer. The same for one that goes on and one
// that is past.

import { events, get, post, request } from "./api.js";
import { $, el } from "./dom.js";
import { open } from "./reader.js";

const MOST_CELLS = 240;

export class RunView {
  constructor(id, { follow = true } = {}) {
    this.id = id;
    this.cells = [];
    this.places = new Map();
    this.total = 0;
    this.leaving = new AbortController();
    this.title = el("h3", {}, "…");
    this.doing = el("p", { role: "status", class: "quiet" }, "starting");
    this.strip = el("div", { class: "strip", role: "progressbar", "aria-label": "Segments read", "aria-valuemin": 0 });
    this.stop = el("button", { type: "button", hidden: true, onclick: () => this.cancel() }, "Stop");
    this.answer = el("div", { "aria-live": "polite" });
    this.found = el("ul", { class: "found" });
    this.findings = el("details", {}, el("summary", {}, "Found so far"), this.found);
    this.more = el("div", {});
    this.log = el("ul", { class: "quiet" });
    this.told = el("details", {}, el("summary", {}, "What happened"), this.log);
    this.element = el(
      "article", { class: "run", "data-run": id },
      this.title, this.doing, this.strip, el("p", { class: "row" }, this.stop),
      this.answer, this.findings, this.more, this.told,
    );
    this.findings.open = follow;
    this.findings.hidden = true;
    this.go();
  }

  leave() {
    this.leaving.abort();
  }

  async go() {
    let after = 0;
    for (let tries = 0; !this.leaving.signal.aborted; tries += 1) {
      try {
        this.row = await get(`/v1/runs/${this.id}`);
        this.title.textContent = this.row.question;
        this.stop.hidden = !["queued", "running"].includes(this.row.status);
        const path = `/v1/runs/${this.id}/events?after=${after}`;
        const reply = await request(path, { signal: this.leaving.signal });
        for await (const event of events(reply)) {
          tries = 0;
          if (event.id) after = Number(event.id);
          await this.happened(JSON.parse(event.data));
          if (event.event === "end") return;
        }
      } catch (error) {
        if (this.leaving.signal.aborted) return;
        this.doing.textContent = `${error.message}: asking again`;
        if (tries > 30) return;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 300 * (tries + 1))));
    }
  }

  async happened(event) {
    const does = {
      "run.started": () => this.started(event),
      "segment.read": () => this.read(event),
      "text.counted": () => this.say(`counted ${Math.floor((100 * event.done) / event.total)} % of the text`),
      notice: () => this.note(event.text),
      waiting: () => this.note(event.text),
      answer: () => this.answered(),
      error: () => this.failed(event.error),
      cancelled: () => this.say("stopped; asked again, it goes on from here"),
      end: () => this.ended(event.status),
    }[event.type];
    if (does) await does();
  }

  say(text) {
    this.doing.textContent = text;
  }

  note(text) {
    this.log.append(el("li", {}, text));
    this.say(text);
  }

  started(event) {
    this.total = event.segments;
    const count = Math.min(this.total, MOST_CELLS);
    this.cells = Array.from({ length: count }, () => el("i", {}));
    this.places.clear();
    this.strip.replaceChildren(...this.cells);
    this.strip.setAttribute("aria-valuemax", this.total);
    this.strip.setAttribute("aria-valuenow", 0);
    this.note(`${event.strategy}: ${event.segments} segment${event.segments === 1 ? "" : "s"} with ${event.model}`);
  }

  read(event) {
    // Documents come one after the other; each begins where the cells of the one before it end.
    if (!this.places.has(event.document)) this.places.set(event.document, this.places.size);
    const one = this.places.size === 1;
    const at = one ? Math.min(event.index, this.total - 1) : event.done - 1;
    const cell = this.cells[Math.floor((at * this.cells.length) / Math.max(this.total, 1))];
    if (cell) {
      cell.classList.add(event.kept ? "kept" : "done");
      cell.title = `${event.document}${event.page ? `, page ${event.page}` : ""}`;
    }
    this.strip.setAttribute("aria-valuenow", event.done);
    this.strip.setAttribute("aria-valuetext", `${event.done} of ${event.total} read`);
    const page = event.page ? `, page ${event.page}` : "";
    this.say(`read ${event.done} of ${event.total}: ${event.document}${page}`);
    if (event.kept) this.look();
  }

  look() {
    this.looking ??= setTimeout(async () => {
      this.looking = null;
      try {
        const { data } = await get(`/v1/runs/${this.id}/findings`);
        this.show(data);
      } catch (error) {
        this.note(error.message);
      }
    }, 300);
  }

  show(findings) {
    this.found.replaceChildren(...findings.map((one) => {
      const file = this.row.files[one.document];
      const [start, end] = one.spans[0] ?? [0, 0];
      const words = one.quote || one.text;
      const who = one.role && one.role !== "reader" ? `${one.role}${one.answer ? `: ${one.answer}` : ""} — ` : "";
      return el("li", {}, who, file
        ? el("button", { class: "link", type: "button", onclick: () => open(file, start, end) }, words)
        : words, one.place ? el("span", { class: "quiet" }, ` ${one.place}`) : "");
    }));
    this.findings.hidden = !findings.length;
  }

  async answered() {
    const told = await get(`/v1/runs/${this.id}/answer`);
    const { answer } = told;
    const numbers = new Map(told.citations.map((one) => [String(one.number), one]));
    const parts = answer.text.split(/(\[\d+\])/).map((part) => {
      const one = numbers.get(part.slice(1, -1));
      return one && part.startsWith("[") ? this.link(one, part) : part;
    });
    const foot = told.citations.map((one) => el("li", {}, this.link(one, `[${one.number}]`),
      ` ${one.document}, ${one.place}: `, el("q", { class: "quote" }, one.quote)));
    const used = answer.usage;
    const tokens = used.prompt_tokens + used.completion_tokens;
    const words = { not_found: "not found in the documents", conflicting: "the documents say two things", budget: "a budget was reached: the best so far" };
    this.answer.replaceChildren(
      el("p", { class: "answer" }, ...parts),
      words[answer.status] ? el("p", {}, el("strong", {}, words[answer.status])) : "",
      el("ol", { class: "foot", "aria-label": "Citations" }, ...foot),
      el("p", { class: "quiet" }, `${answer.coverage.sentence}; ${used.calls} calls, ${tokens.toLocaleString()} tokens, ${Math.round(used.seconds)} s; ${answer.strategy} with ${answer.model}`),
    );
    this.findings.open = false;
    this.look();
    this.rest(answer);
  }

  link(one, words) {
    const label = `Citation ${one.number}: ${one.document}, ${one.place}`;
    if (!one.file) return el("span", { title: label }, words);
    return el("button", { class: "link", type: "button", "aria-label": label, onclick: () => open(one.file, one.char_start, one.char_end) }, words);
  }

  rest(answer) {
    const parts = [];
    const list = (title, lines) => lines.length && parts.push(
      el("details", {}, el("summary", {}, `${title} (${lines.length})`), el("ul", {}, ...lines.map((line) => el("li", {}, line)))));
    const searched = answer.searched;
    list("Not read", [...answer.coverage.skipped, ...(searched?.pages_unread ?? []),
      ...answer.coverage.health.flatMap((one) => [...one.left_out, ...one.notes].map((what) => `${one.document}: ${what}`))]);
    list("Warnings", answer.warnings);
    list("How it went", answer.way);
    list("Steps", answer.hops.map((hop) => `${hop.question} → ${hop.answer || "not found"}`));
    if (answer.table) list(answer.table.rule, answer.table.rows.map((row) => row.values.join(" · ")));
    if (answer.paths.length) parts.push(walked(answer.paths));
    this.more.replaceChildren(...parts);
  }

  failed(error) {
    this.answer.replaceChildren(el("p", { class: "error", role: "alert" }, error.message, error.hint ? ` (${error.hint})` : ""));
    this.say("it failed");
  }

  // Fetched again where that went wrong before: of events that were seen none comes twice.
  async ended(status) {
    this.stop.hidden = true;
    if (status === "finished" && !this.answer.querySelector(".answer")) await this.answered();
    if (this.answer.querySelector(".answer")) this.say("answered");
  }

  async cancel() {
    this.stop.disabled = true;
    await post(`/v1/runs/${this.id}/cancel`);
  }
}

// The ways through the graph of facts: a row a path, its elements as they were gone to.
function walked(paths) {
  const step = 150;
  const rows = paths.map((path) => path.steps.map((one) => one.node).filter((node, at, all) => node && node !== all[at - 1]));
  const width = step * Math.max(1, ...rows.map((row) => row.length)) + 20;
  const height = rows.length * 56 + 10;
  const parts = rows.flatMap((row, line) => row.flatMap((node, at) => {
    const x = at * step + 14;
    const y = line * 56 + 20;
    return [
      at ? el("svg:line", { x1: x - step + 7, y1: y, x2: x - 7, y2: y }) : null,
      el("svg:circle", { cx: x, cy: y, r: 7 }),
      el("svg:text", { x: x - 7, y: y + 24 }, node.length > 20 ? `${node.slice(0, 19)}…` : node),
    ];
  }));
  const told = paths.map((path, at) => `path ${at + 1}: ${rows[at].join(", then ")}; ${path.conclusion || path.ended}`);
  return el("details", {}, el("summary", {}, `The graph that was walked (${paths.length} paths)`),
    el("div", { class: "paths", tabindex: 0, role: "region", "aria-label": "Paths" },
      el("svg:svg", { width, height, role: "img", "aria-label": told.join(". ") }, ...parts)),
    el("ol", {}, ...paths.map((path) => el("li", {}, path.conclusion || path.ended))));
}

export function showRuns(place, ids) {
  for (const view of place.views ?? []) view.leave();
  place.views = ids.map((id) => new RunView(id, { follow: ids.length === 1 }));
  place.replaceChildren(...place.views.map((view) => view.element));
}

export async function listRuns() {
  const { data } = await get("/v1/runs?limit=200");
  $("past").replaceChildren(...data.map((run) => el("tr", {},
    el("td", {}, el("input", { type: "checkbox", value: run.id, "aria-label": `Compare: ${run.question}` })),
    el("td", {}, el("a", { href: `#runs=${run.id}` }, run.question)),
    el("td", {}, run.strategy), el("td", {}, run.no_worker_since === null ? run.status : `${run.status}, waiting for a worker`), el("td", {}, new Date(run.created_at * 1000).toLocaleString()))));
  $("compare").disabled = true;
}
