"""A page of somebody else's site that uses `<deskhand-form>`, under a strict policy and without a build."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.standins.google_http import Answer, Request, listening

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Help – a shop</title>
  <link rel="icon" href="data:,">
  <script type="module" src="{desk}/support/embed.js"></script>
  <script src="/app.js" defer></script>
</head>
<body>
  <main>
    <h1>Help</h1>
    <div id="app"></div>
  </main>
</body>
</html>"""

# What a component framework does, without one: state, and a tree that is patched, moved or made again from it.
APP = """
const trusted = trustedTypes.createPolicy("app", { createHTML: (text) => text });
const state = { lang: "en", subject: "From the shop" };
const app = document.querySelector("#app");
const events = (window.events = []);
let form;
function patch() {
  for (const [name, value] of Object.entries(state)) form.setAttribute(name, value);
}
window.mount = () => {
  form = document.createElement("deskhand-form");
  for (const kind of ["deskhand-submitted", "deskhand-failed"]) {
    app.addEventListener(kind, (event) => events.push([event.type, event.detail]));
  }
  patch();
  app.append(form);
};
window.setState = (more) => { Object.assign(state, more); patch(); };
window.moveAbout = () => { const box = document.createElement("section"); app.append(box); box.append(form); };
window.mountAsMarkup = (markup) => { app.innerHTML = trusted.createHTML(markup); };
mount();
"""


@asynccontextmanager
async def host_page(desk: str, port: int) -> AsyncGenerator[str]:
    """Where a page is served that embeds the form of the desk at `desk`."""
    policy = (
        f"default-src 'none'; script-src 'self' {desk}; connect-src {desk}; img-src data:; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'"
    )

    async def answer(request: Request) -> Answer:
        if request.path == "/app.js":
            return Answer(body=APP.encode(), headers={"Content-Type": "text/javascript"})
        headers = {"Content-Type": "text/html", "Content-Security-Policy": policy}
        return Answer(body=PAGE.replace("{desk}", desk).encode(), headers=headers)

    async with listening(answer, port) as address:
        yield address
