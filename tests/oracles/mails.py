"""Readings of one mail, ours and that of Python's `email`, in the same shape; it compares nothing."""

import base64
import email
import email.policy
import re

from exchange import ask, delivery

SETTINGS = {
    "address": "support@acme.example",
    "name": "Acme Support",
    "provider": "generic",
    "signing_key": "key-for-tests-only",
    "smtp_host": "smtp.acme.example",
    "reply_secret": "reply-secret-for-tests-only",
}


def collapsed(text):
    return " ".join(str(text or "").split())


def ours(raw):
    """What the gateway makes of it, or None when it is no person's message (a report, our own mail)."""
    taken = ask(kind="email", settings=SETTINGS, do="read", **delivery("https://gw.example.com/", [], raw))
    messages = [arrival["event"] for arrival in taken.get("events", []) if arrival["event"]["event"] == "message"]
    if not messages:
        return None
    message, files = messages[0], {file["id"]: file["base64"] for file in taken["files"]}
    content, thread = message["content"], message.get("thread", {})
    attached = content.get("attachments", [])
    return {
        "subject": collapsed(content.get("subject")),
        "from": message["peer"]["identities"][0]["value"],
        "name": collapsed(message["peer"].get("name")),
        "id": message["id"],
        "references": sorted(set(thread.get("references", []))),
        "text": collapsed(content.get("full_text", content["text"])),
        "files": [[file.get("filename"), file["size"]] for file in attached],
        "contents": [
            None if file.get("mime_type", "").startswith("message/") else base64.b64decode(files[file["id"]])
            for file in attached
        ],
    }


def theirs(raw):
    """What the library makes of it."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    sender = mail["from"].addresses if mail["from"] else ()
    before = f'{mail["in-reply-to"] or ""} {mail["references"] or ""}'
    ids = re.findall(r"<([^<>\s]+)>", before)
    plain = mail.get_body(("plain",))
    return {
        "subject": collapsed(mail["subject"]),
        "from": sender[0].addr_spec.lower() if sender else None,
        "name": collapsed(sender[0].display_name) if sender else "",
        "id": next(iter(re.findall(r"<\s*([^<>\s]+)\s*>", str(mail["message-id"] or ""))), None),
        "references": sorted(set(ids)),
        "text": collapsed(plain.get_content()) if plain else None,
        "leaves": list(leaves(mail)),
    }


def leaves(part):
    """The parts that hold something: name, whether it is text to be read with the mail, bytes."""
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        for inner in part.iter_parts():
            yield from leaves(inner)
        return
    name = part.get_filename()
    # An attached mail is written anew by the library, so only its name can be held against ours.
    content = None if part.is_multipart() else part.get_payload(decode=True) or b""
    shown = not part.is_attachment() and part.get_content_type() in ("text/plain", "text/html")
    yield named_plainly(name), shown, content


def named_plainly(name):
    """A file's name without its folders, as the gateway keeps it."""
    return name.replace("\\", "/").rsplit("/", 1)[-1].strip().lstrip(".") or None if name else None
