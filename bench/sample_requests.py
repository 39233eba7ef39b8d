"""The two requests that are measured: a small one, and one as a browser sends it."""

KINDS = {"40 bytes": 40, "574 bytes": 574}
BROWSER = [
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Cache-Control", "max-age=0"),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-User", "?1"),
]


def written(path, lines):
    return f"GET {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "\r\n"


def headers(kind):
    """Exactly as many bytes as said for `/`: the Host, and for a browser a cookie, fill up."""
    if kind == "40 bytes":
        return [("Host", "h" * (KINDS[kind] - len(written("/", [("Host", "")]))))]
    lines = [("Host", "shop.example.org")] + BROWSER
    return lines + [("Cookie", "session=" + "a" * (KINDS[kind] - len(written("/", lines + [("Cookie", "session=")]))))]


def text(kind, path):
    return written(path, headers(kind)).encode()
