"""One mail to an SMTP server (RFC 5321), and how sure we are of what became of it."""

from __future__ import annotations

import contextlib
import smtplib
import ssl

from deskhand.channels.email_settings import EmailSettings
from deskhand.errors import ChannelError


def send_mail(settings: EmailSettings, recipient: str, raw: bytes) -> None:
    """Blocking: use it in a thread. Returns when the server has taken the mail.

    Raises:
        ChannelError: `was_sent` is None once the mail's bytes are on their way and no answer came.
    """
    try:
        connection = _connect(settings)
    except (OSError, smtplib.SMTPException) as error:
        raise ChannelError(f"The SMTP server can't be reached ({error}).", permanent=False) from error
    try:
        _prepare(connection, settings, recipient)
        _hand_over(connection, raw)
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            connection.quit()
        connection.close()


def _connect(settings: EmailSettings) -> smtplib.SMTP:
    seconds = settings.timeout.total_seconds()
    domain = settings.address.rpartition("@")[2]
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, domain, timeout=seconds, context=context)
    connection = smtplib.SMTP(settings.smtp_host, settings.smtp_port, domain, timeout=seconds)
    if settings.smtp_security == "starttls":
        try:
            connection.starttls(context=ssl.create_default_context())
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: smtplib.SMTP, settings: EmailSettings, recipient: str) -> None:
    """Everything before the mail itself: whatever fails here, nothing has left."""
    try:
        connection.ehlo()
        if settings.mailbox_password is not None:
            user = settings.mailbox_user or settings.address
            connection.login(user, settings.mailbox_password.get_secret_value())
        for code, said in (connection.mail(settings.address), connection.rcpt(recipient)):
            if code >= 400:
                raise _refused(code, said)
    except smtplib.SMTPAuthenticationError as error:
        pauses = error.smtp_code >= 500
        raise ChannelError(
            "The SMTP server takes neither user nor password.", permanent=False, pauses=pauses
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise ChannelError(f"The SMTP server stumbled ({error}).", permanent=False) from error


def _hand_over(connection: smtplib.SMTP, raw: bytes) -> None:
    try:
        code, said = connection.data(raw)
    except smtplib.SMTPDataError as error:
        raise _refused(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise ChannelError(
            f"The SMTP server gave no answer to the mail ({type(error).__name__}).", permanent=False, was_sent=None
        ) from error
    if code >= 400:
        raise _refused(code, said)


def _refused(code: int, said: bytes | str) -> ChannelError:
    """4xx: again later. 5xx: never."""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return ChannelError(f"The SMTP server answered {code}: {words[:200]}", permanent=code >= 500)
