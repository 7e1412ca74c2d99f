// Lists: filters that are not set stay out of the address, and a switch changes its row alone.
import { localTimes } from "./console.js";

for (const form of document.querySelectorAll("form[data-trim]")) {
  form.addEventListener("formdata", ({ formData }) => {
    for (const [name, value] of [...formData]) if (value.trim() === "") formData.delete(name);
  });
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => form.requestSubmit());
}

// After Back the fields say what the list was made by, not what was chosen when it was left.
window.addEventListener("pageshow", ({ persisted }) => {
  const back = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  if (persisted || back) for (const form of document.querySelectorAll("form[data-trim]")) form.reset();
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-in-place]");
  if (!form || event.defaultPrevented) return;
  event.preventDefault();
  const row = form.closest("tr");
  let made = null;
  let notice = null;
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (response.ok) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      made = page.getElementById(row.id);
      notice = page.getElementById("notice");
    }
  } catch { /* as if there were no script */ }
  if (made) {
    const fresh = document.importNode(made, true);
    row.replaceWith(fresh);
    // What the server says of this switch, such as which replicas have not confirmed it, in place of what it said before.
    document.getElementById("notice")?.remove();
    if (notice) document.getElementById("content").prepend(document.importNode(notice, true));
    localTimes(fresh);
    fresh.querySelector(".switch")?.focus();
  } else {
    // It is not in this list any more, or was refused: the server's own page says what is so.
    form.removeAttribute("data-in-place");
    delete form.dataset.sent;
    if (made === null) form.submit();
  }
});
