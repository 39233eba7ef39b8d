"""A Python service for uvicorn, which stops by itself on SIGTERM."""

import asyncio
import urllib.parse


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    text = b"hello\n"
    if scope["path"] == "/slow":
        query = urllib.parse.parse_qs(scope["query_string"].decode())
        await asyncio.sleep(int(query["ms"][0]) / 1000)
        text = b"slow\n"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})
