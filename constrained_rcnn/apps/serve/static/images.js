// The list of images: an entry each, its progress, its result and what can be done with it.

import { add, ask, say } from "./uploads.js";

const BUSY = ["uploading", "waiting", "running"];
const list = document.getElementById("images");
const entries = new Map(); // id -> {article, state}

export function isBusy(image) {
  return BUSY.includes(image.state);
}

// Brings the entries to what the server says; `changed` is called when something was done with one.
export async function show(images, changed) {
  const ids = new Set(images.map((image) => image.id));
  for (const id of [...entries.keys()]) if (!ids.has(id)) forget(id);
  for (const image of images) {
    const entry = entries.get(image.id) || begin(image, changed);
    if (entry.state !== image.state) await change(entry, image, changed);
    if (isBusy(image)) move(entry.article, image);
  }
}

function begin(image, changed) {
  const article = document.getElementById("entry").content.cloneNode(true).firstElementChild;
  article.setAttribute("aria-label", image.name);
  article.dataset.id = image.id;
  article.querySelector(".remove").addEventListener("click", () => remove(image, changed));
  list.append(article);
  const entry = { article, state: "" };
  entries.set(image.id, entry);
  return entry;
}

async function change(entry, image, changed) {
  const { article } = entry;
  const again = entry.state !== "";
  entry.state = image.state;
  article.querySelector(".name").textContent = image.kind === "comparison" ? `Comparison with ${image.name}` : image.name;
  const button = article.querySelector(".remove");
  button.textContent = isBusy(image) ? "Cancel" : "Remove";
  button.setAttribute("aria-label", `${button.textContent}: ${image.name}`);
  article.querySelector(".status").textContent = image.status;
  article.querySelector("progress").hidden = image.state !== "running";
  if (image.state === "done") await fill(article, image, changed);
  article.dataset.state = image.state;
  if (again && !isBusy(image)) say(`${image.name}: ${image.status}`);
}

function move(article, image) {
  article.querySelector(".status").textContent = image.status;
  const progress = article.querySelector("progress");
  if (image.total > 1) {
    progress.max = image.total;
    progress.value = image.done;
  } else {
    progress.removeAttribute("value");
  }
}

// The server's templates escape every value, and the page's policy lets nothing in them run.
async function fill(article, image, changed) {
  const answer = await fetch(`/results/${image.id}`);
  if (!answer.ok) return;
  const found = article.querySelector(".found");
  found.innerHTML = await answer.text();
  article.querySelector(".status").hidden = true;
  const opacity = found.querySelector(".opacity");
  const over = found.querySelector(".over");
  if (opacity) {
    opacity.addEventListener("input", () => {
      over.style.opacity = opacity.value / 100;
      if (over.matches(".map")) over.parentElement.classList.toggle("grey", opacity.value > 0);
    });
  }
  const second = found.querySelector(".second");
  if (second) {
    second.addEventListener("change", () => {
      const limit = Number(document.getElementById("drop").dataset.bytes);
      add([...second.files], limit, () => changed(0), `/v1/images/${image.id}/comparison`);
      second.value = "";
    });
  }
}

async function remove(image, changed) {
  try {
    await ask(`/v1/images/${image.id}`, { method: "DELETE" });
  } catch (error) {
    if (error.status !== 404) say(error.message);
  }
  say(`${image.name}: removed`);
  forget(image.id);
  changed(0);
}

// Who removed an entry by keyboard goes on at the next one.
function forget(id) {
  const { article } = entries.get(id) || {};
  if (!article) return;
  if (article.contains(document.activeElement)) {
    const next = article.nextElementSibling || article.previousElementSibling;
    (next ? next.querySelector(".remove") : document.getElementById("choose")).focus();
  }
  article.remove();
  entries.delete(id);
}
