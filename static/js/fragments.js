/* Puts pushed pieces of the page in the place of those with the same id. Calm comes first: what is under the pointer,
   or being typed in, is not moved; the newest piece waits and a count says so. */
import { isTyping, say, successor } from "./elements.js";

const SETTLE = 400;
const waiting = new Map();
let settling = 0;
const mouse = window.matchMedia("(hover: hover)");

/** Ids in the order in which they stand: when they are the same, nothing moves. */
function order(root) {
  return [...root.querySelectorAll("[id]")].map((child) => child.id).join(" ");
}

function disturbs(current, next) {
  const focused = document.activeElement;
  if (current.contains(focused) && isTyping(focused) && !next.querySelector(`#${CSS.escape(focused.id || "-")}`)) return true;
  // What was just sent from here gets its own answer first: replaced meanwhile, nobody would read who was faster.
  if (current.querySelector("dialog[open], form.htmx-request")) return true;
  // What is settled holds no button that could be hit by mistake: its news is never kept back.
  if (next.dataset.calm === "never" || !mouse.matches || !current.matches(":hover")) return false;
  return order(current) !== order(next);
}

/** After a part was put in place: who worked by keyboard stays at what took the place of their control. */
function keepFocus(held, placed) {
  if (!held || held.isConnected || !placed || document.activeElement !== document.body) return;
  (successor(held, placed) ?? (placed.hasAttribute("tabindex") ? placed : null))?.focus({ preventScroll: true });
}

function morph(current, next) {
  const held = current.contains(document.activeElement) ? document.activeElement : null;
  window.Idiomorph.morph(current, next, {
    morphStyle: "outerHTML",
    ignoreActiveValue: true,
    restoreFocus: true,
    callbacks: {
      beforeNodeMorphed: (old) => !(old instanceof HTMLDialogElement && old.open),
      beforeAttributeUpdated: (name, old) => !(name === "open" && old instanceof HTMLDetailsElement),
    },
  });
  const placed = document.getElementById(next.id);
  if (placed) window.htmx?.process(placed);
  keepFocus(held, placed);
}

function added(current, next) {
  const known = new Set([...current.querySelectorAll("[id]")].map((child) => child.id));
  return [...next.children].concat(...[...next.children].map((child) => [...child.children]))
    .filter((child) => child.id && !known.has(child.id)).length;
}

function hold(current, next) {
  waiting.set(next.id, next);
  let note = document.getElementById(`new-${next.id}`);
  const count = added(current, next);
  if (count === 0) { note?.remove(); return; }
  if (!note) {
    note = document.createElement("button");
    note.type = "button";
    note.id = `new-${next.id}`;
    note.className = "btn btn-sm new-count";
    note.addEventListener("click", () => release(next.id));
    // Beside the list and without height of its own, so that it moves nothing either.
    current.before(note);
    note.classList.add("is-floating");
  }
  note.textContent = `${count} new, show`;
}

function release(id) {
  const next = waiting.get(id);
  const current = document.getElementById(id);
  forget(id);
  if (!next || !current) return;
  const before = order(current);
  morph(current, next);
  say("cs:fragments", { ids: [id], reordered: before !== order(document.getElementById(id) ?? current) });
}

/** What a person has just asked for takes the place of any older news that waits for the same piece. */
function forget(id) {
  waiting.delete(id);
  document.getElementById(`new-${id}`)?.remove();
}

function place(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const ids = [];
  let reordered = false;
  for (const next of [...holder.content.children]) {
    const current = next.id && document.getElementById(next.id);
    if (!current) continue;
    if (disturbs(current, next)) { hold(current, next); continue; }
    forget(next.id);
    reordered ||= order(current) !== order(next);
    morph(current, next);
    ids.push(next.id);
  }
  if (ids.length > 0) say("cs:fragments", { ids, reordered });
}

function settle() {
  for (const [id, next] of [...waiting]) {
    const current = document.getElementById(id);
    if (!current) waiting.delete(id);
    else if (!disturbs(current, next) && !document.getElementById(`new-${id}`)?.matches(":hover, :focus")) release(id);
  }
}

/** A little later, so that a pointer on its way to the button does not click on what has just moved there. */
function settleSoon() {
  clearTimeout(settling);
  if (waiting.size > 0) settling = setTimeout(settle, SETTLE);
}

/** An answer to a question that no person asked just now (a poll, or news from the socket) is put in place as calmly. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, isError, shouldSwap, requestConfig, serverResponse } = event.detail;
  const asked = requestConfig?.triggeringEvent;
  if (!shouldSwap || !target?.id) return;
  if (asked && !asked.type.startsWith("countersign:")) { forget(target.id); return; }
  if (isError) return;
  const holder = document.createElement("template");
  holder.innerHTML = serverResponse;
  if (![...holder.content.children].some((child) => child.id === target.id)) return;
  event.detail.shouldSwap = false;
  place(serverResponse);
});
document.addEventListener("htmx:oobBeforeSwap", (event) => forget(event.detail.target?.id));
document.addEventListener("cs:page", (event) => place(event.detail.html));
document.addEventListener("pointerover", settleSoon);
document.addEventListener("focusout", settleSoon);
document.addEventListener("htmx:afterRequest", settleSoon);
document.documentElement.addEventListener("pointerleave", settleSoon);
