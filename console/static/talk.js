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

// What is sent stays in its field until the server has it, and what is typed meanwhile stays after that.
window.trianTalk = (() => {
  const HEARD_WITHIN_MS = 5000; // later than that Enter sends the same words again

  const without = (text, start) => (start && text.startsWith(start) ? text.slice(start.length) : text);

  function write(area, words) {
    area.value = words;
    area.dispatchEvent(new Event("input"));
  }

  // Enter sends, Shift+Enter makes a line, and an Enter that ends a composed Vietnamese syllable does neither.
  function enter(event, emit) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    const area = event.target;
    const words = without(area.value, area.dataset.sending);
    if (area.dataset.sending && !words.trim()) return; // pressed twice
    const sending = (area.dataset.sending = area.value);
    setTimeout(() => area.dataset.sending === sending && delete area.dataset.sending, HEARD_WITHIN_MS);
    emit(words);
  }

  function take(selector, words) {
    const area = document.querySelector(selector);
    if (!area) return;
    const rest = without(area.dataset.sending ?? "", words);
    rest ? (area.dataset.sending = rest) : delete area.dataset.sending;
    write(area, without(area.value, words));
  }

  function putBack(selector, words) {
    const area = document.querySelector(selector);
    if (area && words) write(area, area.value ? `${words}\n${area.value}` : words);
  }

  // Whoever left while it was being sent finds it among the newest messages.
  const isSent = (words) =>
    [...document.querySelectorAll(".message.staff, .message.note")]
      .slice(-3)
      .some((bubble) => bubble.innerText.includes(words.trim()));

  // What is not sent yet outlives a reload, and a look at another page: in this tab, until it is sent or the tab closed.
  function keep(key) {
    const fields = [".reply textarea", ".note-box textarea"].map((selector) => ({ selector, kept: `${key} ${selector}` }));
    for (const { selector, kept } of fields) {
      const area = document.querySelector(selector);
      const words = sessionStorage.getItem(kept);
      if (area && words && !area.value && !isSent(words)) write(area, words);
    }
    const save = () => {
      for (const { selector, kept } of fields) {
        const words = document.querySelector(selector)?.value;
        words ? sessionStorage.setItem(kept, words) : sessionStorage.removeItem(kept);
      }
    };
    addEventListener("pagehide", save);
    document.addEventListener("visibilitychange", save); // a tablet may end a hidden tab without another word
  }

  return { enter, take, putBack, keep };
})();
