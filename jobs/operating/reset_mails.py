"""Mails with a link to choose another password, sent by a worker to accounts that there are, and to nobody else."""

from collections.abc import Callable
from datetime import datetime, timedelta

from jobs.guarding import password_resets
from jobs.guarding.password_resets import Letter
from jobs.outgoing import mail

# Twice as long each time: a server that answers too late has sent each of them.
_RETRIED_AFTER = timedelta(minutes=1)
_TITLE = "Booper: choose another password"
_TEXT = """Somebody has asked for another password of {email} at Booper, from the address {address}.

Choose one here, within an hour; the link is good once:

{link}

If that was not you, leave this mail alone: your password is as it was.
"""


def send_due(*, now: datetime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Sends what is due; how many mails went out. Nothing where this instance sends no mail."""
    count = 0
    while password_resets.is_offered() and has_time() and (rows := password_resets.claim(now=now)):
        for row in rows:
            written = password_resets.letter(row, now=now)
            if written is not None:
                count += _send(written, now=now)
    return count


def _send(written: Letter, *, now: datetime) -> bool:
    row = written.row
    text = _TEXT.format(email=written.user.email, address=row.address, link=written.link)
    # Not that of an attempt before, which may have arrived: its link is good no more, and mailboxes drop duplicates.
    message_id = f"{row.id}.{row.attempt}"
    failure = mail.send(to=written.user.email, title=_TITLE, text=text, message_id=message_id)
    if failure is None:
        password_resets.sent(written, now=now)
    elif failure.code in ("mail_refused", "internal"):
        password_resets.refused(row, until=None)
    else:
        until = now + _RETRIED_AFTER * 2 ** (row.attempt - 1)
        if failure.code == "mail_server":
            password_resets.unsure(written, until=until, now=now)
        else:
            password_resets.refused(row, until=until)
    return failure is None
