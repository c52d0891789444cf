"""What Python's `email` reads in a mail, and what it wrote into one, the gateway reads, too."""

import email.charset
import email.message
import email.policy
import os
import pathlib
import unittest
from email.headerregistry import Address

import mails
from exchange import FIXTURES, chance, leave, tolerated

CASES = 200

TEXTS = {
    "us-ascii": ["Hello there", "From the start\n.\nto the end", "a=b&c=3D\t.", "-- \nAna", "1 < 2 > 0"],
    "iso-8859-1": ["Grüße, über 5 £", "Ça va?", "¡Hola, señora!"],
    "iso-8859-15": ["5 € für Žižka"],
    "windows-1252": ["“quotes” – €5"],
    "utf-8": ["naïve – 東京 😀", "👩‍👩‍👧 and 🇩🇪", "مرحبا بالعالم", "שלום עולם", "é" * 600],
    "koi8-r": ["Привет, мир"],
    "windows-1251": ["Съешь ещё этих мягких булок"],
    "iso-2022-jp": ["こんにちは、東京です。"],
    "shift_jis": ["こんにちは、東京です。"],
    "euc-kr": ["안녕하세요"],
    "gb18030": ["镕基，你好"],
    "big5": ["你好，世界"],
}
NAMES = ["Ana López", "Smith, John", 'The "Boss"', "東京 太郎", "Müller (Vertrieb)", "O'Neil; Pat", "Пётр", "a" * 70, ""]
FILES = ["invoice.pdf", "reçu juillet.pdf", "東京 (1).png", 'a"b.txt', "x" * 120 + ".bin"]
FILES += ["semi;colon.csv", "per%20cent.gif"]
TYPES = [("application", "pdf"), ("image", "png"), ("application", "octet-stream"), ("audio", "ogg"), ("text", "csv")]


def tearDownModule():
    leave()


def corpora():
    """Our own mails, and the shared ones where they lie beside the repository."""
    beside = FIXTURES.parents[2].parent / "shared" / "wire" / "fixtures"
    shared = pathlib.Path(os.environ.get("SWITCHBOARD_SHARED_FIXTURES", beside))
    for root in [FIXTURES / "email", shared / "email"]:
        yield from ((root, path) for path in sorted(root.rglob("*.eml")))


def apart(ours, theirs):
    """Where two readings of a mail part. Where the library reads nothing there is nothing to hold against ours."""
    found = {}
    for member in ("id", "from", "subject", "name", "references"):
        wanted = theirs[member]
        # Bytes in no charset that it knows are left by it as they are.
        unread = any(mark in str(wanted) for mark in "\ufffd") or not str(wanted).isprintable()
        if wanted and not unread and ours[member] != wanted:
            found[member] = (ours[member], wanted)
    # The library takes the first text for the body, where we join them all.
    text = theirs["text"]
    if text and "\ufffd" not in text and text not in ours["text"]:
        found["text"] = (ours["text"], text)
    mine = list(zip((name for name, _ in ours["files"]), ours["contents"]))
    leaves = [(name, content) for name, _, content in theirs["leaves"]]
    sizes = lambda files: [(name, content and len(content)) for name, content in files]
    for name, is_text, content in theirs["leaves"]:
        if not is_text and (name, content) not in mine:
            found[f"their file {name}"] = (sizes(mine), sizes([(name, content)]))
    for name, content in mine:
        if (name, content) not in leaves:
            found[f"our file {name}"] = (sizes([(name, content)]), sizes(leaves))
    return found


class Read(unittest.TestCase):
    def test_both_read_the_same(self):
        compared = 0
        for root, path in corpora():
            name, raw = str(path.relative_to(root)), path.read_bytes()
            ours = mails.ours(raw)
            if ours is None:
                continue
            why = tolerated("python email", path.name)
            with self.subTest(mail=name):
                try:
                    found = apart(ours, mails.theirs(raw))
                except LookupError as unknown_charset:
                    found = {"charset": str(unknown_charset)}
                compared += 1
                if why is None:
                    self.assertEqual(found, {})
                else:
                    self.assertEqual(sorted(found), sorted(why["parts"]), f"tolerated because {why['why']}")
        self.assertGreater(compared, 80)


class Written(unittest.TestCase):
    def test_what_it_writes_we_read(self):
        for seed in range(CASES):
            any_ = chance(f"mail {seed}")
            mail, wanted = written(any_)
            raw = mail.as_bytes(policy=any_.choice([email.policy.SMTP, email.policy.default]))
            with self.subTest(seed=seed):
                ours = mails.ours(raw)
                self.assertIsNotNone(ours, raw.decode("latin-1"))
                self.assertEqual({member: ours[member] for member in wanted}, wanted, raw.decode("latin-1"))


def written(any_):
    """A mail, and what is to be read in it."""
    mail = email.message.EmailMessage()
    charset = any_.choice(sorted(TEXTS))
    subject = " ".join(any_.choice(TEXTS[any_.choice(sorted(TEXTS))]).split())
    name, local = any_.choice(NAMES), any_.choice(["ana", "Ana.Lopez+shop", "a_b-c", "x" * 60])
    mail["Subject"] = subject
    mail["From"] = Address(name, local, "customer.example")
    mail["To"] = "support@acme.example"
    mail["Message-ID"] = f"<{any_.getrandbits(64):x}.{any_.randrange(99)}@customer.example>"
    ids = [f"r{at}.{any_.getrandbits(32):x}@customer.example" for at in range(any_.randrange(12))]
    if ids:
        mail["References"] = " ".join(f"<{id_}>" for id_ in ids)
        mail["In-Reply-To"] = f"<{ids[-1]}>"
    text = any_.choice(TEXTS[charset]) + "\n" + any_.choice(TEXTS[charset])
    encoding = any_.choice(["base64", "quoted-printable", None])
    mail.set_content(text, charset=charset, **({"cte": encoding} if encoding else {}))
    if any_.random() < 0.3:
        mail.add_alternative(f"<p>{text.replace('<', '&lt;')}</p>", subtype="html", charset=charset)
    files = []
    for at in range(any_.choice([0, 0, 1, 2, 3])):
        kind, filename = any_.choice(TYPES), any_.choice(FILES)
        content = any_.randbytes(any_.choice([0, 1, 57, 58, 1000])) if kind[0] != "text" else b"a;b\r\n1;2\r\n"
        mail.add_attachment(content, maintype=kind[0], subtype=kind[1], filename=filename)
        files.append((filename, content))
    return mail, {
        "subject": subject,
        "name": name,
        "from": f"{local}@customer.example".lower(),
        "id": mail["Message-ID"].strip("<>"),
        "references": sorted(ids),
        "text": mails.collapsed(text),
        "files": [[filename, len(content)] for filename, content in files],
        "contents": [content for _, content in files],
    }


if __name__ == "__main__":
    unittest.main()
