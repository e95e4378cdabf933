/* Building and finding elements. Text goes in as text: nothing here accepts HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** Runs `begin` for every element that matches, now and whenever htmx or a pushed fragment brings new ones. */
export function whenPresent(selector, begin) {
  const begun = new WeakSet();
  const look = (root) => {
    const found = root.matches?.(selector) ? [root] : [];
    for (const element of [...found, ...root.querySelectorAll(selector)]) {
      if (begun.has(element)) continue;
      begun.add(element);
      begin(element);
    }
  };
  look(document);
  document.addEventListener("htmx:load", (event) => look(event.target));
  document.addEventListener("cs:fragments", () => look(document));
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  setIcon(svg, name);
  return svg;
}

export function setIcon(svg, name) {
  svg.firstChild.setAttribute("href", `${document.body.dataset.icons}#${name}`);
}

/** True when the keyboard is writing into something. */
export function isTyping(target) {
  return target instanceof Element
    && target.closest("input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=range]), textarea, select, [contenteditable]") !== null;
}

export function say(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

/** What took the place of a control that is gone (`data-replaces` names its id), so that the focus has somewhere to go. */
export function successor(gone, within = document) {
  return gone?.id ? within.querySelector(`[data-replaces~="${CSS.escape(gone.id)}"]:not([disabled])`) : null;
}
