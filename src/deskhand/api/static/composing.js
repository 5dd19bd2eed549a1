// A form without a page change: checks in place, keeps what was typed when sending fails, and sends a message only once.

const PATIENCE_MS = 30_000;
const PATIENCE_WITH_FILES_MS = 300_000;
const KEPT = "Your text is still here. Please send it again in a moment; it will arrive only once.";

export function newKey() {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}-${Math.random()}`;
}

// `send` posts the form's data and returns the response; `done` gets the answer of a 202.
export function compose(form, { headers, address, done }) {
  const button = form.querySelector("button[type=submit]");
  const buttonText = button.querySelector(".button-text");
  const idle = buttonText.textContent;
  const notices = form.querySelector("#notices");
  const fields = [...form.querySelectorAll(".field input, .field textarea")];
  const files = form.elements.files;
  const key = form.elements.idempotency_key;
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
    field.addEventListener(field === files ? "change" : "input", () => {
      if (field === files) {
        const error = check(field);
        mark(field, error?.text ?? "");
      } else if (field.getAttribute("aria-invalid") === "true" && !check(field)) mark(field, "");
    });
  }
  notices.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    event.preventDefault();
    document.getElementById(link.hash.slice(1))?.focus();
  });
  addEventListener("pageshow", () => setSending(false));

  function check(field) {
    if (field === files) return checkFiles(field);
    const value = field.value.trim();
    if (field.required && value === "") return { field: field.name, text: field.dataset.missing };
    const tooShort = field.minLength > 0 && value.length < field.minLength;
    if (field.validity.typeMismatch || tooShort) return { field: field.name, text: field.dataset.wrong };
    return null;
  }

  function checkFiles(field) {
    const chosen = [...field.files];
    const [most, each, sum] = ["files", "file", "sum"].map((name) => Number(field.dataset[name]));
    const large = chosen.find((file) => file.size > each);
    const endings = field.accept.split(",");
    const strange = chosen.find((file) => !endings.some((ending) => file.name.toLowerCase().endsWith(ending)));
    const total = chosen.reduce((size, file) => size + file.size, 0);
    let text = "";
    if (chosen.length > most) text = `These are ${chosen.length} files. Choose up to ${most}.`;
    else if (large) text = `“${large.name}” is larger than ${each / 1e6} MB. Choose a smaller file.`;
    else if (strange) text = `“${strange.name}” can't be taken. We take ${endings.join(" ")}`;
    else if (total > sum) text = `These files are larger than ${sum / 1e6} MB together. Leave some out.`;
    return text ? { field: field.name, text } : null;
  }

  function mark(field, text) {
    const id = `${field.id}-error`;
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

  function setSending(on) {
    sending = on;
    buttonText.textContent = on ? "Sending…" : idle;
    if (on) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }

  async function send() {
    setSending(true);
    const patience = files?.files.length ? PATIENCE_WITH_FILES_MS : PATIENCE_MS;
    try {
      const response = await fetch(address, {
        method: "POST",
        headers: { ...headers, Accept: "application/json", "Idempotency-Key": key.value },
        body: new FormData(form),
        signal: AbortSignal.timeout(patience),
      });
      const answer = await response.json().catch(() => ({}));
      if (response.status === 202) {
        await done(answer);
        return;
      }
      explain(response, answer);
    } catch {
      failed(navigator.onLine ? "We can't be reached just now" : "You seem to be offline");
    }
    setSending(false);
  }

  function explain(response, answer) {
    if (response.status === 409) {
      key.value = newKey();
      notify(
        "You sent another message from this form before",
        element("p", { textContent: "It has arrived. If this is a new one, send it now." }),
      );
    } else if (response.status === 429) {
      const minutes = Math.ceil(Number(response.headers.get("Retry-After") ?? 60) / 60);
      const when = minutes === 1 ? "a minute" : `${minutes} minutes`;
      notify(
        "Too many messages in a short time",
        element("p", { textContent: `Your text is still here. Please send it again in ${when}.` }),
      );
    } else if (Array.isArray(answer.errors)) {
      show(answer.errors.map((error) => ({ field: error.field, text: `${error.message} ${error.mend}`.trim() })));
    } else if (response.status === 413) {
      const text = files?.files.length ? "These files are too large." : "This is too long. Please shorten it.";
      show([{ field: files?.files.length ? "files" : "message", text }]);
    } else {
      failed("We can't take your message just now");
    }
  }

  // The key stays: whether or not the first try arrived, the next one counts once.
  function failed(title) {
    notify(title, element("p", { textContent: KEPT }));
  }

  return { idle: () => setSending(false) };
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
