/* After an answer: the next case that waits opens, and for three seconds a line says what happened to this one. The line
   is what the server said, so an emptied list never reads as an approval. */
import { element, icon } from "./elements.js";
import { current, disarm, items } from "./inbox.js";

const SHOWN = 3000;
let leaving = 0;

function tell({ request, sentence, text }) {
  const place = document.querySelector("[data-just-decided]");
  if (!place) return;
  clearTimeout(leaving);
  const link = element("a", { href: `/inbox/${request}/` }, sentence);
  place.replaceChildren(icon("circle-check"), element("span", {}, element("b", {}, text), " ", link));
  const leave = () => {
    if (place.matches(":hover, :focus-within")) leaving = setTimeout(leave, 1000);
    else place.replaceChildren();
  };
  leaving = setTimeout(leave, SHOWN);
}

/** The line below the answered one that still waits, else the first that does. */
function following(request) {
  const all = items();
  const at = all.findIndex((item) => item.id === `case-${request}`);
  const waits = (item) => "waits" in item.dataset && item.id !== `case-${request}`;
  return all.slice(at + 1).find(waits) ?? all.find(waits) ?? null;
}

document.addEventListener("inbox:answered", (event) => {
  tell(event.detail);
  const answered = current();
  if (answered && answered.id !== `case-${event.detail.request}`) return;
  const next = following(event.detail.request);
  disarm();
  // By its id: the list may have been made anew meanwhile, and the reviewer would wait for a case that never opens.
  if (next) setTimeout(() => document.getElementById(next.id)?.click());
});
