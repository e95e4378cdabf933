/* `data-print` on a button prints the page, with everything that is folded opened for the paper. */
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-print]")) return;
  for (const part of document.querySelectorAll("main details")) part.open = true;
  window.print();
});
