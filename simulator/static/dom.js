// Building elements without ever parsing HTML: text is always text.

const PATHS = {
  back: "M15 5l-7 7 7 7", more: "M5 12h.01M12 12h.01M19 12h.01", plus: "M12 5v14M5 12h14",
  send: "M4 12l16-8-6 16-3-6.500zM11 13.500L20 4", clip: "M19 11.500l-7.300 7.300a4.500 4.500 0 0 1-6.400-6.400l8-8a3 3 0 0 1 4.300 4.300l-8 8a1.500 1.500 0 0 1-2.100-2.100l7-7",
  slash: "M9 19l6-14M4 4h16v16H4z", photo: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9h.01", pin: "M12 21s-6-5.700-6-11a6 6 0 0 1 12 0c0 5.300-6 11-6 11zM12 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
  card: "M4 5h16v14H4zM9 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4M6 16c.5-2 5.500-2 6 0M15 10h2.500M15 14h2.500", smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 10h.01M15 10h.01M8.500 14.500c1.800 2.200 5.200 2.200 7 0",
  column: "M4 5h16v14H4zM12 5v14", close: "M6 6l12 12M18 6L6 18", edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3", keys: "M3 6h18v12H3zM7 10h.01M12 10h.01M17 10h.01M8 14h8",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z", out: "M8 16L17 7M10 7h7v7", voice: "M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3zM6 12a6 6 0 0 0 12 0M12 18v3",
};

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onclick, extra = "") {
  return h("button", { class: `icon ${extra}`, type: "button", title: label, "aria-label": label, onclick }, icon(name));
}

export const fullName = (user) => [user.last_name, user.first_name].filter(Boolean).join(" ");

export function avatar(user) {
  return h("span", { class: `avatar hue${user.id % 6}`, "aria-hidden": "true" }, [...user.first_name][0].toUpperCase());
}

export const clock = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit" });

export function dayName(seconds) {
  const day = new Date(seconds * 1000), today = new Date();
  const ago = Math.round((new Date(today).setHours(0, 0, 0, 0) - new Date(day).setHours(0, 0, 0, 0)) / 86400000);
  if (ago === 0) return "Hôm nay";
  if (ago === 1) return "Hôm qua";
  const year = day.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return day.toLocaleDateString("vi-VN", { weekday: "long", day: "numeric", month: "long", year });
}

// Opens a <dialog> with a form; resolves to its fields, or null when it was left.
export function ask(id) {
  const dialog = document.getElementById(id), form = dialog.querySelector("form");
  form.reset();
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "ok" ? Object.fromEntries(new FormData(form)) : null);
    }, { once: true });
  });
}
