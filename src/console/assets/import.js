// Importing a reference book: a file is read into the field, where it can be looked over.
const file = document.getElementById("file");
file?.addEventListener("change", async () => {
  if (!file.files.length) return;
  document.getElementById("yaml").value = await file.files[0].text();
});
document.querySelector("[data-focus]")?.focus();
