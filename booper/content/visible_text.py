"""Text that strangers chose, as it may stand on a page or a terminal: nothing in it moves what is around it about."""

import re

# Characters that move the text around them about, or that are not to be seen at all.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    """Gives the text with control characters spelt out, so that a name cannot pass for another one."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
