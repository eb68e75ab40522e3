// The control API and what the page knows. One state object; whoever changes it tells `listeners`.

export const state = { bots: [], users: [], botId: null, chats: new Map() };
export const listeners = new Set();
export const tell = (event) => listeners.forEach((listener) => listener(event));
export const bot = () => state.bots.find((one) => one.id === state.botId);

async function call(method, path, body) {
  const mark = path.includes("?") ? "&" : "?";
  const address = "/control" + path + (state.botId ? `${mark}bot=${state.botId}` : "");
  const options = { method };
  if (body !== undefined) Object.assign(options, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const answer = await fetch(address, options);
  const result = await answer.json();
  if (!answer.ok) {
    tell({ type: "refused", detail: result.detail });
    throw new Error(JSON.stringify(result.detail));
  }
  return result;
}
export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);
export const patch = (path, body) => call("PATCH", path, body);

export function chatOf(userId) {
  if (!state.chats.has(userId)) {
    state.chats.set(userId, { userId, started: false, blocked: false, keyboard: null, messages: new Map(), loaded: false, typing: 0 });
  }
  return state.chats.get(userId);
}

const readKey = (userId) => `read:${state.botId}:${userId}`;
export const lastRead = (userId) => Number(localStorage.getItem(readKey(userId)) || 0);
export function markRead(userId) {
  const newest = Math.max(0, ...chatOf(userId).messages.keys());
  if (newest > lastRead(userId)) localStorage.setItem(readKey(userId), newest);
}
export const unread = (userId) =>
  [...chatOf(userId).messages.values()].filter((m) => m.from_bot && !m.deleted && m.message_id > lastRead(userId)).length;

export async function loadMessages(userId) {
  const chat = chatOf(userId);
  for (const message of await get(`/chats/${userId}/messages`)) chat.messages.set(message.message_id, message);
  chat.loaded = true;
}

// Reads the whole state again: at the start, after a lost connection, after changes too rare for an event of their own.
export async function reload() {
  const fresh = await (await fetch("/control/state")).json();
  const known = fresh.bots.some((one) => one.id === state.botId);
  const newest = fresh.bots.at(-1)?.id ?? null;
  const appeared = fresh.bots.length > state.bots.length;
  if (!known || appeared) { if (state.botId !== newest) state.chats.clear(); state.botId = newest; }
  state.bots = fresh.bots;
  state.users = fresh.users;
  const chats = new Map((bot()?.chats ?? []).map((chat) => [chat.user_id, chat]));
  for (const user of state.users) {
    const summary = chats.get(user.id), chat = chatOf(user.id);
    Object.assign(chat, { started: !!summary, blocked: !!summary?.blocked, keyboard: summary?.keyboard ?? null });
    if (!summary) chat.messages.clear();
    else await loadMessages(user.id);
  }
  tell({ type: "all" });
}

export function choose(botId) {
  state.botId = botId;
  state.chats.clear();
  return reload();
}

function receive(event) {
  if (event.type === "reload") return void reload();
  if (event.bot !== state.botId) return;
  const chat = chatOf(event.user);
  if (event.type === "message") {
    chat.messages.set(event.message.message_id, event.message);
    chat.started = true;
    if (event.message.from_bot) chat.typing = 0;
  }
  if (event.type === "typing") chat.typing = Date.now() + 5000;
  if (event.type === "keyboard") chat.keyboard = event.keyboard;
  tell(event);
}

export function listen() {
  const source = new EventSource("/control/events");
  source.onopen = () => { tell({ type: "link", up: true }); reload(); };
  source.onerror = () => tell({ type: "link", up: false });
  source.onmessage = (message) => receive(JSON.parse(message.data));
}
