"""What a User-Agent says, in words: "Firefox on Windows"."""

import re

# The first that is found counts: most name others that they want to be taken for.
_BROWSERS = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrome/|CriOS/|Chromium/", "Chrome"),
    (r"Safari/", "Safari"),
)
_SYSTEMS = (
    (r"Windows", "Windows"),
    (r"Android", "Android"),
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"CrOS", "ChromeOS"),
    (r"Linux", "Linux"),
)
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,29}")


def in_words(user_agent: str) -> str:
    """Browser and system in at most 60 characters; the name that it gives itself, where it is no browser."""
    user_agent = user_agent[:500]
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if browser:
        return f"{browser} on {system}" if system else browser
    product = _PRODUCT.match(user_agent)
    return product[0].strip() if product else "an unknown browser"


def _first(words: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((word for pattern, word in words if re.search(pattern, user_agent)), "")
