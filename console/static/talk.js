// The conversation at the keyboard, where nobody is writing: n a note, r the reply, Ctrl+K ready answers, Esc back to the
// list. In a field Esc leaves the field: what was written stays.
document.addEventListener("keydown", (event) => {
  const press = (selector) => {
    event.preventDefault();
    document.querySelector(selector)?.click();
  };
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return press(".canned-open");
  if (event.isComposing) return;
  const field = event.target.closest?.("input, textarea, select, [contenteditable], .q-dialog");
  if (event.key === "Escape" && !document.querySelector(".q-dialog")) return field ? event.target.blur() : press(".back");
  if (field || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "n") press(".note-tab");
  if (event.key === "r") press(".reply-tab");
});
