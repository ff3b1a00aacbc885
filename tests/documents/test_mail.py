"""Mail as programs write it: what a person sees of a message is read, or named as not read."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from lcagent.documents import Document, load
from lcagent.errors import UnsupportedFormat
from tests.documents.test_load import write


def message(text: str, *, html: str = "", **headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in headers.items():
        made[name] = value
    made.set_content(text, cte="base64")
    if html:
        made.add_alternative(html, subtype="html", cte="quoted-printable")
    return made


class TestMail:
    def test_headers_and_body_are_text_and_attachments_are_named(self, tmp_path: Path) -> None:
        made = message(
            "The budget is 8,450 crowns.",
            From="Bjørn <b@example.org>",
            Subject="Vågen",
            Date="Mon, 6 May 2024 10:00:00 +0200",
        )
        made.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan.pdf")
        document = load(write(tmp_path, "a.eml", made.as_bytes()))
        assert document.format == "mail"
        assert document.text.startswith("From: Bjørn <b@example.org>\nDate: Mon, 06 May 2024")
        assert "Subject: Vågen\n\nThe budget is 8,450 crowns.\n" in document.text
        assert document.health.left_out == ("attachment plan.pdf (application/pdf)",)

    def test_of_two_bodies_the_plain_one_is_read(self, tmp_path: Path) -> None:
        made = message("Plain words.", html="<p>Rich <b>words</b>.</p>", From="a@example.org")
        assert "Plain words." in load(write(tmp_path, "a.eml", made.as_bytes())).text
        bare = EmailMessage()
        bare["From"] = "a@example.org"
        bare.set_content("<p>Rich <b>words</b>.</p><p hidden>no</p>", subtype="html")
        text = load(write(tmp_path, "b.eml", bare.as_bytes())).text
        assert "Rich words." in text and "<" not in text.partition("\n\n")[2]

    def test_a_forwarded_message_is_read(self, tmp_path: Path) -> None:
        made = message("See below.", From="a@example.org", Subject="Fwd")
        made.add_attachment(message("The rent is 12 crowns.", From="c@example.org", Subject="Rent"))
        text = load(write(tmp_path, "a.eml", made.as_bytes())).text
        assert "Forwarded message\nFrom: c@example.org\nSubject: Rent\n\nThe rent is 12 crowns." in text

    def test_an_old_encoding_and_a_wrong_one(self, tmp_path: Path) -> None:
        head = b"From: a@example.org\nMIME-Version: 1.0\nContent-Type: text/plain; charset="
        for charset in (b"koi8-r", b"no-such", b"utf-8"):
            body = "Смотритель маяка Иван Петров вёл дневник о погоде.".encode("koi8-r")
            data = head + charset + b"\nContent-Transfer-Encoding: 8bit\n\n" + body
            assert "Иван Петров" in load(write(tmp_path, "a.eml", data)).text

    def test_a_saved_page_is_its_page(self, tmp_path: Path) -> None:
        page = EmailMessage()
        page["From"] = "<Saved by a browser>"
        page["MIME-Version"] = "1.0"
        page.set_content(
            "<html><body><h1>Vågen</h1><p>Founded 1890.</p></body></html>",
            subtype="html",
            cte="quoted-printable",
        )
        page.make_related()
        page.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<1>")
        for name in ("a.mhtml", "a.mht"):
            document = load(write(tmp_path, name, page.as_bytes()))
            assert document.format == "mhtml" and document.text == "Vågen\n\nFounded 1890.\n"
            assert not document.warnings

    def test_a_box_of_messages_has_a_page_for_each(self, tmp_path: Path) -> None:
        one, two = message("First.", From="a@example.org"), message("Second.", From="b@example.org")
        box = b"".join(b"From x Mon May  6 10:00:00 2024\n" + m.as_bytes() + b"\n" for m in (one, two))
        document = load(write(tmp_path, "a.mbox", box))
        assert document.unit == "message" and len(document.pages) == 2
        assert document.place(document.text.index("Second.")).startswith("message 2")

    def test_a_text_that_begins_like_a_message_stays_a_text(self, tmp_path: Path) -> None:
        note = "From: the harbour master\nTo: all\n\nBring rope.\n"
        assert load(write(tmp_path, "a.txt", note)).text == note

    @pytest.mark.parametrize("name", ["Inbox", "a.mbox"])
    def test_a_line_that_begins_with_from_begins_a_message_only_before_fields(
        self, tmp_path: Path, name: str
    ) -> None:
        one = "From x Mon May  6 10:00:00 2024\nFrom: a@example.org\nDate: now\nMessage-ID: <1>\n\n"
        document = load(
            write(tmp_path, name, one + "Hello.\n\nFrom one piece of rope\nit was made.\n\n" + one)
        )
        assert document.format == "mbox" and len(document.pages) == 2
        assert "From one piece of rope\nit was made." in document.text


HEAD = "From: a@example.org\nTo: b@example.org\nMIME-Version: 1.0\n"


@pytest.fixture
def mail(tmp_path: Path):
    def of(data: str | bytes) -> Document:
        return load(write(tmp_path, "a.eml", data))

    return of


def body_of(document: Document) -> str:
    assert document.format == "mail"
    return document.text.partition("\n\n")[2].strip()


def multipart(kind: str, *parts: str, boundary: str = "XX") -> str:
    inner = "".join(f"--XX\n{part}\n" for part in parts)
    return f"{HEAD}Content-Type: multipart/{kind}; boundary={boundary}\n\n{inner}--XX--\n"


@pytest.mark.parametrize("before", ["From x Mon May  6 10:00:00 2024\n", "\n\n", "\ufeff"])
def test_what_programs_put_before_a_message_is_none_of_it(mail, before: str) -> None:
    assert body_of(mail(f"{before}{HEAD}\nHello.\n")) == "Hello."


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_message_saved_in_utf_16(mail, encoding: str) -> None:
    document = mail(f"{HEAD}Subject: Vågen\n\nOil for the light.\n".encode(encoding))
    assert "Subject: Vågen" in document.text and body_of(document) == "Oil for the light."


def test_each_part_that_is_shown_is_read_in_its_order(mail) -> None:
    text = multipart(
        "mixed",
        "Content-Type: text/plain\n\nFirst.",
        "Content-Type: image/png\n\nxx",
        "Content-Type: text/html\n\n<p>Second.</p>",
        'Content-Type: text/plain; name="n.txt"\nContent-Disposition: inline; filename="n.txt"\n\nThird.',
        'Content-Type: text/plain\nContent-Disposition: attachment; filename="m.txt"\n\nNot shown.',
    )
    document = mail(text)
    assert body_of(document) == "First.\n\nSecond.\n\nThird."
    assert document.health.left_out == (
        "attachment without a name (image/png)",
        "attachment m.txt (text/plain)",
    )


def test_html_is_read_where_the_plain_part_only_speaks_of_it(mail) -> None:
    rich = "Content-Type: text/html\n\n<p>" + "The light needs oil and rope. " * 5 + "</p>"
    assert "needs oil" in mail(multipart("alternative", "Content-Type: text/plain\n\nSee HTML.", rich)).text
    full = "Content-Type: text/plain\n\n" + "The light needs oil. " * 5
    assert "rope" not in mail(multipart("alternative", full, rich)).text


def test_what_is_attached_to_the_html_is_named_though_the_plain_part_is_read(mail) -> None:
    related = (
        "Content-Type: multipart/related; boundary=YY\n\n--YY\nContent-Type: text/html\n\n<p>Oil.</p>\n"
        '--YY\nContent-Type: image/png; name="map.png"\n\nxx\n--YY--'
    )
    document = mail(multipart("alternative", "Content-Type: text/plain\n\nOil.", related))
    assert body_of(document) == "Oil." and document.health.left_out == ("attachment map.png (image/png)",)


def test_a_boundary_without_its_quotation_marks(mail) -> None:
    text = multipart("alternative", "Content-Type: text/plain\n\nOil.").replace("XX", "--=_Next=1")
    assert body_of(mail(text)) == "Oil."


@pytest.mark.parametrize("said", ["quoted-printable", "Quoted printable", "quoted-printable;"])
def test_quoted_printable_misspelt_and_damaged(mail, said: str) -> None:
    text = f"{HEAD}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {said}\n\n"
    assert body_of(mail(f"{text}V=C3=A5gen is =\nlong =ZZ.\n")) == "Vågen is long =ZZ."


def test_base64_with_faults(mail) -> None:
    text = f"{HEAD}Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nT2ls!IG\nlz IGxvdw\n"
    assert body_of(mail(text)) == "Oil is low"


@pytest.mark.parametrize(
    ("said", "really"),
    [
        ("iso-8859-1", "utf-8"),
        ("us-ascii", "utf-8"),
        ("us-ascii", "cp1252"),
        ("iso-8859-1", "cp1252"),
        ("utf-8", "cp1252"),
        ("", "cp1252"),
        ("zip", "utf-8"),
    ],
)
def test_an_encoding_that_is_not_the_one_said(mail, said: str, really: str) -> None:
    head = f"{HEAD}Content-Type: text/plain{f'; charset={said}' if said else ''}\n\n"
    assert body_of(mail(head.encode() + "Töra’s “light”".encode(really))) == "Töra’s “light”"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("=?utf-8?Q?V=C3=A5gen?=", "Vågen"),
        ("=?utf-8?B?VsOl?= =?utf-8?B?Z2Vu?=", "Vågen"),
        ("=?utf-8?B?VsM=?=\n =?utf-8?B?pWdlbg==?=", "Vågen"),
        ("Vågen", "Vågen"),
        ("=?no-such?Q?Oil?=", "Oil"),
        ("=?utf-8?B?*?=", "=?utf-8?B?*?="),
        ("=?utf-8?B?VsOlZ2VuX?= Oil", "=?utf-8?B?VsOlZ2VuX?= Oil"),
        ("Re: =?utf-8?Q?V=C3=A5gen?= (2)", "Re: Vågen (2)"),
    ],
)
def test_subjects(mail, written: str, read: str) -> None:
    assert f"\nSubject: {read}\n" in mail(f"{HEAD}Subject: {written}\nX: y\n\nHello.\n").text


def test_addresses_against_the_rules_stay_as_they_stand(mail) -> None:
    text = mail("From: Tora@Light <t@example.org>\nTo: , x y z, b@example.org\nDate: soon\n\nHello.\n").text
    assert text.startswith("From: Tora@Light <t@example.org>\nTo: , x y z, b@example.org\nDate: soon\n")


def test_a_flowed_text_has_whole_paragraphs(mail) -> None:
    head = f"{HEAD}Content-Type: text/plain; format=flowed\n\n"
    text = "The light needs \noil.\n> He said \n> so.\n-- \nTora\n"
    assert body_of(mail(head + text)) == "The light needs oil.\n> He said so.\n--\nTora"


def test_a_file_within_the_text_is_no_text(mail) -> None:
    document = mail(f"{HEAD}\nSee the plan.\n\nbegin 644 plan.doc\n#0V%T\n`\nend\nBye.\n")
    assert body_of(document) == "See the plan.\n\n\nBye."
    assert document.health.left_out == ("attachment plan.doc (uuencoded)",)


def test_a_report_of_a_server_is_read(mail) -> None:
    status = (
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nAction: failed\nStatus: 5.1.1"
    )
    text = body_of(mail(multipart("report", "Content-Type: text/plain\n\nNot delivered.", status)))
    assert text == "Not delivered.\n\nReporting-MTA: dns; mx\n\nAction: failed\nStatus: 5.1.1"


def test_an_encrypted_message_is_refused_and_within_another_one_named(mail) -> None:
    secret = "Content-Type: application/pkcs7-mime\n\nxx"
    with pytest.raises(UnsupportedFormat, match="encrypted"):
        mail(f"{HEAD}{secret}\n")
    document = mail(
        multipart(
            "mixed",
            "Content-Type: text/plain\n\nSee below.",
            f"Content-Type: message/rfc822\n\nSubject: Oil\n{secret}",
        )
    )
    assert "See below.\n\nForwarded message\nSubject: Oil" in document.text
    assert document.health.left_out == ("an encrypted message",)


def test_hidden_text_of_an_html_part_is_named(mail) -> None:
    text = f"{HEAD}Content-Type: text/html\n\n<p>Oil.</p><p hidden>secret</p>\n"
    document = mail(text)
    assert body_of(document) == "Oil." and "hidden text" in document.health.left_out[0]
