#!/usr/bin/python3
"""Opens a page in a headless Chromium and says what it sees there.

usage: browser.py URL EXPRESSION
Prints "at URL" once the page is there, then a line with the value of the JavaScript expression each time that it has
changed, until it is ended (SIGTERM) or the browser is gone. Needs chromium and python3-websockets, both Debian's.
"""
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import websockets

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--disable-extensions", "--mute-audio", "--remote-debugging-port=0", "--remote-allow-origins=*"]


def say(text):
    print(text, flush=True)


def debugger(profile, browser):
    """The address of the page's debugger, once there is one."""
    port_file = os.path.join(profile, "DevToolsActivePort")
    by = time.monotonic() + 60
    while time.monotonic() < by and browser.poll() is None:
        try:
            with open(port_file, encoding="ascii") as file:
                port = int(file.readline())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                for target in json.load(answer):
                    if target["type"] == "page":
                        return target["webSocketDebuggerUrl"]
        except (OSError, ValueError):
            pass
        time.sleep(0.05)
    sys.exit("browser.py: chromium did not start")


async def watch(address, url, expression):
    async with websockets.connect(address, max_size=None) as page:
        number = 0

        async def ask(method, **parameters):
            nonlocal number
            number += 1
            await page.send(json.dumps({"id": number, "method": method, "params": parameters}))
            while True:
                answer = json.loads(await page.recv())
                if answer.get("id") == number:
                    return answer.get("result", {})

        await ask("Page.navigate", url=url)
        say(f"at {url}")
        before = None
        while True:
            result = await ask("Runtime.evaluate", expression=expression, returnByValue=True)
            value = result.get("result", {}).get("value")
            if value is not None and value != before:
                say(value if isinstance(value, str) else json.dumps(value))
            before = value
            await asyncio.sleep(0.05)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="lastcall-browser-", ignore_cleanup_errors=True) as profile:
        with subprocess.Popen(["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
            try:
                asyncio.run(watch(debugger(profile, browser), sys.argv[1], sys.argv[2]))
            except (websockets.ConnectionClosed, OSError) as error:
                sys.exit(f"browser.py: {error}")
            finally:
                browser.kill()  # what it started ends with it


main()
