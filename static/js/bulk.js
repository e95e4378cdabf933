/* Selecting several requests and answering them at once: of one tool, as they were when they were selected. What is chosen
   is kept here, so that a list which brings itself up to date neither drops nor swaps it. */
import { openSheet } from "./confirm.js";
import { element } from "./elements.js";
import { current, move } from "./inbox.js";
import { register } from "./keys.js";

const MONEY = /^[\d,]+(\.\d{1,12})? \S+$/;
const chosen = new Map();
const bar = () => document.querySelector("[data-bulk]");
const boxes = () => [...document.querySelectorAll("[data-select]")];
const boxOf = (item) => item?.closest("li")?.querySelector("[data-select]") ?? null;
const sentenceOf = (box) => box.closest("li").querySelector(".case-item-sentence").textContent;
const keyOf = (box) => box.value.slice(0, 36);

/** What several amounts come to, by currency: "13,743.52 EUR". Added digit by digit, because a sum that is nearly right is wrong. */
function sums(amounts) {
  const scale = 12;
  const totals = new Map();
  for (const text of amounts) {
    const at = text.lastIndexOf(" ");
    const [whole, part = ""] = text.slice(0, at).replaceAll(",", "").split(".");
    const currency = text.slice(at + 1);
    const found = totals.get(currency) ?? { units: 0n, decimals: 0 };
    found.units += BigInt(whole + part.padEnd(scale, "0"));
    found.decimals = Math.max(found.decimals, part.length);
    totals.set(currency, found);
  }
  return [...totals].map(([currency, { units, decimals }]) => {
    const digits = units.toString().padStart(scale + 1, "0");
    const whole = digits.slice(0, -scale).replace(/\B(?=(\d{3})+$)/g, ",");
    return `${whole}${decimals ? `.${digits.slice(-scale).slice(0, decimals)}` : ""} ${currency}`;
  });
}

function choose(box, on) {
  if (!on) chosen.delete(keyOf(box));
  else if (!chosen.has(keyOf(box))) chosen.set(keyOf(box), { value: box.value, tool: box.dataset.tool, money: box.dataset.money ?? "", sentence: sentenceOf(box) });
  show();
}

function show() {
  if (!bar()) return;
  for (const box of boxes()) box.checked = chosen.has(keyOf(box));
  const tools = new Set([...chosen.values()].map((one) => one.tool));
  const mixed = tools.size > 1;
  bar().hidden = chosen.size === 0;
  bar().querySelector("[data-bulk-words]").textContent = mixed
    ? `${chosen.size} selected of ${tools.size} tools: only requests of one tool are answered together.`
    : `${chosen.size} selected: ${[...tools][0] ?? ""}`;
  for (const button of bar().querySelectorAll("[data-bulk-verb]")) button.disabled = mixed;
}

/** Rows that left the list leave the selection: what is not shown is not decided. An open sheet shows its own list, and
    names afterwards what somebody decided first. */
function sync() {
  if (document.getElementById("bulk-sheet").open) return;
  const here = new Map(boxes().map((box) => [keyOf(box), box.value]));
  for (const [key, one] of [...chosen]) if (here.get(key) !== one.value) chosen.delete(key);
  show();
}

function toggle() {
  const box = boxOf(current());
  if (!box) return false;
  choose(box, !chosen.has(keyOf(box)));
  return true;
}

function extend(step) {
  const moved = move(step);
  if (!moved) return false;
  for (const box of [boxOf(moved.from), boxOf(moved.next)]) if (box) choose(box, true);
  return true;
}

function open(verb, opener) {
  const sheet = document.getElementById("bulk-sheet");
  const word = verb === "approve" ? "Approve" : "Reject";
  sheet.querySelector("[data-bulk-field]").value = verb;
  sheet.querySelector("[data-bulk-title]").textContent = `${word} ${chosen.size} request${chosen.size === 1 ? "" : "s"}`;
  sheet.querySelector("[data-bulk-confirm]").textContent = `${word} ${chosen.size}`;
  sheet.querySelector("[data-bulk-list]").replaceChildren(...[...chosen.values()].map((one) => element("li", {}, one.sentence)));
  const amounts = [...chosen.values()].map((one) => one.money).filter((text) => MONEY.test(text));
  const sum = sheet.querySelector("[data-bulk-sum]");
  sum.hidden = amounts.length < 2;
  sum.textContent = `${sums(amounts).join(" and ")} in all${amounts.length < chosen.size ? `, and ${chosen.size - amounts.length} without an amount` : ""}`;
  openSheet(sheet, opener);
}

if (bar()) {
  register("x", "Select, for one answer to several", toggle);
  register("J", "Select and go on", () => extend(1));
  register("K", "Select and go back", () => extend(-1));
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-select]")) choose(event.target, event.target.checked);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-bulk-verb]");
    if (button) open(button.dataset.bulkVerb, button);
    if (event.target.closest?.("[data-bulk-clear]")) { chosen.clear(); show(); }
  });
  document.addEventListener("cs:fragments", sync);
  document.getElementById("bulk-sheet").addEventListener("close", sync);
  document.addEventListener("htmx:configRequest", (event) => {
    // What was captured at selection is sent, whatever the list shows by now.
    if (event.detail.elt.id === "bulk-form") event.detail.parameters.item = [...chosen.values()].map((one) => one.value);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id === "bulk-form" && event.detail.successful) { chosen.clear(); show(); }
  });
  show();
}
