// The form of a key: whole blocks and platforms with one click, search, and what the key will reach, as boxes are ticked.

const LISTED = 3;
const reach = document.getElementById("reach");
const fill = (text, ...values) => values.reduce((filled, value) => filled.replace("{}", () => value), text);
const boxes = (root) => [...root.querySelectorAll(".group-members input[type=checkbox]")];

// A group's title: ticked if all of it is, half ticked if some is.
function settle(group) {
  const all = boxes(group);
  const chosen = all.filter((box) => box.checked).length;
  const whole = group.querySelector("[data-whole]");
  whole.checked = chosen === all.length;
  whole.indeterminate = chosen > 0 && chosen < all.length;
  group.querySelector("[data-count]").textContent = `${chosen} / ${all.length}`;
}

// The same sentence as src/console/keys/choices.rs makes.
function tell() {
  const texts = reach.dataset;
  const scope = (access, all, none, several, name) => {
    const part = document.querySelector(`[data-access=${access}]`);
    const kind = part.querySelector(`input[name=${access}_access]:checked`)?.value;
    if (kind === "all") return { text: all };
    if (kind !== "selected") return null;
    const every = boxes(part);
    const chosen = every.filter((box) => box.checked);
    if (chosen.length === 0) return { text: none, count: 0 };
    if (chosen.length > LISTED) return { text: fill(several, chosen.length, every.length), count: chosen.length };
    return { text: chosen.map(name).join(", "), count: chosen.length };
  };
  const stores = scope("store", texts.allStores, texts.noStore, texts.stores,
    (box) => box.nextElementSibling.firstElementChild.textContent);
  const methods = scope("method", texts.allMethods, texts.noMethod, texts.methods, (box) => box.value);
  reach.textContent = stores && methods
    ? fill(texts.reach, methods.text, stores.text) + (stores.count === 1 ? ` ${texts.binds}` : "")
    : texts.unknown;
}

for (const part of document.querySelectorAll("[data-access]")) {
  for (const group of part.querySelectorAll("[data-group]")) settle(group);
  part.addEventListener("change", ({ target }) => {
    const group = target.closest("[data-group]");
    if (group) {
      // The members that the search shows: what is hidden is not ticked unseen.
      if (target.matches("[data-whole]")) {
        for (const box of boxes(group)) if (!box.closest("[hidden]")) box.checked = target.checked;
      }
      settle(group);
    }
    tell();
  });

  const search = part.querySelector("[data-search]");
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const group of part.querySelectorAll("[data-group]")) {
      let here = 0;
      for (const box of boxes(group)) {
        const member = box.closest("label");
        const text = `${group.querySelector(".group-head").textContent} ${member.textContent}`.toLowerCase();
        member.hidden = !words.every((word) => text.includes(word));
        if (!member.hidden) here += 1;
      }
      group.hidden = here === 0;
      const details = group.querySelector("details");
      if (details && words.length) details.open = here > 0;
      found += here;
    }
    part.querySelector("[data-nothing]").hidden = found > 0;
  });
  search.addEventListener("keydown", (event) => {
    // Enter would send the form.
    if (event.key === "Enter") event.preventDefault();
  });
}
// After Back the browser restores what was ticked.
window.addEventListener("pageshow", () => {
  for (const group of document.querySelectorAll("[data-group]")) settle(group);
  tell();
});
document.querySelector("[data-focus]")?.focus();
tell();
