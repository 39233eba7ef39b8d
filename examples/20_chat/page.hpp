// The page of the chat. When its WebSocket ends it comes back after a random time, so that a thousand pages that lost
// one server do not all ask the next one at once.
#pragma once

namespace chat {

inline constexpr const char* page = R"(<!doctype html>
<meta charset="utf-8"><title>chat</title>
<p id="state">connecting</p><ul id="said"></ul>
<form id="form"><input id="text" autocomplete="off" maxlength="500"><button>say</button></form>
<script>
const state = document.getElementById('state'), said = document.getElementById('said'), text = document.getElementById('text');
let ws, attempts = 0;
function connect() {
  ws = new WebSocket(location.href.replace(/^http/, 'ws').replace(/\/?$/, '/chat'));
  ws.onopen = () => { attempts = 0; state.textContent = 'connected'; };
  ws.onmessage = e => { said.appendChild(document.createElement('li')).textContent = e.data; };
  ws.onclose = e => {
    // 1001: the server is being stopped, another one takes over. Anything else: longer each time.
    const most = e.code === 1001 ? 2000 : Math.min(30000, 1000 * 2 ** attempts++);
    const wait = 200 + Math.random() * most;
    state.textContent = 'gone (' + e.code + '), back in ' + (wait / 1000).toFixed(1) + ' s';
    setTimeout(connect, wait);
  };
}
document.getElementById('form').onsubmit = e => {
  e.preventDefault();
  if (text.value && ws.readyState === 1) ws.send(text.value), text.value = '';
};
connect();
</script>
)";

}  // namespace chat
