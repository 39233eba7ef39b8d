// A Node service that stops as the documentation of node:http says: close() on SIGTERM, which ends idle connections
// as well since Node 19.
const http = require('node:http');

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname !== '/slow') return response.end('hello\n');
  setTimeout(() => response.end('slow\n'), Number(searchParams.get('ms')));
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
