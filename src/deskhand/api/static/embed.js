// <deskhand-form>: the support form for any page. One module, no dependency; see docs/howto/web-form.md.

const LIMITS = { files: 5, file: 10_000_000, sum: 25_000_000, types: [".pdf", ".png", ".jpg", ".txt", ".csv", ".zip"] };
const SUBMIT = new URL("submit", import.meta.url).href;

// {0}, {1} are filled in.
const WORDS = {
  en: {
    title: "Contact support", name: "Name", email: "Email", subject: "Subject", message: "Message", files: "Files",
    optional: "optional", hint: "What did you try to do, and what happened? Please leave out passwords and card numbers.",
    filesHint: "Up to {0} files, {1} MB each.", send: "Send message", sending: "Sending…",
    noEmail: "Email is missing.", badEmail: "Give an address like name@example.com.",
    noMessage: "Message is missing.", shortMessage: "Write at least 3 characters.",
    manyFiles: "Choose up to {0} files.", largeFile: "“{0}” is larger than {1} MB.", badFile: "“{0}” can't be taken.",
    largeFiles: "These files are larger than {0} MB together.", look: "Please look at this again",
    unreachable: "We can't be reached just now", offline: "You seem to be offline", busy: "Too many messages in a short time",
    kept: "Your text is still here. Send it again in a moment; it arrives only once.",
    already: "You sent another message from this form before", alreadyText: "It has arrived. If this is new, send it now.",
    sent: "Your message has arrived", reference: "Your reference is {0}.", open: "See the answer on your private page (new tab)",
    another: "Write another message",
  },
  de: {
    title: "Support kontaktieren", name: "Name", email: "E-Mail", subject: "Betreff", message: "Nachricht", files: "Dateien",
    optional: "freiwillig", hint: "Was wollten Sie tun, und was ist passiert? Bitte keine Passwörter und Kartennummern.",
    filesHint: "Bis zu {0} Dateien mit je {1} MB.", send: "Nachricht senden", sending: "Wird gesendet …",
    noEmail: "Die E-Mail-Adresse fehlt.", badEmail: "Geben Sie eine Adresse wie name@example.com an.",
    noMessage: "Die Nachricht fehlt.", shortMessage: "Schreiben Sie mindestens 3 Zeichen.",
    manyFiles: "Wählen Sie höchstens {0} Dateien.", largeFile: "„{0}“ ist größer als {1} MB.", badFile: "„{0}“ wird nicht angenommen.",
    largeFiles: "Diese Dateien sind zusammen größer als {0} MB.", look: "Bitte sehen Sie sich das noch einmal an",
    unreachable: "Wir sind gerade nicht erreichbar", offline: "Sie sind offenbar offline", busy: "Zu viele Nachrichten in kurzer Zeit",
    kept: "Ihr Text ist noch da. Senden Sie ihn gleich noch einmal; er kommt nur einmal an.",
    already: "Aus diesem Formular kam schon eine andere Nachricht", alreadyText: "Sie ist angekommen. Ist dies eine neue, senden Sie sie jetzt.",
    sent: "Ihre Nachricht ist angekommen", reference: "Ihr Zeichen ist {0}.", open: "Antwort auf Ihrer privaten Seite ansehen (neuer Tab)",
    another: "Weitere Nachricht schreiben",
  },
  es: {
    title: "Contactar con soporte", name: "Nombre", email: "Correo electrónico", subject: "Asunto", message: "Mensaje", files: "Archivos",
    optional: "opcional", hint: "¿Qué intentaba hacer y qué ocurrió? No incluya contraseñas ni números de tarjeta.",
    filesHint: "Hasta {0} archivos de {1} MB cada uno.", send: "Enviar mensaje", sending: "Enviando…",
    noEmail: "Falta el correo electrónico.", badEmail: "Escriba una dirección como name@example.com.",
    noMessage: "Falta el mensaje.", shortMessage: "Escriba al menos 3 caracteres.",
    manyFiles: "Elija como máximo {0} archivos.", largeFile: "«{0}» ocupa más de {1} MB.", badFile: "«{0}» no se puede aceptar.",
    largeFiles: "Estos archivos ocupan juntos más de {0} MB.", look: "Revise esto, por favor",
    unreachable: "Ahora mismo no estamos disponibles", offline: "Parece que no tiene conexión", busy: "Demasiados mensajes en poco tiempo",
    kept: "Su texto sigue aquí. Envíelo de nuevo en un momento; llegará una sola vez.",
    already: "Ya envió otro mensaje desde este formulario", alreadyText: "Ha llegado. Si este es nuevo, envíelo ahora.",
    sent: "Su mensaje ha llegado", reference: "Su referencia es {0}.", open: "Ver la respuesta en su página privada (otra pestaña)",
    another: "Escribir otro mensaje",
  },
  fr: {
    title: "Contacter l'assistance", name: "Nom", email: "E-mail", subject: "Objet", message: "Message", files: "Fichiers",
    optional: "facultatif", hint: "Que vouliez-vous faire, et que s'est-il passé ? N'indiquez ni mot de passe ni numéro de carte.",
    filesHint: "Jusqu'à {0} fichiers de {1} Mo chacun.", send: "Envoyer le message", sending: "Envoi…",
    noEmail: "L'e-mail manque.", badEmail: "Indiquez une adresse comme name@example.com.",
    noMessage: "Le message manque.", shortMessage: "Écrivez au moins 3 caractères.",
    manyFiles: "Choisissez au plus {0} fichiers.", largeFile: "« {0} » dépasse {1} Mo.", badFile: "« {0} » ne peut pas être accepté.",
    largeFiles: "Ces fichiers dépassent {0} Mo au total.", look: "Merci de revoir ceci",
    unreachable: "Nous sommes injoignables pour l'instant", offline: "Vous semblez hors ligne", busy: "Trop de messages en peu de temps",
    kept: "Votre texte est toujours là. Renvoyez-le dans un instant ; il n'arrivera qu'une fois.",
    already: "Vous avez déjà envoyé un autre message depuis ce formulaire", alreadyText: "Il est arrivé. Si celui-ci est nouveau, envoyez-le maintenant.",
    sent: "Votre message est arrivé", reference: "Votre référence est {0}.", open: "Voir la réponse sur votre page privée (nouvel onglet)",
    another: "Écrire un autre message",
  },
  pt: {
    title: "Contactar o suporte", name: "Nome", email: "E-mail", subject: "Assunto", message: "Mensagem", files: "Ficheiros",
    optional: "opcional", hint: "O que tentou fazer e o que aconteceu? Não inclua palavras-passe nem números de cartão.",
    filesHint: "Até {0} ficheiros de {1} MB cada.", send: "Enviar mensagem", sending: "A enviar…",
    noEmail: "Falta o e-mail.", badEmail: "Indique um endereço como name@example.com.",
    noMessage: "Falta a mensagem.", shortMessage: "Escreva pelo menos 3 caracteres.",
    manyFiles: "Escolha no máximo {0} ficheiros.", largeFile: "“{0}” tem mais de {1} MB.", badFile: "“{0}” não pode ser aceite.",
    largeFiles: "Estes ficheiros têm juntos mais de {0} MB.", look: "Reveja isto, por favor",
    unreachable: "De momento não estamos disponíveis", offline: "Parece estar sem ligação", busy: "Demasiadas mensagens em pouco tempo",
    kept: "O seu texto continua aqui. Envie-o de novo dentro de momentos; chegará uma só vez.",
    already: "Já enviou outra mensagem deste formulário", alreadyText: "Chegou. Se esta é nova, envie-a agora.",
    sent: "A sua mensagem chegou", reference: "A sua referência é {0}.", open: "Ver a resposta na sua página privada (novo separador)",
    another: "Escrever outra mensagem",
  },
};

const STYLE = `
:host { --accent: var(--deskhand-accent, #0b6a5c); --danger: var(--deskhand-danger, #a4262c); --muted: var(--deskhand-muted, #52605c); --round: var(--deskhand-radius, 0.75em); --small: calc(var(--round) * 0.7);
  display: block; max-width: 42em; container-type: inline-size; color: var(--deskhand-text, #17211f); font: var(--deskhand-font, 400 1rem/1.5 system-ui, sans-serif); }
:host([hidden]), [hidden] { display: none; }
* { box-sizing: border-box; }
h2, p, ul { margin: 0; }
h2 { font-size: 1.25em; line-height: 1.3; }
.box { display: grid; gap: 1.1em; padding: var(--deskhand-padding, 1.5em); background: var(--deskhand-background, #fff); border: 1px solid var(--deskhand-border, #d5dcd9); border-radius: var(--round); overflow-wrap: anywhere; }
.pair, .field { display: grid; gap: 0.3em; min-width: 0; align-content: start; }
.pair { gap: 1.1em 1em; }
@container (min-width: 30em) { .pair { grid-template-columns: 1fr 1fr; } }
label { font-weight: 600; }
.quiet { color: var(--muted); font-size: 0.9em; font-weight: 400; }
input, textarea { width: 100%; min-height: 2.75em; padding: 0.6em 0.75em; border: 1px solid var(--deskhand-field-border, #74817d); border-radius: var(--small); background: var(--deskhand-field, #fff); color: inherit; font: inherit; }
textarea { min-height: 8em; resize: vertical; }
[aria-invalid="true"] { border-color: var(--danger); box-shadow: inset 0 0 0 1px var(--danger); }
.error { color: var(--danger); font-size: 0.9em; font-weight: 550; }
.notice { display: grid; gap: 0.25em; padding: 0.8em 1em; border: 1px solid var(--danger); border-radius: var(--small); }
.notice strong { color: var(--danger); }
.notice ul { padding-inline-start: 1.1em; }
a { color: var(--accent); }
.notice a { color: inherit; }
::file-selector-button { margin-inline-end: 0.7em; padding: 0.2em 0.7em; font: inherit; }
.button { justify-self: start; display: inline-flex; align-items: center; gap: 0.6em; min-height: 2.75em; padding: 0.6em 1.4em; border: 0; border-radius: var(--small); background: var(--accent); color: var(--deskhand-on-accent, #fff); font: inherit; font-weight: 650; text-decoration: none; cursor: pointer; }
.plain { background: none; color: var(--accent); padding-inline: 0; text-decoration: underline; }
[aria-disabled="true"] { cursor: progress; }
[aria-disabled="true"]::before { content: ""; width: 1em; height: 1em; border: 2px solid; border-inline-end-color: transparent; border-radius: 50%; animation: turn 0.9s linear infinite; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.trap { position: absolute; inset-inline-start: -999rem; }
@keyframes turn { to { rotate: 1turn; } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
`;

const FIELDS = [
  { name: "name", type: "text", autocomplete: "name", maxLength: 100 },
  { name: "email", type: "email", autocomplete: "email", maxLength: 254, required: true },
  { name: "subject", type: "text", maxLength: 200 },
  { name: "message", tag: "textarea", rows: 6, maxLength: 10_000, required: true, hint: "hint" },
  { name: "files", type: "file", multiple: true, accept: LIMITS.types.join(","), hint: "filesHint" },
];

const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const megabytes = (size) => String(Math.round(size / 100_000) / 10);
const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}-${Math.random()}`;

export class DeskhandForm extends HTMLElement {
  static observedAttributes = ["lang", "name", "email", "subject"];

  #texts = new Map(); // node -> [word, ...what is filled in]
  #inputs = {};
  #form;
  #button;
  #notices;
  #key = newKey();
  #openedAt = 0;
  #sending = false;

  connectedCallback() {
    if (this.#form) return; // moved about by a framework: what was typed stays
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.#build();
    root.append(this.#form);
    this.#openedAt = performance.now();
  }

  attributeChangedCallback(attribute, before, now) {
    if (!this.#form) return;
    if (attribute === "lang") this.#label();
    else if (this.#inputs[attribute].value === (before ?? "")) this.#inputs[attribute].value = now ?? "";
  }

  get #words() {
    const wanted = (this.lang || this.closest("[lang]")?.lang || document.documentElement.lang || "en").toLowerCase();
    return WORDS[wanted.split("-")[0]] ?? WORDS.en;
  }

  #say(word, ...filled) {
    return this.#words[word].replace(/\{(\d)\}/g, (_, at) => filled[at]);
  }

  // Text that follows a change of the language.
  #put(node, word, ...filled) {
    this.#texts.set(node, [word, ...filled]);
    node.textContent = this.#say(word, ...filled);
    return node;
  }

  #label() {
    for (const [node, [word, ...filled]] of this.#texts) {
      if (node.isConnected) node.textContent = this.#say(word, ...filled);
      else if (!this.#form.contains(node)) this.#texts.delete(node);
    }
  }

  #build() {
    this.#notices = make("div", { hidden: true });
    this.#button = make("button", { type: "submit", className: "button" }, this.#put(make("span"), "send"));
    const rows = FIELDS.filter(({ name }) => name !== "files" || LIMITS.files).map((field) => this.#field(field));
    const trap = make("div", { className: "trap", ariaHidden: "true" },
      make("input", { id: "website", name: "website", tabIndex: -1, autocomplete: "off" }));
    this.#form = make("form", { className: "box", noValidate: true },
      this.#put(make("h2", { id: "title", tabIndex: -1 }), "title"), this.#notices,
      make("div", { className: "pair" }, rows[0], rows[1]), ...rows.slice(2), trap, this.#button);
    this.#form.setAttribute("aria-labelledby", "title");
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  #field({ name, tag = "input", hint, ...properties }) {
    const input = make(tag, { id: name, name, ...properties });
    const label = make("label", { htmlFor: name }, this.#put(make("span"), name));
    if (!properties.required) label.append(" ", this.#put(make("span", { className: "quiet" }), "optional"));
    const row = make("div", { className: "field" }, label);
    if (hint) {
      row.append(this.#put(make("p", { id: `${name}-hint`, className: "quiet" }), hint, LIMITS.files, megabytes(LIMITS.file)));
      input.setAttribute("aria-describedby", `${name}-hint`);
    }
    if (name !== "files") input.value = this.getAttribute(name) ?? "";
    input.addEventListener(name === "files" ? "change" : "input", () => {
      if (name === "files" || input.ariaInvalid === "true") this.#mark(input, this.#wrong(input));
    });
    this.#inputs[name] = input;
    row.append(input);
    return row;
  }

  // What is wrong with a field, as a word and what is filled in; null when nothing is.
  #wrong(input) {
    const value = input.value.trim();
    if (input.name === "email") return value ? (input.validity.typeMismatch ? ["badEmail"] : null) : ["noEmail"];
    if (input.name === "message") {
      if (!value) return ["noMessage"];
      return value.length < 3 ? ["shortMessage"] : null;
    }
    if (input.name !== "files") return null;
    const files = [...input.files];
    const large = files.find((file) => file.size > LIMITS.file);
    const bad = files.find((file) => !LIMITS.types.some((type) => file.name.toLowerCase().endsWith(type)));
    if (files.length > LIMITS.files) return ["manyFiles", LIMITS.files];
    if (large) return ["largeFile", large.name, megabytes(LIMITS.file)];
    if (bad) return ["badFile", bad.name];
    return files.reduce((sum, file) => sum + file.size, 0) > LIMITS.sum ? ["largeFiles", megabytes(LIMITS.sum)] : null;
  }

  #mark(input, wrong) {
    const id = `${input.name}-error`;
    this.shadowRoot.getElementById(id)?.remove();
    input.ariaInvalid = wrong ? "true" : null;
    const described = [this.shadowRoot.getElementById(`${input.name}-hint`) ? `${input.name}-hint` : "", wrong ? id : ""];
    input.setAttribute("aria-describedby", described.filter(Boolean).join(" "));
    if (wrong) input.after(this.#text(make("p", { id, className: "error" }), wrong));
  }

  // `wrong` is a word of ours, or the server's own text.
  #text(node, wrong) {
    return typeof wrong === "string" ? Object.assign(node, { textContent: wrong }) : this.#put(node, ...wrong);
  }

  #show(errors) {
    for (const input of Object.values(this.#inputs)) this.#mark(input, errors.get(input.name));
    this.#notices.hidden = true;
    if (!errors.size) return;
    const items = [...errors].map(([name, wrong]) => {
      const link = this.#text(make("a", { href: `#${name}` }), wrong);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.#inputs[name]?.focus();
      });
      return make("li", {}, link);
    });
    this.#notify("look", make("ul", {}, ...items));
  }

  #notify(title, content) {
    const box = make("div", { className: "notice", tabIndex: -1, role: "alert" }, this.#put(make("strong"), title), content);
    this.#notices.replaceChildren(box);
    this.#notices.hidden = false;
    box.focus();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }));
  }

  #fail(title, text, detail) {
    this.#notify(title, this.#put(make("p"), text));
    this.#tell("deskhand-failed", detail);
  }

  #setSending(on) {
    this.#sending = on;
    this.#button.ariaDisabled = on ? "true" : null;
    this.#put(this.#button.firstChild, on ? "sending" : "send");
  }

  async #submit() {
    if (this.#sending) return;
    const wrong = Object.values(this.#inputs).map((input) => [input.name, this.#wrong(input)]);
    const errors = new Map(wrong.filter(([, found]) => found));
    this.#show(errors);
    if (errors.size) return;
    this.#setSending(true);
    const data = new FormData(this.#form);
    data.append("filled_ms", Math.round(performance.now() - this.#openedAt));
    const category = this.getAttribute("category");
    if (category) data.append("category", category);
    try {
      const endpoint = new URL(this.getAttribute("endpoint") || SUBMIT, document.baseURI);
      const response = await fetch(endpoint, {
        method: "POST",
        headers: { Accept: "application/json", "Idempotency-Key": this.#key },
        body: data,
        credentials: "omit",
        signal: AbortSignal.timeout(this.#inputs.files?.files.length ? 300_000 : 30_000),
      });
      const answer = await response.json().catch(() => ({}));
      if (response.status === 202) this.#done(answer, new URL(answer.status_url, endpoint).href);
      else this.#explain(response.status, answer);
    } catch {
      // The key stays: whether or not this try arrived, the next one counts once.
      this.#fail(navigator.onLine ? "unreachable" : "offline", "kept", { status: 0, code: "unreachable" });
    }
    this.#setSending(false);
  }

  #explain(status, { code = "", errors }) {
    const detail = { status, code };
    if (status === 409) {
      this.#key = newKey();
      this.#fail("already", "alreadyText", detail);
    } else if (errors?.length) {
      const ours = { email: ["badEmail"], message: ["shortMessage"] };
      this.#show(new Map(errors.map((error) => [error.field, ours[error.field] ?? `${error.message} ${error.mend}`])));
      this.#tell("deskhand-failed", detail);
    } else if (status === 413) {
      this.#show(new Map([["files", ["largeFiles", megabytes(LIMITS.sum)]]]));
      this.#tell("deskhand-failed", detail);
    } else {
      this.#fail(status === 429 ? "busy" : "unreachable", "kept", detail);
    }
  }

  #done({ reference }, statusUrl) {
    const title = this.#put(make("h2", { tabIndex: -1 }), "sent");
    const link = this.#put(make("a", { className: "button", href: statusUrl, target: "_blank", rel: "noopener noreferrer" }), "open");
    const again = this.#put(make("button", { type: "button", className: "button plain" }), "another");
    const box = make("div", { className: "box" }, title, this.#put(make("p"), "reference", reference),
      make("p", {}, link), again);
    again.addEventListener("click", () => {
      for (const input of [this.#inputs.message, this.#inputs.subject, this.#inputs.files]) if (input) input.value = "";
      this.#key = newKey();
      this.#openedAt = performance.now();
      box.replaceWith(this.#form);
      this.#label();
      this.#inputs.message.focus();
    });
    this.#form.replaceWith(box);
    title.focus();
    this.#tell("deskhand-submitted", { reference, statusUrl });
  }
}

if (!customElements.get("deskhand-form")) customElements.define("deskhand-form", DeskhandForm);
