// The page: places orders, and shows them change. An order stays in its list until the shop has answered it, and is
// sent again with the same key, so a restart loses none and doubles none.
#pragma once

namespace shop {

inline constexpr const char* page = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shop</title>
<style>
  :root { color-scheme: light dark; --line: #d8dce3; --soft: #5a6472; --good: #16713a; --warn: #9a5b00; --back: #fff; }
  @media (prefers-color-scheme: dark) {
    :root { --line: #333a45; --soft: #9aa5b4; --good: #5fd08b; --warn: #f0b44c; --back: #14181d; } }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 1rem; background: var(--back); }
  header, form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; }
  h1 { margin: 0; font-size: 1.4rem; flex: 1; }
  label { display: flex; gap: .4rem; align-items: baseline; justify-content: space-between; }
  input, button { font: inherit; padding: .3rem .5rem; border: 1px solid var(--line); border-radius: .3rem; }
  input { width: 9rem; } input[type=number] { width: 5rem; } #state::before { content: "● "; }
  table { width: 100%; border-collapse: collapse; margin-top: 1rem; }
  th, td { text-align: left; padding: .35rem .5rem; border-bottom: 1px solid var(--line); }
  td:nth-child(2) { overflow-wrap: anywhere; }
  th, #numbers { color: var(--soft); font-weight: 500; font-size: .9rem; }
  .on, .shipped { color: var(--good); } .off, .sending, .refused { color: var(--warn); }
  @media (max-width: 30rem) { .wide { display: none; } form { flex-direction: column; align-items: stretch; } }
</style>
<header><h1>Shop</h1><span id="state" role="status">connecting</span></header><p id="numbers"></p>
<form id="form">
  <label>Item <input id="item" value="tea" maxlength="60" required></label>
  <label>Quantity <input id="quantity" type="number" value="1" min="1" max="1000" required></label>
  <button>Order</button>
</form>
<table>
  <thead><tr><th>No.<th>Item<th>Quantity<th>Status<th class="wide">Event</thead><tbody id="orders"></tbody>
</table>
<script>
const $ = id => document.getElementById(id), rows = new Map(), unsent = new Map(), shown = 30;
function show(order) {  // its client_key is what it is known by
  let row = rows.get(order.client_key);
  if (!row) rows.set(order.client_key, row = $('orders').insertRow(0));
  if (row.order?.status === 'shipped' && order.status !== 'shipped') return;  // an older word that came late
  row.order = order;
  row.replaceChildren(...[order.id ?? '…', order.item, order.quantity, order.status, order.event ?? ''].map((text, at) =>
    Object.assign(document.createElement('td'), { textContent: text, className: ['', '', '', order.status, 'wide'][at] })));
  for (const [key, old] of rows) {
    if (rows.size <= shown) break;
    if (!unsent.has(key)) old.remove(), rows.delete(key);
  }
}
async function ask(path, options) {
  const answer = await fetch(path, { headers: { 'Content-Type': 'application/json', 'X-Request-Timeout': '5000' }, ...options });
  return [answer.status, await answer.json()];
}
async function send(order) {
  unsent.set(order.client_key, order);
  show({ ...order, status: 'sending' });
  for (;; await new Promise(done => setTimeout(done, 300 + Math.random() * 700))) {
    const [status, said] = await ask('orders', { method: 'POST', body: JSON.stringify(order) }).catch(() => [503, {}]);
    if (status >= 500) continue;  // the same order again: its key keeps it from being stored twice
    unsent.delete(order.client_key);
    return show(status < 300 ? said : { ...order, status: 'refused', event: said.detail });
  }
}
async function refresh() {
  const [, n] = await ask('stats');
  $('numbers').textContent = `${n.orders} orders, ${n.events_published} events published, ${n.events_consumed} consumed`;
  return n.newest;
}
async function catchUp() {
  const newest = await refresh();
  const [, recent] = await ask(`orders?after=${Math.max(0, newest - shown)}&limit=${shown}`);
  recent.forEach(show);
}
function connect() {
  const ws = new WebSocket(location.href.replace(/^http/, 'ws').replace(/[?#].*/, '').replace(/\/?$/, '/live'));
  const say = (text, on) => { $('state').textContent = text; $('state').className = on ? 'on' : 'off'; };
  ws.onopen = () => { say('live', true); catchUp().catch(() => {}); };
  ws.onmessage = e => show(JSON.parse(e.data));
  ws.onclose = e => {
    say(e.code === 1001 ? 'restarting' : 'not connected', false);
    setTimeout(connect, 300 + Math.random() * 700);
  };
}
$('form').onsubmit = e => {
  e.preventDefault();
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, '0')).join('');
  send({ client_key: key, item: $('item').value, quantity: Number($('quantity').value) });
};
setInterval(() => document.hidden || refresh().catch(() => {}), 2000);
connect();
</script>
</html>
)";

}  // namespace shop
