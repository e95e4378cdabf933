/* The inbox by keyboard: move, open, sign off. One key never decides: the first `a` arms, the second submits, and both are
   dead for a moment after the list or the case has changed under the fingers. */
import { openSheet } from "./confirm.js";
import { element, icon } from "./elements.js";
import { deadFor, register } from "./keys.js";

const DEAD = 400, ARMED_LASTS = 4000, PAUSE = 120;
let armed = null;
let armedTimer = 0;
let opening = 0;

const inbox = () => document.querySelector("[data-inbox]");
const place = () => document.getElementById("case");
const items = () => [...(inbox()?.querySelectorAll("[data-inbox-item]") ?? [])].filter((item) => item.offsetParent && !item.closest("[hidden]"));
const current = () => items().find((item) => item.getAttribute("aria-current") === "true") ?? null;

function inSight(element) {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < window.innerHeight && box.width > 0;
}

function disarm() {
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

function move(step) {
  const all = items();
  if (all.length === 0) return false;
  const at = all.indexOf(current());
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
  disarm();
  mark(next);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  clearTimeout(opening);
  opening = setTimeout(() => next.isConnected && next.click(), PAUSE);
  return true;
}

function open() {
  const item = document.activeElement?.closest?.("[data-inbox-item]") ?? current() ?? items()[0];
  if (!item) return false;
  clearTimeout(opening);
  item.click();
  return true;
}

function approve() {
  const button = place()?.querySelector("[data-approve]");
  if (!button || button.disabled) return false;
  if (button.dataset.sheetOpen) {
    openSheet(document.querySelector(button.dataset.sheetOpen), button);
    return true;
  }
  if (armed === button && inSight(button)) {
    disarm();
    button.click();
    return true;
  }
  disarm();
  button.scrollIntoView({ block: "nearest" });
  armed = button;
  button.classList.add("is-armed");
  const words = place().querySelector("[data-armed-words]");
  if (words) words.textContent = `Press a once more: ${button.textContent.trim()}`;
  armedTimer = setTimeout(disarm, ARMED_LASTS);
  return true;
}

function reject() {
  const button = place()?.querySelector("[data-reject]");
  if (!button || button.disabled) return false;
  disarm();
  button.click();
  return true;
}

function changed() {
  disarm();
  deadFor(DEAD);
}

/** On a phone the case hides the list: this leads back to it. */
function leadBack() {
  if (inbox().querySelector(".case-back")) return;
  const back = element("button", { type: "button", class: "btn btn-sm case-back" }, icon("chevron-left"), "All cases");
  back.addEventListener("click", () => {
    inbox().classList.remove("has-case");
    (current() ?? items()[0])?.focus();
  });
  place().before(back);
}

if (inbox()) {
  leadBack();
  register("j", "Next case", () => move(1));
  register("k", "Case before", () => move(-1));
  register("Enter", "Open the case", open);
  register("a", "Approve (press twice)", approve);
  register("d", "Reject, with a reason", reject);
  document.addEventListener("click", (event) => {
    const item = event.target.closest?.("[data-inbox-item]");
    if (item && inbox().contains(item)) { disarm(); mark(item); }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "case") return;
    inbox().classList.add("has-case");
    changed();
  });
  document.addEventListener("cs:fragments", (event) => {
    const { ids, reordered } = event.detail;
    if (ids.includes("case") || (reordered && ids.some((id) => document.getElementById(id)?.querySelector?.("[data-inbox-item]")))) changed();
  });
}
