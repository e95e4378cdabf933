/* The inbox by keyboard: move, open, sign off, and what else may be done to a case. One key never decides: the first `a`
   arms or opens a sheet, the second submits, and keys are dead for a moment after the list or the case has changed under
   the fingers. What several requests are answered with is in bulk.js, what follows an answer in answered.js. */
import { openSheet } from "./confirm.js";
import { element, icon } from "./elements.js";
import { deadFor, register } from "./keys.js";

const DEAD = 400, ARMED_LASTS = 4000, PAUSE = 120;
let armed = null;
let armedTimer = 0;
let opening = 0;
// On a phone: who went back to the list stays there, whatever case was on its way.
let wantsList = false;

const inbox = () => document.querySelector("[data-inbox]");
const place = () => document.getElementById("case");
export const items = () => [...(inbox()?.querySelectorAll("[data-inbox-item]") ?? [])].filter((item) => item.offsetParent && !item.closest("[hidden]"));
export const current = () => items().find((item) => item.getAttribute("aria-current") === "true") ?? null;

function inSight(element) {
  const box = element.getBoundingClientRect();
  if (box.bottom <= 0 || box.top >= window.innerHeight || box.width === 0) return false;
  const frame = element.closest("#inbox-rows")?.getBoundingClientRect();
  return !frame || (box.bottom > frame.top && box.top < frame.bottom);
}

export function disarm() {
  clearTimeout(armedTimer);
  armed?.classList.remove("is-armed");
  armed = null;
  const words = place()?.querySelector("[data-armed-words]");
  if (words) words.textContent = "";
}

function mark(item) {
  for (const other of inbox().querySelectorAll("[data-inbox-item][aria-current]")) other.removeAttribute("aria-current");
  item.setAttribute("aria-current", "true");
}

/** Goes `step` lines on and opens the case there a moment later; returns the line it came from and the one it reached. */
export function move(step) {
  const all = items();
  if (all.length === 0) return false;
  const from = current();
  const at = all.indexOf(from);
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
  disarm();
  wantsList = false;
  mark(next);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  clearTimeout(opening);
  // By its id: a list that was made anew meanwhile holds another element for the same case.
  opening = setTimeout(() => document.getElementById(next.id)?.click(), PAUSE);
  return { from, next };
}

function open() {
  const item = document.activeElement?.closest?.("[data-inbox-item]") ?? current() ?? items()[0];
  if (!item) return false;
  clearTimeout(opening);
  wantsList = false;
  item.click();
  return true;
}

const isStale = () => ["stale", "refused"].includes(document.documentElement.dataset.live) || !navigator.onLine;

function approve() {
  const button = place()?.querySelector("[data-approve]");
  if (!button || button.disabled || isStale()) return false;
  const item = current();
  const hidden = [button, item].find((one) => one && !inSight(one));
  const sheet = button.dataset.sheetOpen ?? button.dataset.keySheet;
  if (!hidden && sheet) {
    openSheet(document.querySelector(sheet), button);
    return true;
  }
  if (!hidden && armed === button) {
    disarm();
    button.click();
    return true;
  }
  disarm();
  item?.scrollIntoView({ block: "nearest" });
  button.scrollIntoView({ block: "nearest" });
  armed = button;
  button.classList.add("is-armed");
  const words = place().querySelector("[data-armed-words]");
  if (words) words.textContent = `Press a once more: ${button.textContent.trim()}`;
  armedTimer = setTimeout(disarm, ARMED_LASTS);
  return true;
}

/** A key for a button of the case: what it does is the button's own. */
function press(selector, needsLive = true) {
  return () => {
    const button = place()?.querySelector(selector);
    if (!button || button.disabled || (needsLive && isStale())) return false;
    disarm();
    button.click();
    return true;
  };
}

export function changed() {
  disarm();
  deadFor(DEAD);
}

/** On a phone the case hides the list: this leads back to it. */
function leadBack() {
  if (inbox().querySelector(".case-back")) return;
  const back = element("button", { type: "button", class: "btn btn-sm case-back" }, icon("chevron-left"), "All cases");
  back.addEventListener("click", () => {
    wantsList = true;
    inbox().classList.remove("has-case");
    (current() ?? items()[0])?.focus();
  });
  place().before(back);
}

/** What may be out of date is not decided on: while the page is stale or offline, its answers are switched off. */
function watchConnection() {
  const apply = () => {
    const off = isStale();
    document.documentElement.toggleAttribute("data-offline", off);
    for (const button of inbox().querySelectorAll("[data-approve], [data-reject], [data-bulk-verb]")) {
      if (off && !button.disabled) { button.disabled = true; button.dataset.wasLive = ""; }
      else if (!off && "wasLive" in button.dataset) { button.disabled = false; delete button.dataset.wasLive; }
    }
    if (off) disarm();
  };
  document.addEventListener("cs:live", apply);
  document.addEventListener("htmx:afterSettle", apply);
  document.addEventListener("cs:fragments", apply);
  window.addEventListener("online", apply);
  window.addEventListener("offline", apply);
}

if (inbox()) {
  leadBack();
  watchConnection();
  register("j", "Next case", () => move(1));
  register("k", "Case before", () => move(-1));
  register("Enter", "Open the case", open);
  register("a", "Approve (press twice, or confirm)", approve);
  register("d", "Reject, with a reason", press("[data-reject]"));
  register("e", "Change the call", press("[data-change]"));
  register("q", "Ask the agent", press("[data-ask]"));
  register("c", "Pick up, or let go", press("[data-pick-up], [data-let-go]"));
  register("s", "Put aside for yourself, or take back", press("[data-snooze]"));
  document.addEventListener("click", (event) => {
    const item = event.target.closest?.("[data-inbox-item]");
    if (item && inbox().contains(item)) { if (event.isTrusted) wantsList = false; disarm(); mark(item); }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "case") return;
    if (!wantsList) inbox().classList.add("has-case");
    changed();
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => { if (event.detail.target?.id === "case") changed(); });
  document.addEventListener("cs:fragments", (event) => {
    const { ids, reordered } = event.detail;
    if (ids.includes("case") || (reordered && ids.some((id) => document.getElementById(id)?.querySelector?.("[data-inbox-item]")))) changed();
  });
}
