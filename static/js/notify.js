/* Notifications of the browser, while a page is open. Permission is asked by a button only. The page's socket says that
   something is new; what it is, the page asks, past the place where this person's last page stood. Only while there is no
   socket it asks every few seconds. What was decided, or answered by this person, closes wherever it is shown, also in a
   notification of several. Nothing is decided here: a click opens the page. */
import { whenPresent } from "./elements.js";

const SOON = 200, WITHOUT_SOCKET = 10_000, WITH_SOCKET = 120_000, LONGEST = 120_000;
const MOST_OPEN = 200;
const place = document.body.dataset.notices;
const key = `cs-notices-${document.body.dataset.noticesFor ?? ""}`;
const isAble = "Notification" in window;

let failures = 0;
let timer = 0;
/* Those that this page made, by tag; what all pages of this person show stands in the storage they share. */
const made = new Map();

function shared() {
  try { return new Map(JSON.parse(localStorage.getItem(`${key}-open`) ?? "[]")); } catch { return new Map(); }
}

function share(open) {
  localStorage.setItem(`${key}-open`, JSON.stringify([...open].slice(-MOST_OPEN)));
}

function show(one, { silent = false } = {}) {
  const shown = new Notification(one.title, {
    body: one.text, tag: one.tag, requireInteraction: one.is_pressing && !one.closes, silent,
  });
  shown.addEventListener("click", () => { window.focus(); location.assign(here(one.url)); shown.close(); });
  made.set(one.tag, shown);
  return shown;
}

/** Close what has this tag. Where another page made it, one of the same tag takes its place and goes at once. */
function close(tag, one) {
  const own = made.get(tag) ?? show(one, { silent: true });
  made.delete(tag);
  own.close();
}

/** What no longer asks for anything leaves every notification that stood for it. */
function end(open, ended) {
  for (const [tag, one] of [...open]) {
    const left = one.requests.filter((request) => !ended.has(request));
    if (one.requests.length === 0 || left.length === one.requests.length) continue;
    if (left.length === 0) {
      open.delete(tag);
      close(tag, one);
    } else {
      // Which of them was the most urgent is no longer known here.
      const rest = { ...one, requests: left, title: `${left.length} of ${one.of} requests still wait`, text: "" };
      open.set(tag, rest);
      show(rest, { silent: true });
    }
  }
}

function take(news) {
  const open = shared();
  const ended = new Set(news.ended);
  for (const one of news.shown) {
    if (one.closes) {
      show(one, { silent: true });
    } else if (one.requests.length === 0 || one.requests.some((request) => !ended.has(request))) {
      open.set(one.tag, { ...one, of: one.requests.length });
      show(one);
    }
    document.dispatchEvent(new CustomEvent("cs:notice", { detail: one }));
  }
  end(open, ended);
  share(open);
}

/** The page's own server, whatever name it is known by outside. */
function here(url) {
  const found = new URL(url, location.href);
  return found.pathname + found.search;
}

function later(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(ask, milliseconds);
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
      take(news);
    }
    failures = 0;
  } catch {
    failures += 1;
  }
  const usual = document.documentElement.dataset.live === "live" ? WITH_SOCKET : WITHOUT_SOCKET;
  later(Math.min(LONGEST, usual * 2 ** failures));
}

if (place) {
  later(SOON);
  document.addEventListener("cs:notices", () => later(SOON));
  // Back after a loss, something may have been missed; lost, the page asks by itself.
  document.addEventListener("cs:live", (event) => later(event.detail.state === "live" ? SOON : WITHOUT_SOCKET));
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
