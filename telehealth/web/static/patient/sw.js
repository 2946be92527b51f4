/**
 * When the network is gone, still says whom to call.  Keeps the clinic's phone, the visit code
 * and the masked number, and nothing else.
 */
const STORE = "plan-b";
const CARD = "/plan-b-card";
// The type checker knows pages, not service workers.
const worker = /** @type {any} */ (self);

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data?.type === "forget") event.waitUntil(caches.delete(STORE));
  if (event.data?.type !== "plan-b") return;
  const { card, sentences } = event.data;
  event.waitUntil(
    caches.open(STORE).then((store) => store.put(CARD, new Response(JSON.stringify({ card, sentences })))),
  );
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  if (event.request.mode !== "navigate") return;
  event.respondWith(fetch(event.request).catch(() => offline()));
});

/** @param {unknown} text */
function safe(text) {
  return String(text ?? "").replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

async function offline() {
  const kept = await (await caches.open(STORE)).match(CARD);
  if (!kept) return Response.error();
  const { card, sentences } = await kept.json();
  const code = safe(sentences.code).replace("{code}", safe(card.code));
  const number = card.number ? safe(sentences.number).replace("{number}", safe(card.number)) : "";
  const html =
    `<!doctype html><html lang="${safe(card.language)}"><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1"><title>${safe(sentences.title)}</title>` +
    `<main><h1>${safe(sentences.title)}</h1><p>${safe(sentences.offline)}</p>` +
    `<p>${safe(sentences.phone)} <a href="tel:${safe(card.phone)}">${safe(card.phone)}</a></p>` +
    `<p>${code}</p><p>${number}</p></main></html>`;
  return new Response(html, {
    headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'" },
  });
}
