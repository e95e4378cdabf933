/* Sheets for what is dangerous: native dialogs that say what will stop and ask for the reason before anything is sent. */
import { successor } from "./elements.js";
import { deadFor } from "./keys.js";

const openers = new WeakMap();

export function openSheet(sheet, opener = document.activeElement) {
  if (!(sheet instanceof HTMLDialogElement) || sheet.open) return;
  openers.set(sheet, opener);
  sheet.querySelector("[data-problems]")?.replaceChildren();
  sheet.showModal();
  (sheet.querySelector("[data-sheet-reason]") ?? sheet.querySelector("input:not([type=hidden]), textarea, select, button"))?.focus();
  check(sheet);
}

export function closeSheet(sheet) {
  if (sheet?.open) sheet.close();
}

function check(sheet) {
  const reason = sheet.querySelector("[data-sheet-reason]");
  const confirm = sheet.querySelector("[data-sheet-confirm]");
  if (reason && confirm) confirm.disabled = reason.required && reason.value.trim() === "";
}

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  const opener = event.target.closest("[data-sheet-open]");
  if (opener) {
    event.preventDefault();
    openSheet(document.querySelector(opener.dataset.sheetOpen), opener);
    return;
  }
  const sheet = event.target.closest("dialog[data-sheet]");
  if (sheet && event.target.closest("[data-sheet-close]")) closeSheet(sheet);
});
document.addEventListener("input", (event) => {
  const sheet = event.target.closest?.("dialog[data-sheet]");
  if (sheet) check(sheet);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey)) return;
  const sheet = event.target.closest?.("dialog[data-sheet]");
  const confirm = sheet?.querySelector("[data-sheet-confirm]");
  if (confirm && !confirm.disabled) confirm.click();
});
document.addEventListener("close", (event) => {
  if (!event.target.matches?.("dialog[data-sheet]")) return;
  deadFor(300);
  const opener = openers.get(event.target);
  (opener?.isConnected ? opener : successor(opener))?.focus();
}, true);
document.addEventListener("htmx:afterRequest", (event) => {
  const sheet = event.detail.elt.closest?.("dialog[data-sheet]");
  if (sheet && event.detail.successful) closeSheet(sheet);
});
document.addEventListener("sheet:close", () => document.querySelectorAll("dialog[data-sheet][open]").forEach(closeSheet));
