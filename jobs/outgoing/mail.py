"""One e-mail by Django's mail settings; what went wrong is data, in words that a tenant may read."""

import logging
import smtplib

from django.core.mail import EmailMessage

from booper.outcomes.outcome import Failure

logger = logging.getLogger(__name__)


def send(*, to: str, title: str, text: str, message_id: str) -> Failure | None:
    """None if the server took it. The codes `mail_refused` and `internal` are for good."""
    headers = {"Message-ID": f"<{message_id}@booper>", "Auto-Submitted": "auto-generated"}
    try:
        EmailMessage(title, text, to=[to], headers=headers).send()
    except smtplib.SMTPRecipientsRefused as refusal:
        codes = [code for code, _ in refusal.recipients.values()]
        return Failure("mail_refused" if min(codes, default=0) >= 500 else "mail_deferred", _said(refusal))
    except smtplib.SMTPResponseException as answered:
        return Failure("mail_deferred", _said(answered))
    except (smtplib.SMTPException, OSError) as error:
        return Failure("mail_server", f"the mail server can't be reached: {type(error).__name__}")
    except Exception as error:
        logger.exception("mail %s can't be sent", message_id)
        return Failure("internal", f"the mail could not be sent: {type(error).__name__}")
    return None


def _said(error: smtplib.SMTPException) -> str:
    """What a mail server says may name the operator's account: its number is enough for a tenant."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered {error.smtp_code}"
    return "the mail server refused the address"
