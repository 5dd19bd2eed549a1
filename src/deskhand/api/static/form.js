// The form without a page change: checks in place, keeps the text when sending fails, and posts a message only once.

const form = document.querySelector("#support-form");
const button = form.querySelector("button[type=submit]");
const buttonText = button.querySelector(".button-text");
const notices = form.querySelector("#notices");
const fields = ["name", "email", "subject", "message"].map((name) => form.elements[name]);
const PATIENCE_MS = 30_000;
const COUNT_FROM = 8_000;

let sending = false;

form.noValidate = true;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (sending) return;
  const errors = fields.map(check).filter(Boolean);
  show(errors);
  if (errors.length === 0) send();
});

for (const field of fields) {
  field.addEventListener("input", () => {
    if (field.getAttribute("aria-invalid") === "true" && !check(field)) mark(field, "");
  });
}

const message = form.elements.message;
const count = form.querySelector("#message-count");
message.addEventListener("input", () => {
  const used = message.value.length;
  count.textContent = used < COUNT_FROM ? "" : `${used.toLocaleString("en")} of 10,000 characters`;
});

function check(field) {
  const value = field.value.trim();
  if (field.required && value === "") return { field: field.name, text: field.dataset.missing };
  const tooShort = field.minLength > 0 && value.length < field.minLength;
  if (field.validity.typeMismatch || tooShort) return { field: field.name, text: field.dataset.wrong };
  return null;
}

function mark(field, text) {
  const id = `${field.name}-error`;
  let line = document.getElementById(id);
  const others = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((part) => part && part !== id);
  if (text) {
    if (!line) {
      line = element("p", { id, className: "field-error" });
      field.insertAdjacentElement("afterend", line);
    }
    line.textContent = text;
    field.setAttribute("aria-invalid", "true");
    others.push(id);
  } else {
    line?.remove();
    field.removeAttribute("aria-invalid");
  }
  if (others.length) field.setAttribute("aria-describedby", others.join(" "));
  else field.removeAttribute("aria-describedby");
}

function show(errors) {
  for (const field of fields) mark(field, errors.find((error) => error.field === field.name)?.text ?? "");
  if (errors.length === 0) {
    notices.replaceChildren();
    return;
  }
  const items = errors.map(({ field, text }) => {
    const item = element("li", {});
    item.append(form.elements[field]?.id ? element("a", { href: `#${field}`, textContent: text }) : text);
    return item;
  });
  const list = element("ul", {});
  list.append(...items);
  notify(errors.length === 1 ? "Please look at this again" : "Please look at these again", list);
}

function notify(title, ...content) {
  const box = element("div", { className: "notice notice-error", id: "summary", tabIndex: -1 });
  box.setAttribute("role", "alert");
  box.append(element("h3", { textContent: title }), ...content);
  notices.replaceChildren(box);
  box.focus();
}

notices.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  event.preventDefault();
  document.getElementById(link.hash.slice(1))?.focus();
});

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

function setSending(on) {
  sending = on;
  buttonText.textContent = on ? "Sending…" : "Send message";
  if (on) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

async function send() {
  setSending(true);
  const key = form.elements.idempotency_key;
  const values = Object.fromEntries([...fields, form.elements.website].map((field) => [field.name, field.value]));
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "Idempotency-Key": key.value },
      body: JSON.stringify(values),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const answer = await response.json().catch(() => ({}));
    if (response.status === 202) {
      location.assign(navigator.cookieEnabled ? `/support/status/${answer.reference}` : answer.status_url);
      return;
    }
    explain(response.status, answer, key);
  } catch {
    failed(navigator.onLine ? "We can't be reached just now" : "You seem to be offline");
  }
  setSending(false);
}

function explain(status, answer, key) {
  if (status === 409) {
    key.value = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}-${Math.random()}`;
    notify(
      "You sent another message from this form before",
      element("p", { textContent: "It has arrived. If this is a new one, send it now." }),
    );
  } else if (Array.isArray(answer.errors)) {
    form.elements.website.value = "";
    show(answer.errors.map((error) => ({ field: error.field, text: `${error.message} ${error.mend}`.trim() })));
  } else if (status === 413) {
    show([{ field: "message", text: "Message is too long. Please shorten it." }]);
  } else {
    failed("We can't take your message just now");
  }
}

// The key stays: whether or not the first try arrived, the next one counts once.
function failed(title) {
  const text = "Your text is still here. Please send it again in a moment; it will arrive only once.";
  notify(title, element("p", { textContent: text }));
}

addEventListener("pageshow", () => setSending(false));
