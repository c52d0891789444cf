"""pywa builds what we send from the same values, and reads the vendor's deliveries as we do."""

import copy
import json
import logging
import unittest
import warnings

import httpx
import pywa
from pywa import handlers, types

from exchange import FIXTURES, ask, cases, delivery, leave, tolerated

SETTINGS = {"phone_number_id": "106540352242922", "access_token": "t", "app_secret": "s", "verify_token": "v"}
PERSON = [{"kind": "phone", "value": "16505551234"}]
# What neither reads has two words.
UNKNOWN = {"unknown": "unsupported"}
GROUP = [{"kind": "group", "value": "120363418770915618@g.us"}]


def tearDownModule():
    leave()


def bodies():
    """Every message that the cases let out, by the case's name."""
    for name, case in cases("whatsapp/outbound/cases.json").items():
        if "send" in case and not name.startswith("error-"):
            yield name, rendered(**case["send"])
    for case in cases("whatsapp/outbound/limits.json"):
        if "refused" not in case:
            to = GROUP if case.get("group") else case.get("to", PERSON)
            yield case["name"], rendered(to=to, content=case["content"], id="m1")


def rendered(**send):
    return ask(kind="whatsapp", settings=SETTINGS, do="render", **send)["json"]


def plain(body):
    """The same body without what says nothing: a preview that is not asked for, and members without a value."""
    if isinstance(body, dict):
        members = {name: plain(value) for name, value in body.items() if value is not None and value != []}
        return {name: value for name, value in members.items() if (name, value) != ("preview_url", False)}
    return [plain(element) for element in body] if isinstance(body, list) else body


class Sent(unittest.TestCase):
    def test_the_library_sends_the_same(self):
        compared = 0
        for name, body in bodies():
            why = tolerated("pywa sends", name)
            with self.subTest(case=name):
                compared += 1
                if why is None:
                    self.assertEqual(again(body), plain(body))
                else:
                    with self.assertRaises((AssertionError, ValueError, TypeError, KeyError), msg="not needed any more"):
                        self.assertEqual(again(body), plain(body))
        self.assertGreater(compared, 40)


def again(body):
    """The body that the library sends when it is given the same values."""
    kept = []

    def answer(request):
        kept.append(json.loads(request.content))
        contact = {"input": "1", "wa_id": "16505551234", "user_id": "US.1"}
        return httpx.Response(200, json={"messages": [{"id": "wamid.1"}], "contacts": [contact]})

    with httpx.Client(transport=httpx.MockTransport(answer)) as session:
        send(pywa.WhatsApp(phone_id="106540352242922", token="t", session=session), body)
    return plain(kept[0])


def send(client, body):
    kind, values = body["type"], copy.deepcopy(body[body["type"]])
    more = {"to": body.get("to") or body["recipient"], "tracker": body.get("biz_opaque_callback_data")}
    if "context" in body:
        more["reply_to_message_id"] = body["context"]["message_id"]
    if kind == "text":
        client.send_message(text=values["body"], preview_url=values.get("preview_url", False), **more)
    elif kind in ("image", "video", "document", "sticker", "audio"):
        file = values.pop("id", None) or values.pop("link")
        values["is_voice"] = values.pop("voice", None)
        values = {name: value for name, value in values.items() if value is not None}
        getattr(client, f"send_{kind}")(**{kind: file}, **values, **more)
    elif kind == "location":
        client.send_location(**values, **more)
    elif kind == "contacts":
        client.send_contact(contact=[types.Contact.from_dict(card) for card in values], **more)
    elif kind == "reaction" and values["emoji"]:
        client.send_reaction(emoji=values["emoji"], message_id=values["message_id"], **more)
    elif kind == "reaction":
        client.remove_reaction(message_id=values["message_id"], **more)
    elif kind == "template":
        client.send_template(
            name=values["name"],
            language=types.templates.TemplateLanguage(values["language"]["code"]),
            params=values.get("components", []),
            **more,
        )
    else:
        interactive(client, values, more)


def interactive(client, values, more):
    kind, text, action = values["type"], values["body"]["text"], values["action"]
    if kind == "location_request_message":
        client.request_location(text=text, **more)
        return
    if kind == "button":
        buttons = [types.Button(title=b["reply"]["title"], callback_data=b["reply"]["id"]) for b in action["buttons"]]
    elif kind == "cta_url":
        buttons = types.URLButton(title=action["parameters"]["display_text"], url=action["parameters"]["url"])
    else:
        buttons = types.SectionList(button_title=action["button"], sections=[section(s) for s in action["sections"]])
    header, footer = values.get("header"), values.get("footer", {}).get("text")
    if header and header["type"] != "text":
        kind = header["type"]
        file = header[kind].pop("id", None) or header[kind].pop("link")
        more |= header[kind]
        getattr(client, f"send_{kind}")(**{kind: file}, caption=text, footer=footer, buttons=buttons, **more)
    else:
        client.send_message(text=text, header=header and header["text"], footer=footer, buttons=buttons, **more)


def section(values):
    rows = [types.SectionRow(row["title"], row["id"], row.get("description")) for row in values["rows"]]
    return types.Section(title=values.get("title"), rows=rows)


class Received(unittest.TestCase):
    """The library reads the first message of a delivery alone; so each message and status is handed over alone."""

    def test_both_read_the_same(self):
        # Of what it does not know it warns; here it is compared.
        logging.getLogger("pywa").setLevel(logging.CRITICAL)
        warnings.simplefilter("ignore")
        compared = 0
        for path in sorted((FIXTURES / "whatsapp").glob("*/*.json")):
            if path.parent.name not in ("inbound", "status") or path.name.endswith(".events.json"):
                continue
            delivered = json.loads(path.read_bytes())
            for index, update in enumerate(alone(delivered)):
                name = f"{path.stem} {index}"
                theirs = read(update)
                why = tolerated("pywa reads", name)
                with self.subTest(delivery=name):
                    if theirs is None:
                        self.assertEqual(why and why["parts"], ["all"], "the library does not understand it")
                        continue
                    compared += 1
                    raw = json.dumps(update).encode()
                    knock = delivery("https://gw.example.com/", [("content-type", "application/json")], raw)
                    events = ask(kind="whatsapp", settings=SETTINGS, do="read", **knock)["events"]
                    ours = ours_as(theirs, events[0]) if events else {}
                    parts = sorted(part for part in theirs if theirs[part] != ours.get(part))
                    if why is None:
                        self.assertEqual(ours, theirs)
                    else:
                        self.assertEqual(parts, why["parts"], f"tolerated because {why['why']}")
        self.assertGreater(compared, 60)


def alone(delivered):
    """A delivery for each message and status of one delivery."""
    for entry in delivered["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            for kind in ("messages", "statuses"):
                for element in value.get(kind, []) if isinstance(value, dict) else []:
                    rest = {name: member for name, member in value.items() if name not in ("messages", "statuses")}
                    # The library reads no delivery without a contact that has both ids, as older ones come.
                    phone = element.get("recipient_id", element.get("from"))
                    known = [contact for contact in rest.get("contacts", []) if contact.get("wa_id") == phone]
                    known = (known or rest.get("contacts") or [{}])[0]
                    given = {name: member for name, member in known.items() if member}
                    rest["contacts"] = [{"wa_id": phone, "user_id": element.get("from_user_id", "US.1")} | given]
                    one = change | {"value": rest | {kind: [element]}}
                    yield delivered | {"entry": [entry | {"changes": [one]}]}


def read(update):
    """What the library's handlers are given, in words that both know; None when none is called."""
    given = []
    client = pywa.WhatsApp(server=None, filter_updates=False, validate_updates=False)
    listeners = {
        handlers.MessageHandler,
        handlers.CallbackButtonHandler,
        handlers.CallbackSelectionHandler,
        handlers.MessageStatusHandler,
        handlers.FlowCompletionHandler,
        handlers.EditedMessageHandler,
        handlers.DeletedMessageHandler,
    }
    client.add_handlers(*(listener(lambda _, event: given.append(event)) for listener in listeners))
    client.webhook_update_handler(json.dumps(update).encode())
    return in_words(given[0]) if given else None


def in_words(event):
    words = {"id": event.id, "at": int(event.timestamp.timestamp() * 1000), "account": event.metadata.phone_number_id}
    words["business"] = event.waba_id
    if isinstance(event, types.MessageStatus):
        words |= {"progress": event.status.value, "tracking": event.tracker, "event": "receipt"}
        return words
    words |= {"name": event.from_user.name, "phone": event.from_user.wa_id, "user_id": event.from_user.bsuid}
    if isinstance(event, (types.CallbackButton, types.CallbackSelection)):
        words |= {"event": "message", "kind": "choice", "choice": event.data, "title": event.title}
    elif isinstance(event, types.FlowCompletion):
        words |= {"event": "message", "kind": "form", "text": event.body}
    elif isinstance(event, types.DeletedMessage):
        words |= {"event": "deletion"}
    elif isinstance(event, types.EditedMessage):
        now = event.message
        words |= {"event": "edit", "target": event.original_message_id, "text": now.text or now.caption}
    else:
        words |= {"event": "message", "kind": UNKNOWN.get(event.type.value, event.type.value)} | content_in_words(event)
    if words["event"] == "message":
        replied = event.reply_to_message
        words |= {"reply_to": replied and replied.id, "forwarded": getattr(event, "forwarded", False)}
    return words


def content_in_words(event):
    words = {"text": event.text or event.caption}
    if event.media is not None:
        words |= {"file": event.media.id, "mime_type": event.media.mime_type}
    if event.location:
        place = event.location
        words |= {"place": [float(place.latitude), float(place.longitude), place.name]}
    if event.reaction:
        words |= {"target": event.reaction.message_id, "emoji": event.reaction.emoji or None}
    if event.contacts:
        words |= {"cards": [card.name and card.name.formatted_name for card in event.contacts]}
    if event.order:
        words |= {"catalog": event.order.catalog_id, "text": event.order.text or None}
        words |= {"items": [product.sku for product in event.order.products]}
    return words


def ours_as(theirs, arrival):
    """Our reading, in as many of these words as the library's has."""
    event, content = arrival["event"], arrival["event"].get("content", {})
    peer = event.get("peer", {})
    people = peer.get("participant") or peer.get("identities", [])
    ids = {identity["kind"]: identity["value"] for identity in people}
    words = {
        "account": arrival["account"],
        "business": arrival["business"],
        "event": event["event"],
        "id": event["id"],
        "at": event["at"],
        "progress": event.get("progress"),
        "tracking": event.get("tracking"),
        "target": event.get("target", content.get("target")),
        "name": peer.get("name"),
        "phone": ids.get("phone"),
        "user_id": ids.get("user_id", "US.1"),
        "kind": content.get("type"),
        "choice": content.get("id"),
        "title": content.get("title"),
        "text": content.get("text", content.get("caption")),
        "file": content.get("id"),
        "mime_type": content.get("mime_type"),
        "emoji": content.get("emoji"),
        "place": [content.get(name) for name in ("latitude", "longitude", "name")],
        "cards": [card.get("name", {}).get("formatted_name") for card in content.get("contacts", [])],
        "catalog": content.get("catalog_id"),
        "items": [item.get("product_retailer_id") for item in content.get("items", [])],
        "reply_to": event.get("reply_to"),
        "forwarded": event.get("forwarded", False),
    }
    return {name: words[name] for name in theirs}


if __name__ == "__main__":
    unittest.main()
