// One message as an element: text with its entities, picture, place, card, buttons.
import { clock, h, icon } from "./dom.js";

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote" };
export const isWebAddress = (address) => /^https?:\/\//i.test(address ?? "");

function wrapped(entity, inner, text, act) {
  const address = entity.type === "text_link" ? entity.url : text;
  if (entity.type === "text_link" || entity.type === "url") {
    return isWebAddress(address) ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, inner) : h("span", {}, inner);
  }
  if (entity.type === "bot_command") return h("a", { href: "#", onclick: (e) => { e.preventDefault(); act.say(text); } }, inner);
  if (entity.type === "spoiler") return h("span", { class: "spoiler", onclick: (e) => e.currentTarget.classList.add("shown") }, inner);
  return h(TAGS[entity.type] ?? "span", {}, inner);
}

// Offsets are UTF-16 units, as JavaScript's strings are.
export function formatted(text, entities, act, from = 0, to = text.length) {
  const parts = [];
  let at = from;
  const sorted = [...(entities ?? [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  for (let i = 0; i < sorted.length; i++) {
    const one = sorted[i], end = Math.min(one.offset + one.length, to);
    if (one.offset < at || end <= one.offset) continue;
    parts.push(text.slice(at, one.offset));
    const inside = sorted.slice(i + 1).filter((e) => e.offset >= one.offset && e.offset < end);
    parts.push(wrapped(one, formatted(text, inside, act, one.offset, end), text.slice(one.offset, end), act));
    at = end;
  }
  parts.push(text.slice(at, to));
  return parts.filter((part) => part !== "");
}

function photo(message) {
  const largest = message.photo.at(-1);
  const address = `/control/files/${encodeURIComponent(largest.file_id)}`;
  return h("a", { href: address, target: "_blank", class: "photo" },
    h("img", { src: address, width: largest.width, height: largest.height, alt: message.caption || "Ảnh" }));
}

function place({ latitude, longitude }) {
  const where = `${latitude.toFixed(4)}, ${longitude.toFixed(4)}`;
  return h("div", { class: "attachment" }, h("span", { class: "round" }, icon("pin")), h("div", {}, h("b", {}, "Vị trí"), h("small", {}, where)));
}

function card(contact) {
  const name = [contact.last_name, contact.first_name].filter(Boolean).join(" ");
  return h("div", { class: "attachment" }, h("span", { class: "round" }, icon("card")), h("div", {}, h("b", {}, name), h("small", {}, contact.phone_number)));
}

function voice({ duration }) {
  return h("div", { class: "attachment" }, h("span", { class: "round" }, icon("voice")), h("div", {}, h("b", {}, "Tin thoại"), h("small", {}, `${duration} giây`)));
}

function file(document) {
  const size = `${Math.max(1, Math.round(document.file_size / 1024))} KB`;
  return h("a", { class: "attachment", href: `/control/files/${encodeURIComponent(document.file_id)}`, download: document.file_name },
    h("span", { class: "round" }, icon("card")), h("div", {}, h("b", {}, document.file_name), h("small", {}, size)));
}

export function preview(message) {
  if (message.photo) return message.caption ? `Ảnh · ${message.caption}` : "Ảnh";
  if (message.sticker) return `Nhãn dán ${message.sticker.emoji ?? ""}`;
  if (message.location) return "Vị trí";
  if (message.contact) return "Danh thiếp";
  if (message.voice) return "Tin thoại";
  if (message.document) return message.document.file_name;
  return message.text ?? "";
}

function buttons(message, act) {
  const rows = message.reply_markup?.inline_keyboard ?? [];
  return rows.length > 0 && h("div", { class: "buttons" }, rows.map((row) => h("div", { class: "button-row" }, row.map((one) => {
    const press = (e) => (one.url ? isWebAddress(one.url) && open(one.url, "_blank", "noopener") : act.press(message, one, e.currentTarget));
    return h("button", { type: "button", onclick: press }, h("span", {}, one.text), one.url && icon("out"));
  }))));
}

export function messageElement(message, act) {
  const reply = message.reply_to_message;
  const text = message.text ?? message.caption;
  const mine = !message.from_bot;
  const foot = h("span", { class: "foot" }, message.edit_date && "đã sửa · ", clock(message.date));
  const bubble = h("div", { class: `bubble${message.sticker ? " sticker" : ""}${message.photo ? " with-photo" : ""}` },
    reply && h("blockquote", { class: "reply" }, preview(reply)),
    message.photo && photo(message), message.sticker && h("span", { class: "emoji" }, message.sticker.emoji ?? "★"),
    message.location && place(message.location), message.contact && card(message.contact), message.voice && voice(message.voice),
    message.document && file(message.document),
    text && h("div", { class: "text" }, formatted(text, message.entities ?? message.caption_entities, act)), foot);
  const change = mine && message.text && h("button", { class: "icon change", type: "button", title: "Sửa tin", "aria-label": "Sửa tin", onclick: () => act.edit(message) }, icon("edit"));
  const line = h("div", { class: "line" }, change, bubble);
  return h("article", { class: `message ${mine ? "mine" : "theirs"}`, "data-id": message.message_id }, line, buttons(message, act));
}
