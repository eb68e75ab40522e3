// The inbox at the keyboard, and the tone for what is new. Lines are links: Enter and Tab work without any of this.
(() => {
  const rows = () => [...document.querySelectorAll(".inbox-link")];
  const rowOf = (element) => element?.closest?.(".inbox-row");
  let last = null; // where the keyboard was: the line's conversation, its place, and the button in it

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const active = document.activeElement;
    const here = all.findIndex((each) => each === active || (rowOf(each) && rowOf(each) === rowOf(active)));
    const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, here + by));
    all[next].focus();
    all[next].scrollIntoView({ block: "nearest" });
  }

  const press = (selector) => document.querySelector(selector)?.click();
  const inRow = (what) => rowOf(document.activeElement)?.querySelector(`[data-do=${what}]`)?.click();
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    c: () => inRow("claim"),
    a: () => inRow("assign"),
    n: () => press("[data-do=next]"),
    p: () => press("[data-do=start]"),
    "/": () => document.querySelector(".inbox-search input")?.focus(),
    "?": () => press("[data-do=keys]"),
  };
  for (const number of [1, 2, 3, 4, 5]) keys[number] = () => press(`.inbox-tabs [data-number="${number}"]`);

  document.addEventListener("keydown", (event) => {
    if (!document.querySelector(".inbox-page")) return;
    const field = event.target.closest("input, textarea, select, [contenteditable]");
    if (field && event.key === "Escape") field.blur();
    if (field?.closest(".inbox-search") && event.key === "ArrowDown") {
      event.preventDefault();
      return step(1);
    }
    if (field || event.ctrlKey || event.metaKey || event.altKey || document.querySelector(".q-dialog")) return;
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // A line that moves or is drawn again loses the focus: it gets it back, and where it left, the line in its place does.
  document.addEventListener("focusin", ({ target }) => {
    const row = rowOf(target);
    if (!row?.dataset.conversation) return (last = null);
    const place = [...row.parentElement.children].indexOf(row);
    last = { list: row.parentElement, conversation: row.dataset.conversation, place, pressed: target.dataset.do };
  });
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => {
      if (!last || document.activeElement !== document.body || document.querySelector(".q-dialog")) return;
      const lines = [...last.list.children];
      const row = lines.find((each) => each.dataset.conversation === last.conversation);
      const near = row ?? lines[Math.min(last.place, lines.length - 1)];
      const button = row && last.pressed && row.querySelector(`[data-do="${last.pressed}"]`);
      (button || near?.querySelector(".inbox-link"))?.focus();
    }).observe(document.body, { childList: true, subtree: true });
  });

  // A browser makes no sound before its person has touched the page.
  let audio = null;
  for (const touched of ["pointerdown", "keydown"])
    document.addEventListener(touched, () => (audio ??= new AudioContext()), { once: true, capture: true });

  window.trianTone = () => {
    if (!audio) return;
    audio.resume();
    [660, 880].forEach((pitch, number) => {
      const [tone, volume, at] = [audio.createOscillator(), audio.createGain(), audio.currentTime + number * 0.14];
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, at);
      volume.gain.exponentialRampToValueAtTime(0.12, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.22);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.24);
    });
  };
})();
