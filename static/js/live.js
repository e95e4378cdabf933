/* The page's one socket. Owns the cursor of each stream it joined: an event is handed on once, in order, or asked for again.
   It shows nothing of an event itself; others listen for cs:events, cs:text and cs:page. */
import { isTyping, say, whenPresent } from "./elements.js";
import { clockTime } from "./times.js";

const FIRST_WAIT = 500, LONGEST_WAIT = 20_000;
const SILENCE = 45_000, PING = 20_000, STALE_AFTER = 10_000, REASK = 3_000;
const ACK_EVERY = 200;
const NOT_PERMITTED = new Set([4401, 4403]);
const WORDS = { live: "Live", reconnecting: "Reconnecting", refused: "Not live: sign in again" };

const url = document.body.dataset.liveSocket;
const line = document.querySelector("[data-live-line]");
const streams = new Map();
let socket = null;
let attempt = 0;
let lastHeard = Date.now();
let retryTimer = 0;
let staleTimer = 0;
let leaving = false;

function show(state) {
  if (document.documentElement.dataset.live === state) return;
  document.documentElement.dataset.live = state;
  if (line) {
    line.hidden = false;
    line.dataset.live = state;
    line.querySelector("[data-live-words]").textContent = WORDS[state] ?? `Stale since ${clockTime(lastHeard)}`;
  }
  say("cs:live", { state });
}

function send(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

function ask(name) {
  const stream = streams.get(name);
  stream.askedAt = Date.now();
  const frame = { type: "join", stream: name };
  if (stream.cursor !== null) frame.cursor = stream.cursor;
  send(frame);
}

function reask(name) {
  const stream = streams.get(name);
  if (Date.now() - stream.askedAt >= REASK || !stream.asking) {
    stream.asking = true;
    ask(name);
  }
}

function acknowledge(name, stream) {
  stream.acknowledged = stream.cursor;
  send({ type: "ack", stream: name, cursor: stream.cursor });
}

function takeEvents(name, frame) {
  const stream = streams.get(name);
  if (!stream || stream.cursor === null) return;
  stream.head = Math.max(stream.head, frame.head ?? 0);
  const fresh = [];
  let gap = false;
  for (const event of frame.events ?? []) {
    if (event.seq <= stream.cursor) continue;
    if (event.seq !== stream.cursor + 1) { gap = true; break; }
    stream.cursor = event.seq;
    fresh.push(event);
  }
  if (fresh.length > 0) {
    stream.asking = false;
    stream.progressAt = Date.now();
    // Few words: the server's window holds thousands of events, and `watch` acknowledges the rest every second.
    if (stream.cursor - (stream.acknowledged ?? 0) >= ACK_EVERY) acknowledge(name, stream);
    say("cs:events", { stream: name, head: stream.head, events: fresh });
  }
  if (gap) reask(name);
}

function take(frame) {
  const name = frame.stream ?? streams.keys().next().value;
  if (frame.type === "events") takeEvents(name, frame);
  else if (frame.type === "text") say("cs:text", { stream: name, turn: frame.turn, chunk: frame.chunk });
  else if (frame.type === "page") say("cs:page", { html: frame.html });
  else if (frame.type === "changed") say("countersign:changed", { stream: name });
  else if (frame.type === "notices") say("cs:notices", {});
  else if (frame.type === "reload") reload();
}

function reload() {
  const key = `countersign.reloaded:${location.pathname}`;
  const before = Number(sessionStorage.getItem(key) ?? 0);
  if (Date.now() - before < 5000 || isTyping(document.activeElement) || document.querySelector("dialog:modal")) {
    show("stale");
    return;
  }
  sessionStorage.setItem(key, String(Date.now()));
  location.reload();
}

function connect() {
  clearTimeout(retryTimer);
  if (leaving || (socket && socket.readyState <= WebSocket.OPEN)) return;
  const own = new WebSocket(new URL(url, location.href.replace(/^http/, "ws")));
  socket = own;
  own.addEventListener("open", () => {
    attempt = 0;
    lastHeard = Date.now();
    clearTimeout(staleTimer);
    staleTimer = 0;
    for (const name of streams.keys()) ask(name);
    show("live");
  });
  own.addEventListener("message", (message) => {
    lastHeard = Date.now();
    let frame;
    try { frame = JSON.parse(message.data); } catch { return; }
    if (own === socket) take(frame);
  });
  own.addEventListener("close", (event) => { if (own === socket) lost(event.code); });
}

function lost(code) {
  socket = null;
  if (leaving) return;
  if (NOT_PERMITTED.has(code)) { show("refused"); return; }
  if (document.documentElement.dataset.live !== "stale") show("reconnecting");
  staleTimer ||= setTimeout(() => { if (!socket || socket.readyState !== WebSocket.OPEN) show("stale"); }, STALE_AFTER);
  const wait = Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
  attempt += 1;
  retryTimer = setTimeout(connect, Math.max(wait, 50));
}

function drop() {
  const own = socket;
  socket = null;
  own?.close();
  lost(0);
}

function watch() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const now = Date.now();
  if (now - lastHeard > SILENCE) { drop(); return; }
  for (const [name, stream] of streams) {
    // What is acknowledged makes room on the server; a browser that takes nothing is sent nothing.
    if (stream.cursor !== null && stream.cursor !== stream.acknowledged) acknowledge(name, stream);
    if (stream.cursor === null || stream.head <= stream.cursor) continue;
    if (now - Math.max(stream.progressAt, stream.askedAt) > REASK) ask(name);
  }
}

function hurry() {
  if (socket || leaving || document.documentElement.dataset.live === "refused") return;
  attempt = 0;
  connect();
}

if (url) {
  whenPresent("[data-live-stream]", (place) => {
    const name = place.dataset.liveStream;
    if (!name || streams.has(name)) return;
    const cursor = place.dataset.liveCursor === undefined ? null : Number(place.dataset.liveCursor) || 0;
    streams.set(name, { cursor, head: 0, askedAt: 0, progressAt: 0, asking: false });
    ask(name);
  });
  connect();
  setInterval(watch, 1000);
  setInterval(() => send({ type: "ping" }), PING);
  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hurry(); });
  window.addEventListener("pagehide", () => { leaving = true; socket?.close(); });
  window.addEventListener("pageshow", () => { leaving = false; hurry(); });
}
