// A document, opened at a quote.

import { get, request } from "./api.js";
import { $, el } from "./dom.js";

let shown = null;

export async function open(file, start, end) {
  await show(`/v1/files/${encodeURIComponent(file)}/passage?start=${start}&end=${end}`);
}

async function show(path) {
  const dialog = $("reader");
  if (!dialog.open) dialog.showModal();
  try {
    shown = await get(path);
    $("reader-title").textContent = shown.name;
    $("reader-place").textContent = shown.place;
    const paged = shown.pages > 1;
    for (const [id, step] of [["reader-back", -1], ["reader-next", 1]]) {
      const button = $(id);
      button.hidden = !paged;
      button.disabled = !paged || shown.page + step < 1 || shown.page + step > shown.pages;
      button.textContent = `${step < 0 ? "Previous" : "Next"} ${shown.unit || "page"}`;
    }
    $("reader-body").replaceChildren(...(shown.picture ? await sheets(shown) : [text(shown)]));
    const mark = $("reader-body").querySelector("mark, rect");
    if (mark) mark.scrollIntoView({ block: "center" });
    else $("reader-body").scrollTop = 0;
  } catch (error) {
    $("reader-body").replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
  }
}

function text(passage) {
  const quote = passage.quote ? el("mark", {}, passage.quote) : "";
  return el("pre", {}, passage.before, quote, passage.after);
}

async function sheets(passage) {
  const numbers = passage.boxes.length ? [...new Set(passage.boxes.map((box) => box.page))] : [passage.page];
  const made = [];
  for (const number of numbers) made.push(await sheet(passage, number));
  if (passage.quote && !passage.boxes.length) {
    made.unshift(
      el("p", { class: "quiet" }, "Where the quote stands on the page is not certain, so nothing is marked: "),
      el("blockquote", {}, passage.quote),
    );
  }
  return made;
}

async function sheet(passage, number) {
  const reply = await request(`/v1/files/${encodeURIComponent(passage.file)}/pages/${number}`);
  const width = Number(reply.headers.get("x-page-width"));
  const height = Number(reply.headers.get("x-page-height"));
  const url = URL.createObjectURL(await reply.blob());
  const image = el("img", { src: url, alt: `Page ${number} of ${passage.name}` });
  await image.decode().catch(() => {});
  URL.revokeObjectURL(url);
  const boxes = passage.boxes
    .filter((box) => box.page === number)
    .map((box) => el("svg:rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }));
  const marks = el(
    "svg:svg",
    { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `Marked: ${passage.quote}` },
    ...boxes,
  );
  return el("div", { class: "sheet" }, image, boxes.length ? marks : null);
}

export function ready() {
  const turn = (step) => show(`/v1/files/${encodeURIComponent(shown.file)}/passage?page=${shown.page + step}`);
  $("reader-back").addEventListener("click", () => turn(-1));
  $("reader-next").addEventListener("click", () => turn(1));
  $("reader").addEventListener("keydown", (event) => {
    const step = { PageUp: -1, PageDown: 1 }[event.key];
    const button = step && $(step < 0 ? "reader-back" : "reader-next");
    if (event.altKey && button && !button.hidden && !button.disabled) turn(step);
  });
}
