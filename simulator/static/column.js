// One open chat: header, messages, composer. Several stand side by side.
import { bot, chatOf, markRead, patch, post, state } from "./api.js";
import { ask, avatar, dayName, fullName, h, icon, iconButton } from "./dom.js";
import { messageElement } from "./message.js";

const STICKERS = ["👍", "❤️", "😊", "🙏", "😢", "😡", "🎉", "🌸"];
const PLACES = [["Hồ Gươm, Hà Nội", 21.0287, 105.8524], ["Chợ Bến Thành, TP.HCM", 10.7725, 106.698], ["Cầu Rồng, Đà Nẵng", 16.0612, 108.2272], ["Bến Ninh Kiều, Cần Thơ", 10.0342, 105.7889]];

export class Column {
  constructor(userId, onClose) {
    this.userId = userId;
    this.drafted = null;
    this.waiting = new Map();
    this.elements = new Map();
    this.build(onClose);
    this.draw();
  }
  get user() { return state.users.find((one) => one.id === this.userId); }
  get chat() { return chatOf(this.userId); }
  path(rest) { return `/chats/${this.userId}/${rest}`; }

  build(onClose) {
    this.status = h("p", { class: "status" });
    this.list = h("div", { class: "messages", role: "log", "aria-live": "polite" });
    this.list.addEventListener("scroll", () => { this.atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 160; });
    this.list.addEventListener("load", () => this.atEnd && this.toEnd(), true); // a picture that arrived made it longer
    this.toasts = h("div", { class: "toasts", role: "status" });
    this.bottom = h("footer");
    this.menu = h("div", { class: "menu", hidden: true });
    this.root = h("section", { class: "column", "aria-label": `Trò chuyện của ${fullName(this.user)}` },
      h("header", {}, iconButton("back", "Về danh sách", onClose, "back"), avatar(this.user),
        h("div", { class: "who" }, h("h2", {}, fullName(this.user)), this.status),
        iconButton("more", "Thêm", (e) => this.openMenu(e, this.headMenu()), "more"), iconButton("close", "Đóng cột này", onClose, "shut")),
      this.list, this.toasts, this.bottom, this.menu);
    this.root.addEventListener("click", (e) => { if (!e.target.closest(".menu, [data-menu]")) this.menu.hidden = true; });
  }

  // Menus
  openMenu(event, items, place = "") {
    event.currentTarget.dataset.menu = "";
    const same = !this.menu.hidden && this.menu.dataset.of === event.currentTarget.title;
    this.menu.dataset.of = event.currentTarget.title;
    this.menu.className = `menu ${place}`;
    this.menu.replaceChildren(...items);
    this.menu.hidden = same;
  }
  item(label, act, name) {
    return h("button", { type: "button", onclick: () => { this.menu.hidden = true; act(); } }, name && icon(name), h("span", {}, label));
  }
  headMenu() {
    const gone = this.user.deactivated, act = (name) => () => post(`/users/${this.userId}/${name}`);
    return [
      this.item("Mở bằng liên kết có mã…", () => this.startWithPayload(), "out"),
      this.chat.started && this.item(this.chat.blocked ? "Bỏ chặn bot" : "Chặn bot", act(this.chat.blocked ? "unblock" : "block"), "close"),
      this.item(gone ? "Khôi phục tài khoản" : "Xoá tài khoản Telegram", act(gone ? "reactivate" : "deactivate"), "card"),
    ].filter(Boolean);
  }
  attachMenu() {
    return [
      this.item("Ảnh", () => this.pickPhoto(), "photo"),
      this.item("Danh thiếp của tôi", () => this.send({ contact: {} }), "card"),
      ...PLACES.map(([name, latitude, longitude]) => this.item(name, () => this.send({ location: { latitude, longitude } }), "pin")),
      h("div", { class: "stickers" }, STICKERS.map((one) => this.item(one, () => this.send({ sticker: one })))),
    ];
  }
  commandMenu() {
    return bot().commands.map((one) => h("button", { type: "button", class: "command", onclick: () => { this.menu.hidden = true; this.send({ text: `/${one.command}` }); } },
      h("b", {}, `/${one.command}`), h("span", {}, one.description)));
  }

  // Acts of the person
  send(body) { return post(this.path("messages"), body).catch(() => {}); }
  start(payload = "") { return post(this.path("start"), { payload }).catch(() => {}); }
  async startWithPayload() {
    const given = await ask("start-dialog");
    if (given) this.start(given.payload);
  }
  pickPhoto() {
    const input = h("input", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", onchange: () => this.sendPhoto(input.files[0]) });
    input.click();
  }
  async sendPhoto(file) {
    if (!file) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    let binary = "";
    for (let i = 0; i < bytes.length; i += 32768) binary += String.fromCharCode(...bytes.subarray(i, i + 32768));
    const caption = this.input.value.trim();
    this.input.value = "";
    await this.send({ photo: { base64: btoa(binary) }, ...(caption && { caption }) });
  }
  async submit() {
    const text = this.input.value.trim();
    if (!text) return;
    this.input.value = "";
    this.grow();
    if (this.drafted) {
      const { message_id } = this.drafted;
      this.edit(null);
      await patch(this.path(`messages/${message_id}`), { text }).catch(() => {});
    } else await this.send({ text });
  }
  edit(message) {
    this.drafted = message;
    this.drawBottom();
    this.input.value = message?.text ?? "";
    this.grow();
    this.input.focus();
  }
  async press(message, button, element) {
    element.classList.add("pressed");
    setTimeout(() => element.classList.remove("pressed"), 10000);
    try {
      const { query_id } = await post(this.path("press"), { message_id: message.message_id, callback_data: button.callback_data });
      if (!this.answered?.delete(query_id)) this.waiting.set(query_id, element);
      else element.classList.remove("pressed");
    } catch { element.classList.remove("pressed"); }
  }
  answer({ query, answer }) {
    const element = this.waiting.get(query);
    element?.classList.remove("pressed");
    if (!this.waiting.delete(query)) (this.answered ??= new Set()).add(query);
    if (answer.text && answer.show_alert) {
      const dialog = document.getElementById("alert-dialog");
      dialog.querySelector("p").textContent = answer.text;
      if (!dialog.open) dialog.showModal();
    } else if (answer.text) this.toast(answer.text);
  }
  toast(text) {
    const one = h("div", { class: "toast" }, text);
    this.toasts.append(one);
    setTimeout(() => one.remove(), 4000);
  }

  // Drawing
  draw() {
    this.list.replaceChildren();
    this.elements.clear();
    this.lastDay = null;
    if (!this.chat.messages.size) this.list.append(this.welcome());
    [...this.chat.messages.values()].sort((a, b) => a.message_id - b.message_id).forEach((one) => this.append(one));
    this.drawStatus();
    this.drawBottom();
    this.toEnd();
    this.seen();
  }
  welcome() {
    return h("div", { class: "welcome" }, h("div", { class: "seal" }, icon("smile")), h("h3", {}, bot()?.first_name ?? "Chưa có bot"),
      h("p", {}, bot() ? "Bấm Bắt đầu để mở cuộc trò chuyện, như khách lần đầu nhắn cho cửa hàng." : "Chưa có bot nào kết nối. Trang này sẽ tự cập nhật khi bot chạy."));
  }
  append(message) {
    if (message.deleted) return;
    this.list.querySelector(".welcome")?.remove();
    const day = dayName(message.date);
    if (day !== this.lastDay) this.list.append(h("div", { class: "day" }, h("span", {}, day)));
    this.lastDay = day;
    const element = messageElement(message, { press: (...all) => this.press(...all), edit: (one) => this.edit(one), say: (text) => this.send({ text }) });
    const old = this.elements.get(message.message_id);
    this.elements.set(message.message_id, element);
    old ? old.replaceWith(element) : this.list.insertBefore(element, this.dots?.isConnected ? this.dots : null);
  }
  receive(event) {
    if (event.type === "message") {
      const { message } = event;
      if (message.deleted) { this.elements.get(message.message_id)?.remove(); this.elements.delete(message.message_id); }
      else this.append(message);
      if (this.chat.messages.size === 1 || !this.input) this.drawBottom();
      if (this.atEnd || !message.from_bot) this.toEnd();
      this.seen();
    }
    if (event.type === "answer") this.answer(event);
    if (event.type === "keyboard") this.drawBottom();
    this.drawStatus();
  }
  toEnd() {
    this.atEnd = true;
    requestAnimationFrame(() => { this.list.scrollTop = this.list.scrollHeight; });
  }
  // On a phone the chat may be behind the list: what arrives there is not read yet.
  seen() { if (this.root.isConnected && getComputedStyle(this.root).visibility === "visible") markRead(this.userId); }
  drawStatus() {
    const typing = this.chat.typing > Date.now();
    const name = bot()?.first_name ?? "bot";
    const words = this.user.deactivated ? "tài khoản đã xoá" : this.chat.blocked ? `đã chặn ${name}` : typing ? `${name} đang nhập…` : `đang nhắn với ${name}`;
    this.status.textContent = words;
    this.status.classList.toggle("typing", typing);
    this.dots ??= h("div", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
    if (typing && !this.dots.isConnected) { this.list.append(this.dots); this.toEnd(); }
    if (!typing) this.dots.remove();
    clearTimeout(this.timer);
    if (typing) this.timer = setTimeout(() => this.drawStatus(), this.chat.typing - Date.now() + 50);
  }
  drawBottom() {
    this.input = null;
    if (!bot()) return void this.bottom.replaceChildren();
    const big = (label, act) => this.bottom.replaceChildren(h("button", { class: "primary wide", type: "button", onclick: act }, label));
    if (this.user.deactivated) return big("Khôi phục tài khoản", () => post(`/users/${this.userId}/reactivate`));
    if (this.chat.blocked) return big("Bỏ chặn", () => post(`/users/${this.userId}/unblock`));
    if (!this.chat.started) {
      big("Bắt đầu", () => this.start());
      return void this.bottom.append(h("button", { class: "quiet", type: "button", onclick: () => this.startWithPayload() }, "Mở bằng liên kết có mã…"));
    }
    this.input = h("textarea", { rows: 1, maxlength: 4096, placeholder: "Nhắn tin…", "aria-label": "Nội dung tin nhắn", oninput: () => this.grow(), onkeydown: (e) => {
      if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); this.submit(); }
      if (e.key === "Escape" && this.drafted) this.edit(null);
    } });
    const banner = this.drafted && h("div", { class: "editing" }, icon("edit"), h("span", {}, "Đang sửa tin nhắn"), iconButton("close", "Thôi sửa", () => this.edit(null)));
    this.bottom.replaceChildren(...[banner, h("div", { class: "composer" },
      iconButton("clip", "Đính kèm", (e) => this.openMenu(e, this.attachMenu(), "low")),
      bot().commands.length > 0 && iconButton("slash", "Các lệnh", (e) => this.openMenu(e, this.commandMenu(), "low")),
      this.input, iconButton("send", "Gửi", () => this.submit(), "send")), this.keyboard()].filter(Boolean));
  }
  keyboard() {
    const rows = this.chat.keyboard?.keyboard;
    return rows && h("div", { class: "keyboard" }, rows.map((row) => h("div", { class: "button-row" }, row.map((one) => h("button", { type: "button", onclick: () => {
      if (one.request_contact) this.send({ contact: {} });
      else if (one.request_location) this.send({ location: { latitude: PLACES[0][1], longitude: PLACES[0][2] } });
      else this.send({ text: one.text });
    } }, one.text)))));
  }
  grow() {
    if (!this.input) return;
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 140)}px`;
  }
}
