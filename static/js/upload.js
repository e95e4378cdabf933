/* Choosing files to send: drop or pick, see their sizes, take one out, and hear at once what would be refused. */
import { element, icon, whenPresent } from "./elements.js";
import { revealed } from "./visible.js";

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function accepts(input, file) {
  const kinds = input.accept.split(",").map((kind) => kind.trim().toLowerCase()).filter(Boolean);
  if (kinds.length === 0) return true;
  const name = file.name.toLowerCase();
  return kinds.some((kind) => (kind.startsWith(".") ? name.endsWith(kind) : kind.endsWith("/*") ? file.type.startsWith(kind.slice(0, -1)) : file.type === kind));
}

function begin(root) {
  const input = root.querySelector("[data-upload-input]");
  const drop = input.closest("label");
  const list = root.querySelector("[data-upload-list]");
  const problem = root.querySelector("[data-upload-problem]");
  const total = root.querySelector("[data-upload-total]");
  const most = Number(root.dataset.maxBytes), mostFiles = Number(root.dataset.maxFiles);
  let files = [];

  function keep() {
    const carrier = new DataTransfer();
    for (const file of files) carrier.items.add(file);
    input.files = carrier.files;
  }

  function draw() {
    list.replaceChildren(...files.map((file) => {
      const remove = element("button", { type: "button", class: "icon-button", "aria-label": `Take out ${revealed(file.name)}` }, icon("x"));
      remove.addEventListener("click", () => {
        files = files.filter((kept) => kept !== file);
        keep();
        draw();
        (list.querySelector("button") ?? input).focus();
      });
      return element("li", {}, icon("file-text"), element("span", { class: "upload-name" }, revealed(file.name)), element("span", { class: "upload-size" }, size(file.size)), remove);
    }));
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    total.textContent = files.length === 0 ? "" : `${files.length} file${files.length === 1 ? "" : "s"}, ${size(bytes)}`;
  }

  function take(offered) {
    const refused = [];
    for (const file of offered) {
      const name = revealed(file.name);
      if (file.size > most) refused.push(`${name} has ${size(file.size)}; one file may have ${size(most)}.`);
      else if (file.size === 0) refused.push(`${name} is empty.`);
      else if (!accepts(input, file)) refused.push(`${name} is of a kind that is not read here (${input.accept}).`);
      else if (files.length >= mostFiles) refused.push(`${name} is one too many; ${mostFiles} files fit in one go.`);
      else {
        files = files.filter((kept) => kept.name !== file.name);
        files.push(file);
      }
    }
    const shown = refused.slice(0, 5);
    if (refused.length > shown.length) shown.push(`and ${refused.length - shown.length} more were left out.`);
    problem.textContent = shown.join("\n");
    keep();
    draw();
  }

  input.addEventListener("change", () => take([...input.files]));
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
  input.form?.addEventListener("reset", () => { files = []; problem.textContent = ""; draw(); });
}

whenPresent("[data-upload]", begin);
