"""Mail, by the backend that the settings name. A refusal of one address is final; a server that is away is not."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Iterator, Sequence

from django.core.mail import EmailMultiAlternatives, get_connection

from approvals.adapters.outcomes import Outcome
from approvals.services.notifications.packing import Parcel


def send_all(parcels: Sequence[Parcel]) -> Iterator[tuple[Parcel, Outcome]]:
    """Send over one connection, in order, and say of each what came of it. A server that is away ends the round."""
    connection = get_connection()
    try:
        connection.open()
    except Exception as error:
        yield parcels[0], _away(error)
        return
    try:
        for parcel in parcels:
            outcome = _send(connection, parcel)
            yield parcel, outcome
            if outcome.ends_round:
                return
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            connection.close()


def send_text(*, to: str, subject: str, text: str) -> Outcome:
    """One plain mail while the caller waits."""
    headers = {"Auto-Submitted": "auto-generated"}
    return _sent(EmailMultiAlternatives(subject, text, to=[to], headers=headers))


def _send(connection: object, parcel: Parcel) -> Outcome:
    mail = EmailMultiAlternatives(
        parcel.subject, parcel.text, to=[parcel.address], headers=parcel.headers, connection=connection
    )
    mail.attach_alternative(parcel.html, "text/html")
    return _sent(mail)


def _sent(mail: EmailMultiAlternatives) -> Outcome:
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as refused:
        code, words = next(iter(refused.recipients.values()))
        return Outcome(
            why=f"The mail server refused this address: {code} {_text(words)}",
            status=code,
            is_final=code >= 500,
        )
    except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as refused:
        return Outcome(
            why=f"The mail server refused this mail: {refused.smtp_code} {_text(refused.smtp_error)}",
            status=refused.smtp_code,
            is_final=refused.smtp_code >= 500,
        )
    except (OSError, smtplib.SMTPException) as error:
        return _away(error)
    except ValueError as error:
        return Outcome(why=f"This mail cannot be sent to {mail.to[0]!r:.100}: {error}", is_final=True)
    return Outcome(arrived=True)


def _away(error: Exception) -> Outcome:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        why = "The mail server did not accept EMAIL_HOST_USER and EMAIL_HOST_PASSWORD."
    elif isinstance(error, smtplib.SMTPResponseException):
        why = f"The mail server answered {error.smtp_code} {_text(error.smtp_error)}"
    else:
        why = (
            f"The mail server could not be reached ({type(error).__name__}). Check EMAIL_HOST and EMAIL_PORT."
        )
    return Outcome(why=why, ends_round=True)


def _text(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else str(words)
