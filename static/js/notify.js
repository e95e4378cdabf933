/* Notifications of the browser, while a page is open. Permission is asked by a button only. Pages ask what is new past
   the place where this person's last page stood; one tag for each request, so that several pages show it once, and the
   last word on a request closes what asked for it. Nothing is decided here: a click opens the page. */
import { whenPresent } from "./elements.js";

const SOON = 1_000, EVERY = 10_000, LONGEST = 120_000;
const place = document.body.dataset.notices;
const key = `cs-notices-${document.body.dataset.noticesFor ?? ""}`;
const isAble = "Notification" in window;

let failures = 0;
let timer = 0;
const open = new Map();

function show(one) {
  const shown = new Notification(one.title, {
    body: one.text, tag: one.tag, requireInteraction: one.is_pressing && !one.closes, silent: one.closes,
  });
  shown.addEventListener("click", () => { window.focus(); location.assign(one.url); shown.close(); });
  if (one.closes && one.wasAsked) { shown.close(); return; }
  open.set(one.tag, shown);
}

function take(shown) {
  const asked = new Set(JSON.parse(localStorage.getItem(`${key}-asked`) ?? "[]"));
  for (const one of shown) {
    open.get(one.tag)?.close();
    show({ ...one, url: here(one.url), wasAsked: asked.has(one.tag) });
    if (one.closes) asked.delete(one.tag); else asked.add(one.tag);
    document.dispatchEvent(new CustomEvent("cs:notice", { detail: one }));
  }
  localStorage.setItem(`${key}-asked`, JSON.stringify([...asked].slice(-200)));
}

/** The page's own server, whatever name it is known by outside. */
function here(url) {
  const found = new URL(url, location.href);
  return found.pathname + found.search;
}

async function ask() {
  clearTimeout(timer);
  if (!isAble || Notification.permission !== "granted") return;
  try {
    const after = localStorage.getItem(key) ?? "";
    const answer = await fetch(`${place}?after=${encodeURIComponent(after)}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 401 || answer.status === 403) return; // signed out: this page asks no more
    if (!answer.ok) throw new Error(String(answer.status));
    const news = await answer.json();
    // Another page of this person may have been told meanwhile.
    if ((localStorage.getItem(key) ?? "") === after) {
      localStorage.setItem(key, news.cursor);
      take(news.shown);
    }
    failures = 0;
  } catch {
    failures += 1;
  }
  timer = setTimeout(ask, Math.min(LONGEST, EVERY * 2 ** failures));
}

if (place) {
  timer = setTimeout(ask, SOON);
  document.addEventListener("countersign:changed", () => { clearTimeout(timer); timer = setTimeout(ask, SOON); });
}

whenPresent("[data-notices-permission]", (box) => {
  const button = box.querySelector("button"), words = box.querySelector("[data-notices-words]");
  const tell = () => {
    const state = isAble ? Notification.permission : "unable";
    box.dataset.state = state;
    button.hidden = state !== "default";
    words.textContent = {
      granted: "This browser shows notifications while a page of Countersign is open.",
      denied: "This browser was told to show none. Allow them in the browser's settings for this site.",
      default: "This browser has not been asked yet.",
      unable: "This browser can show none here. It needs a secure address (https, or this machine itself).",
    }[state];
  };
  button.addEventListener("click", async () => { await Notification.requestPermission(); tell(); ask(); });
  tell();
});
