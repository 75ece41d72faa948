"""How often a request may be handed back without an outcome, before it is given up.

A worker that stops, or loses its claim, takes no attempt from what it had in hand. The target may have been reached
each time, so that a worker or a broker that fails again and again would send one request without end.
"""

MOST_HAND_BACKS = 20
CODE = "handed_back_too_often"


def is_too_often(before: int) -> bool:
    """Whether one that was handed back so often `before` is given up instead of handed back again."""
    return before >= MOST_HAND_BACKS


def reason(latest: str) -> dict[str, str]:
    """The error of one that is given up; `latest` says in words what broke it off this time."""
    return {"code": CODE, "message": f"it was handed back {MOST_HAND_BACKS} times before, and now again: {latest}"}
