// The form's page: what `composing.js` does, and a count for long messages.

import { compose } from "./composing.js";

const form = document.querySelector("#support-form");
const count = form.querySelector("#message-count");
const message = form.elements.message;
const COUNT_FROM = 8_000;

compose(form, {
  headers: {},
  address: form.action,
  done: (answer) => location.assign(navigator.cookieEnabled ? `/support/status/${answer.reference}` : answer.status_url),
});

message.addEventListener("input", () => {
  const used = message.value.length;
  count.textContent = used < COUNT_FROM ? "" : `${used.toLocaleString("en")} of 10,000 characters`;
});
