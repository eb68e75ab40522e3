// The page: the list of people, and up to three chats side by side.
import { bot, chatOf, choose, listen, listeners, post, reload, state, unread } from "./api.js";
import { Column } from "./column.js";
import { ask, avatar, clock, fullName, h, icon, iconButton } from "./dom.js";
import { preview } from "./message.js";

const at = (id) => document.getElementById(id);
const columns = new Map();
const room = () => (innerWidth >= 1240 ? 3 : innerWidth >= 920 ? 2 : 1);
const narrow = () => innerWidth < 720;
let opened = JSON.parse(localStorage.getItem("columns") ?? "null");

function remember() { localStorage.setItem("columns", JSON.stringify(opened)); }

function open(userId, beside = false) {
  if (opened.includes(userId)) { columns.get(userId)?.input?.focus(); }
  else if (beside) opened = [...opened, userId].slice(-room());
  else opened = [...opened.slice(0, -1), userId];
  remember();
  document.body.classList.add("chatting");
  drawColumns();
  drawList();
}

function close(userId) {
  document.body.classList.remove("chatting");
  if (!narrow()) { opened = opened.filter((one) => one !== userId); remember(); }
  drawColumns();
  drawList();
}

function drawColumns() {
  const shown = opened.filter((id) => state.users.some((one) => one.id === id)).slice(-room());
  for (const [id, column] of columns) if (!shown.includes(id)) { column.root.remove(); columns.delete(id); }
  at("columns").querySelector(".empty")?.remove();
  for (const id of shown) {
    if (!columns.has(id)) columns.set(id, new Column(id, () => close(id)));
    if (!columns.get(id).root.isConnected) at("columns").append(columns.get(id).root); // moving one would lose its place
    columns.get(id).seen();
  }
  if (!shown.length) {
    at("columns").append(h("div", { class: "empty" }, h("div", { class: "seal" }, icon("smile")),
      h("p", {}, state.users.length ? "Chọn một khách bên trái để nhắn tin thay họ." : "Chưa có khách nào."),
      !state.users.length && h("button", { class: "primary", type: "button", onclick: addPerson }, "Thêm khách")));
  }
}

function lastMessage(userId) {
  return [...chatOf(userId).messages.values()].filter((one) => !one.deleted).sort((a, b) => a.message_id - b.message_id).at(-1);
}

function person(user) {
  const chat = chatOf(user.id), last = lastMessage(user.id), count = unread(user.id), shown = columns.has(user.id);
  const words = user.deactivated ? "Tài khoản đã xoá" : chat.blocked ? "Đã chặn bot" : chat.typing > Date.now() ? "Đang nhập…"
    : last ? (last.from_bot ? "" : "Bạn: ") + preview(last) : "Chưa bắt đầu";
  return h("li", { class: shown ? "shown" : "" },
    h("button", { type: "button", class: "person", onclick: () => open(user.id) }, avatar(user),
      h("span", { class: "lines" }, h("span", { class: "top" }, h("b", {}, fullName(user)), last && h("time", {}, clock(last.date))),
        h("span", { class: "bottom" }, h("span", { class: "last" }, words), count > 0 && h("span", { class: "badge", "aria-label": `${count} tin chưa đọc` }, String(count))))),
    !shown && room() > 1 && iconButton("column", "Mở thành cột bên cạnh", () => open(user.id, true), "beside"));
}

function drawList() {
  at("list").replaceChildren(...state.users.map(person));
  const total = state.users.reduce((sum, user) => sum + unread(user.id), 0);
  document.title = (total ? `(${total}) ` : "") + "Trò chuyện thử";
}

function drawBots() {
  at("bot-line").textContent = bot() ? `với ${bot().first_name} · @${bot().username}` : "Đang chờ bot kết nối…";
  at("bots").hidden = state.bots.length < 2;
  at("bots").replaceChildren(...state.bots.map((one) => h("option", { value: one.id, selected: one.id === state.botId }, `${one.first_name} (${one.id})`)));
}

async function addPerson() {
  const given = await ask("person-dialog");
  if (!given) return;
  const body = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, value.trim()]).filter(([, value]) => value));
  const added = await post("/users", body);
  await reload();
  open(added.id, opened.length < room());
}

function redrawAll() {
  opened ??= narrow() ? [] : state.users.slice(0, Math.min(2, room())).map((user) => user.id);
  for (const column of columns.values()) if (column.user) column.draw();
  drawBots();
  drawColumns();
  drawList();
}

listeners.add((event) => {
  if (event.type === "all") return redrawAll();
  if (event.type === "link") return void (at("link").hidden = event.up);
  if (event.type === "refused") return void columns.forEach((column) => column.toast("Không làm được việc này."));
  columns.get(event.user)?.receive(event);
  drawList();
});

function theme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}
at("add").append(icon("plus"));
at("add").onclick = addPerson;
at("theme").append(icon("moon"));
at("theme").onclick = () => {
  const dark = document.documentElement.dataset.theme !== "dark";
  localStorage.setItem("theme", dark ? "dark" : "light");
  theme(dark);
};
at("bots").onchange = (e) => choose(Number(e.target.value));
theme((localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark");
addEventListener("resize", () => { if (opened) { drawColumns(); drawList(); } });
listen();
