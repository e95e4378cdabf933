/* A search field that hides the entries of a list on the page which do not contain its words. */
import { whenPresent } from "./elements.js";

whenPresent("input[data-filter-list]", (field) => {
  const apply = () => {
    const words = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    for (const entry of document.querySelector(field.dataset.filterList)?.children ?? []) {
      const text = entry.textContent.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
    }
  };
  field.addEventListener("input", apply);
  document.addEventListener("cs:fragments", apply);
});
