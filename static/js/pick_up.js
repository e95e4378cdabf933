/* Who leaves a case that they picked up lets go of it: colleagues do not wait for somebody who went away. */
let held = null;

function leave() {
  if (!held) return;
  navigator.sendBeacon(held.url, held.data);
  held = null;
}

/** What is picked up on the page now; another case in its place means that the first was left. */
function look() {
  const shown = document.getElementById("case-current")?.value ?? "";
  if (held && held.shown !== shown) leave();
  const form = document.querySelector("#case [data-let-go]")?.form;
  held = form ? { shown, url: form.action, data: new FormData(form) } : null;
}

look();
document.addEventListener("htmx:afterSwap", look);
document.addEventListener("cs:fragments", look);
window.addEventListener("pagehide", leave);
