// The page: takes images that are dropped, pasted or chosen, and shows how far they are. Nothing is fetched from elsewhere.

import { add, ask, say } from "./uploads.js";
import { isBusy, show } from "./images.js";

const SOON = 500; // milliseconds between two looks at what is on its way
const drop = document.getElementById("drop");
const choose = document.getElementById("choose");
let timer = null;

async function look() {
  timer = null;
  try {
    const images = (await ask("/v1/images")).images;
    await show(images, look_soon);
    document.getElementById("news").dataset.lost = "";
    if (images.some(isBusy)) look_soon();
  } catch (error) {
    const news = document.getElementById("news");
    if (!news.dataset.lost) say("The program that shows this page does not answer; it may have ended.");
    news.dataset.lost = "yes";
    look_soon(4 * SOON);
  }
}

function look_soon(wait = SOON) {
  if (timer === null) timer = setTimeout(look, wait);
}

function take(files) {
  if (files.length) add([...files], Number(drop.dataset.bytes), () => look_soon(0));
}

choose.addEventListener("change", () => {
  take(choose.files);
  choose.value = "";
});

document.addEventListener("paste", (event) => {
  const files = event.clipboardData ? event.clipboardData.files : [];
  if (files.length) event.preventDefault();
  take(files);
});

// Anywhere on the page: a file dropped beside the frame would else replace the page.
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take(event.dataTransfer ? event.dataTransfer.files : []);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look_soon(0);
});

look();
