// What is handier with a script on any page. Everything works without.
document.documentElement.classList.add("js");

// Times in the reader's zone; the exact moment stays in the hint.
const two = (number) => String(number).padStart(2, "0");

export function localTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (element.dataset.local || Number.isNaN(at.getTime())) continue;
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    element.textContent = `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
    element.title = `${at.toString()} = ${element.dateTime}`;
    element.dataset.local = "yes";
  }
}

// <button type="button" data-copy="ID">: copies the value or the text of the element with this id.
function copyButtons(root) {
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const from = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(from.value ?? from.textContent);
      } catch {
        // Without TLS browsers lend no clipboard; what is selected can still be copied.
        (from.select ? from : window.getSelection()).select?.();
        if (!document.execCommand("copy")) return;
      }
      const label = button.textContent;
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// A page with a key's or an operator's token holds it no longer than it is looked at: Back brings the key, or another form.
const secrets = document.querySelectorAll("[data-secret]");
if (secrets.length) {
  for (const { dataset } of secrets) if (dataset.secret) history.replaceState(null, "", dataset.secret);
  window.addEventListener("pagehide", () => {
    for (const secret of secrets) {
      secret.value = "";
      secret.removeAttribute("value");
    }
  });
  window.addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });
}

localTimes(document);
copyButtons(document);
