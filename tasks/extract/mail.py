"""Mail into Markdown: who wrote to whom and when, the text, and the files that are attached."""

import email
import email.policy
import mimetypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage, MIMEPart
from email.utils import parsedate_to_datetime

from tasks.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from tasks.extract.blocks import Blocks, Converted, one_line
from tasks.extract.web import read_html
from tasks.sources.mailbox import FROM_LINE, Attached
from tasks.text.decode import decode

_HEADERS = {"from": "From", "to": "To", "cc": "Cc", "date": "Date"}
_DEEPEST = 4  # messages within each other
_ENCRYPTED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_OFTEN_WRONG = ("us-ascii", "iso-8859-1", "windows-1252")  # declared by programs that do not know; UTF-8 is sure
_AS_IT_CAME = email.policy.default.clone(refold_source="none")
_INVISIBLE = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")


def read_mail(data: bytes) -> Converted:
    """A message, or all messages of an mbox file, each under its subject, with what is attached.

    Args:
        data: the file.

    Raises:
        BrokenDocument: there is no message in it.
        EmptyDocument: its messages have no text.
    """
    if b"\0" in data[:100]:  # of UTF-16
        data = decode(data).text.encode("utf-8", "replace")
    blocks = Blocks()
    attached: list[Attached] = []
    title: str | None = None
    facts: dict[str, object] = {}
    messages = list(_messages(data))
    for message in messages:
        subject = _header(message, "subject")
        if not blocks.is_empty or title:
            facts = {"messages": len(messages)}
        else:
            title, facts = subject, _facts(message)
        add_message(blocks, message, attached, 1)
    if len(messages) == 1 and messages[0].get_content_type() in _ENCRYPTED:
        raise EncryptedDocument("the mail is encrypted", "Store a decrypted copy.")
    if blocks.is_empty:
        raise EmptyDocument("there is no text in the mail")
    return replace(blocks.converted(title or None, facts), attached=tuple(attached))


def _messages(data: bytes) -> Iterator[EmailMessage]:
    starts = [match.start() for match in FROM_LINE.finditer(data)] if data.startswith(b"From ") else []
    parts = [data[a:b].partition(b"\n")[2] for a, b in zip(starts, [*starts[1:], len(data)], strict=False)] or [data]
    for part in parts:
        try:
            if starts:
                part = re.sub(rb"^>(>*From )", rb"\1", part, flags=re.MULTILINE)
            yield email.message_from_bytes(part, policy=email.policy.default)
        except (ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise BrokenDocument(f"not a readable mail: {error}"[:300], "Is it complete? Store it again.") from None


def add_message(blocks: Blocks, message: MIMEPart, attached: list[Attached], level: int) -> None:
    """Add one message: its subject as a heading, its headers, the names of what is attached, and its text."""
    body: list[MIMEPart] = []
    others: list[MIMEPart] = []
    _sort_parts(message, body, others)
    begun = len(attached)
    within = [part for part in others if not _attach(part, attached)]
    headers = [f"{name}: {value}" for key, name in _HEADERS.items() if (value := _header(message, key))]
    names = attachment_line(attached[begun:])
    blocks.heading(level, _header(message, "subject"))
    blocks.paragraph("\n".join([*headers, *names]))
    for part in body:
        add_text(blocks, *_text(part))
    for part in within if level < _DEEPEST else []:
        for inner in part.iter_parts():
            add_message(blocks, inner, attached, level + 1)


def attachment_line(attached: Sequence[Attached]) -> list[str]:
    """The line of a message's headers that names what is attached, if anything is."""
    return [f"Attachments: {', '.join(one.name for one in attached)}"] if attached else []


def add_text(blocks: Blocks, text: str, is_html: bool) -> None:
    """Add a message's text."""
    if is_html:
        try:
            blocks.markdown(read_html(text)[0])
        except EmptyDocument:
            return
    else:
        for paragraph in re.split(r"\n[ \t\r]*\n", text.replace("\r\n", "\n")):
            blocks.paragraph(paragraph)


def _attach(part: MIMEPart, attached: list[Attached]) -> bool:
    """Add a part to what is attached, unless nobody sees it; whether that was possible, as it is not with a message
    that cannot be written again as it came."""
    kind = part.get_content_type()
    if kind == "message/rfc822":
        for inner in part.iter_parts():
            try:
                data = inner.as_bytes(policy=_AS_IT_CAME)
            except Exception:  # malformed headers end with all kinds of them
                return False
            name = file_name(_file_name(part) or _header(inner, "subject") or "message", "")
            attached.append(Attached(name if name.lower().endswith(".eml") else f"{name}.eml", data))
    elif kind not in _INVISIBLE and not part.is_multipart():
        payload = part.get_payload(decode=True)
        name = _file_name(part)
        if isinstance(payload, bytes) and (name or payload.strip()):
            attached.append(Attached(file_name(name or "attachment", kind), payload))
    return True


def file_name(name: str, media_type: str) -> str:
    """The name of an attachment without a folder, and with an extension where its media type tells one."""
    name = re.split(r"[/\\]", one_line(name))[-1] or "attachment"
    return name if "." in name else name + (mimetypes.guess_extension(media_type) or "")


def _sort_parts(message: MIMEPart, body: list[MIMEPart], others: list[MIMEPart]) -> None:
    """The parts that are the message's text, and all others. Of alternatives, the plain text unless it is empty."""
    kind = message.get_content_type()
    if kind == "multipart/alternative":
        parts = list(message.iter_parts())
        plain = [p for p in parts if p.get_content_type() == "text/plain" and _text(p)[0].strip()]
        chosen = plain[:1] or [p for p in parts if p.get_content_type() == "text/html"][:1] or parts[-1:]
        for part in chosen:
            _sort_parts(part, body, others)
        for part in parts:
            if part not in chosen and not part.get_content_type().startswith("text/"):
                _sort_parts(part, [], others)
    elif message.is_multipart() and kind != "message/rfc822":
        for part in message.iter_parts():
            _sort_parts(part, body, others)
    elif kind in ("text/plain", "text/html") and message.get_content_disposition() != "attachment" and (
        not message.get_filename() or not body
    ):  # fmt: skip
        body.append(message)
    else:
        others.append(message)


def _text(part: MIMEPart) -> tuple[str, bool]:
    """A part's text, and whether it is HTML."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    declared = (part.get_content_charset() or "utf-8").lower()
    names = ("utf-8", declared) if declared in _OFTEN_WRONG else (declared, "utf-8")
    for name in names:
        try:
            return data.decode(name), part.get_content_type() == "text/html"
        except (LookupError, ValueError):
            continue
    try:
        text = decode(data).text
    except BrokenDocument:
        text = data.decode("latin-1")
    return text, part.get_content_type() == "text/html"


def _header(message: MIMEPart, name: str) -> str:
    try:
        return one_line(str(message[name])) if message[name] is not None else ""
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):  # what malformed headers end with
        return one_line(next((str(value) for key, value in message.raw_items() if key.lower() == name), ""))


def _file_name(part: MIMEPart) -> str:
    try:
        return one_line(part.get_filename() or "")
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        return ""


def _facts(message: MIMEPart) -> dict[str, object]:
    sent = _header(message, "date")
    try:
        date: datetime | None = parsedate_to_datetime(sent) if sent else None
    except (ValueError, TypeError, IndexError):
        date = _iso_date(sent)
    files = [name for part in message.walk() if (name := _file_name(part))]
    facts: dict[str, object] = {
        "subject": _header(message, "subject"), "author": _header(message, "from"), "to": _header(message, "to"),
        "cc": _header(message, "cc"), "created": date.isoformat() if date else "",
        "message_id": _header(message, "message-id"), "attachments": ", ".join(files),
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value}


def _iso_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
