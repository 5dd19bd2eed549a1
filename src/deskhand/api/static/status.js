// Keeps the status page up to date: asks for the ticket, and takes the page's new part from the server when it changed.

import { compose, newKey } from "./composing.js";

const main = document.querySelector("main[data-reference]");
const announce = document.querySelector("#announce");
const connection = document.querySelector("#connection");
const { reference, token, link } = main.dataset;
const WAITING = ["received", "in_progress"];
const QUICK_MS = 2_000;
const PATIENT_MS = 5_000;
const SETTLED_MS = 20_000;
const QUICK_FOR_MS = 120_000;
const USUAL_MS = 60_000;
const LATE = "This takes longer than usual. You can close this page: your private link brings you back to it.";
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

let started = Date.now();
let { status: state, version } = document.querySelector("#live").dataset;

// A link that was opened with its secret leaves a cookie; the address need not show the secret any longer.
if (navigator.cookieEnabled && location.search) history.replaceState(null, "", location.pathname);

function pause() {
  if (!WAITING.includes(state)) return SETTLED_MS;
  return Date.now() - started < QUICK_FOR_MS ? QUICK_MS : PATIENT_MS;
}

async function look() {
  const response = await fetch(`/support/ticket/${reference}`, {
    headers: { Authorization: `Bearer ${token}`, Accept: "application/json" },
    cache: "no-store",
    signal: AbortSignal.timeout(15_000),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const ticket = await response.json();
  if (ticket.version !== version) await renew();
}

async function renew() {
  const response = await fetch(navigator.cookieEnabled ? location.pathname : link, { cache: "no-store" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const part = fresh.querySelector("#live");
  const before = main.querySelectorAll(".message").length;
  const stateBefore = state;
  ({ status: state, version } = part.dataset);
  document.querySelector("#live").replaceWith(document.adoptNode(part));
  document.title = fresh.title;
  useLocalTime();
  if (state === stateBefore && main.querySelectorAll(".message").length === before) return;
  const title = document.querySelector("#state-title").textContent;
  const text = document.querySelector("#state-text").textContent;
  announce.textContent = `${title}. ${text}`;
}

// The server writes UTC; people read their own time.
function useLocalTime() {
  for (const time of main.querySelectorAll("time")) time.textContent = MOMENT.format(new Date(time.dateTime));
}

function sayLate() {
  const text = document.querySelector("#state-text");
  if (pause() === SETTLED_MS || Date.now() - started < USUAL_MS || text.textContent === LATE) return;
  text.textContent = LATE;
  announce.textContent = LATE;
}

useLocalTime();

const reply = document.querySelector("#reply");
if (reply) {
  const box = compose(reply, {
    headers: { Authorization: `Bearer ${token}` },
    address: `/support/ticket/${reference}/replies`,
    done: async () => {
      reply.reset();
      reply.elements.idempotency_key.value = newKey();
      box.idle();
      reply.elements.message.focus();
      started = Date.now();
      await renew().catch(() => { connection.hidden = false; });
      announce.textContent = "Your reply has arrived.";
      watch();
    },
  });
}

let looking = false;

async function watch() {
  clearTimeout(timer);
  if (!document.hidden && !looking) {
    looking = true;
    try {
      await look();
      connection.hidden = true;
      sayLate();
    } catch {
      connection.hidden = false;
    }
    looking = false;
  }
  clearTimeout(timer);
  timer = setTimeout(watch, pause());
}

let timer = setTimeout(watch, pause());

for (const event of ["visibilitychange", "online"]) {
  (event === "online" ? window : document).addEventListener(event, () => {
    if (!document.hidden) watch();
  });
}

if (navigator.clipboard) {
  for (const button of main.querySelectorAll("[data-copy], [data-copy-link]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.dataset.copy ?? document.getElementById(button.dataset.copyLink).href;
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      announce.textContent = button.dataset.said;
      setTimeout(() => { button.textContent = label; }, 2_000);
    });
  }
}
