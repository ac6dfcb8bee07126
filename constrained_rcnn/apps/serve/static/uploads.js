// Sends images, one after the other; while the server's queue is full, the next one waits here.

const WAIT = 2000; // milliseconds until a full queue is asked again
const waiting = [];
let sending = false;

// What is new, for eyes and screen readers.
export function say(text) {
  document.getElementById("news").textContent = text;
}

// An answer of the API; one that is an error becomes an Error with its line.
export async function ask(address, options = {}) {
  const answer = await fetch(address, options);
  if (answer.status === 204) return null;
  const content = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (answer.ok) return content;
  const error = new Error(content.error);
  error.status = answer.status;
  throw error;
}

// Queues files; address: where they are sent. Calls `sent` after each.
export function add(files, limit, sent, address = "/v1/images") {
  const taken = files.filter((file) => fits(file, limit));
  waiting.push(...taken.map((file) => ({ file, address, sent })));
  if (taken.length) say(taken.length === 1 ? `${taken[0].name}: added` : `${taken.length} images added`);
  send();
}

function fits(file, limit) {
  if (file.size > 0 && file.size <= limit) return true;
  refuse(file.name, file.size ? `larger than ${limit} bytes` : "empty, or a folder");
  return false;
}

function refuse(name, why) {
  const line = document.createElement("li");
  line.textContent = `${name}: not sent: ${why}`;
  document.getElementById("refused").append(line);
  say(line.textContent);
}

async function send() {
  if (sending) return;
  sending = true;
  while (waiting.length) {
    const { file, address, sent } = waiting[0];
    try {
      await ask(`${address}?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    } catch (error) {
      if (error.status === 429) {
        await new Promise((resume) => setTimeout(resume, WAIT));
        continue;
      }
      refuse(file.name, error.message);
    }
    waiting.shift();
    sent();
  }
  sending = false;
}
