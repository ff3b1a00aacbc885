"""EPUB books as they are found: names that do not match, chapters that are damaged, protection."""

from pathlib import Path

import pytest

from lcagent.documents import Document, load
from lcagent.documents.formats.epub import parse_epub
from lcagent.errors import DocumentDamaged, DocumentEmpty, DocumentEncrypted
from tests.documents.archives import epub, page, zipped

ONE, TWO = page("The keeper is Tora Vik."), page("Second.")


@pytest.fixture
def read(tmp_path: Path):
    def of(data: bytes) -> Document:
        (tmp_path / "a.epub").write_bytes(data)
        return load(tmp_path / "a.epub")

    return of


@pytest.mark.parametrize(
    ("member", "href"),
    [
        ("OPS\\a.xhtml", "a.xhtml"),
        ("OPS/Text/a.xhtml", "Text\\a.xhtml"),
        ("OPS/a.xhtml", "A.XHTML"),
        ("ops/A.XHTML", "a.xhtml"),
        ("OPS/a%20b.xhtml", "a%20b.xhtml"),
        ("OPS/a b.xhtml", "a%20b.xhtml"),
        ("OPS/a b.xhtml", "a b.xhtml"),
        ("OPS/a%20b.xhtml", "a%2520b.xhtml"),
        ("OPS/a&b.xhtml", "a&amp;b.xhtml"),
        ("OPS/e\u0301.xhtml", "\u00e9.xhtml"),
        ("OPS/a#b.xhtml", "a%23b.xhtml#part"),
        ("a.xhtml", "../a.xhtml"),
        ("OPS/a.xhtml", "/OPS/a.xhtml"),
    ],
)
def test_names_that_are_written_in_two_ways(read, member: str, href: str) -> None:
    manifest = f'<item id="c0" href="{href}" media-type="application/xhtml+xml"/>'
    document = read(epub({member: ONE}, manifest=manifest, spine='<itemref idref="c0"/>'))
    assert document.text == "The keeper is Tora Vik.\n\n" and not document.warnings


def test_without_a_reading_order_the_pages_are_read_as_they_are_listed(read) -> None:
    manifest = (
        '<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        '<item id="b" href="two.html" media-type="text/html"/><item id="p" href="p.png" media-type="image/png"/>'
        '<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/>'
    )
    chapters = {
        "OPS/one.xhtml": ONE,
        "OPS/two.html": TWO,
        "OPS/nav.xhtml": page("Contents"),
        "OPS/p.png": b"x",
    }
    document = read(epub(chapters, manifest=manifest, spine=" "))
    assert document.text == "Second.\n\nThe keeper is Tora Vik.\n\n"
    assert "no reading order" in document.warnings[0]


@pytest.mark.parametrize("package", ["<package/>", "no markup at all", None])
def test_a_book_without_a_usable_package_file_is_read_in_the_order_of_its_names(
    read, package: str | None
) -> None:
    members = {"OPS/c10.xhtml": TWO, "OPS/c2.xhtml": ONE, "META-INF/container.xml": "<container/>"}
    document = read(zipped(members if package is None else {**members, "OPS/book.opf": package}))
    assert document.text == "The keeper is Tora Vik.\n\nSecond.\n\n"
    assert "order of their names" in document.warnings[0]


def test_one_damaged_chapter_costs_itself(read) -> None:
    words = "".join(f"word{n} " for n in range(900))
    data = epub({"OPS/a.xhtml": ONE, "OPS/b.xhtml": page(words), "OPS/c.xhtml": TWO})
    at = data.index(b"OPS/b.xhtml") + 400  # within its compressed bytes
    document = read(data[:at] + bytes([data[at] ^ 0xFF, data[at + 1] ^ 0xFF]) + data[at + 2 :])
    assert document.text == "The keeper is Tora Vik.\n\nSecond.\n\n"
    assert document.warnings == (
        "chapter 2 holds no text",
        "not read: chapter 2 (OPS/b.xhtml), damaged",
    ) or document.warnings == ("not read: chapter 2 (OPS/b.xhtml), damaged",)
    assert document.page_at(document.text.index("Second")) == 3


def test_a_chapter_that_unpacks_to_too_much_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcagent.documents.formats.epub.book._LARGEST", 10_000)
    body = parse_epub(epub({"OPS/a.xhtml": ONE, "OPS/b.xhtml": page("x" * 20_000)}), "a.epub")
    assert body.text == "The keeper is Tora Vik.\n\n" and "OPS/b.xhtml" in str(body.health)


def test_a_chapter_named_many_times_is_read_once(read) -> None:
    manifest = (
        "".join(f'<item id="c{n}" href="a.xhtml#p{n}"/>' for n in range(2000))
        + '<item id="d" href="b.xhtml"/>'
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(2000)) * 20 + '<itemref idref="d"/>'
    document = read(epub({"OPS/a.xhtml": ONE, "OPS/b.xhtml": TWO}, manifest=manifest, spine=spine))
    assert document.text == "The keeper is Tora Vik.\n\nSecond.\n\n" and len(document.pages) == 2


def encryption(uri: str, algorithm: str) -> dict[str, str]:
    return {
        "META-INF/encryption.xml": '<encryption><enc:EncryptedData xmlns:enc="x"><enc:EncryptionMethod Algorithm='
        f'"{algorithm}"/><enc:CipherData><enc:CipherReference URI="{uri}"/></enc:CipherData></enc:EncryptedData>'
        "</encryption>"
    }


AES = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"


@pytest.mark.parametrize("uri", ["OPS/a.xhtml", "OPS/A.xhtml", "/OPS/a.xhtml"])
def test_a_protected_book_is_refused_as_such(read, uri: str) -> None:
    with pytest.raises(DocumentEncrypted, match=r"protected \(DRM\): 1 of its 2 chapters") as caught:
        read(epub({"OPS/a.xhtml": b"\x93\x01\xfe" * 99, "OPS/b.xhtml": TWO}, others=encryption(uri, AES)))
    assert "--password" not in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("uri", "algorithm"),
    [
        ("OPS/font.otf", "http://www.idpf.org/2008/embedding"),
        ("OPS/font.otf", "http://ns.adobe.com/pdf/enc#RC"),
        ("OPS/cover.jpg", AES),
    ],
)
def test_fonts_made_useless_elsewhere_are_no_protection(read, uri: str, algorithm: str) -> None:
    assert "Tora Vik" in read(epub({"OPS/a.xhtml": ONE}, others=encryption(uri, algorithm))).text


def test_what_a_chapter_hides_is_told_with_its_number(read) -> None:
    document = read(epub({"OPS/a.xhtml": ONE, "OPS/b.xhtml": page("Second.<span hidden>x</span>")}))
    assert document.health.left_out == ("hidden text (1 passage of 1 characters in all) in chapter 2",)


def test_a_book_of_which_nothing_can_be_read_is_one_error(read) -> None:
    with pytest.raises(DocumentDamaged, match="without chapters"):
        read(epub({}, manifest='<item id="a" href="../../../../etc/passwd"/>', spine='<itemref idref="a"/>'))


PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
MIXED = (
    '<item id="c0" href="a.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="c1" href="p.png" media-type="image/png"{}/>'
    '<item id="c2" href="b.xhtml" media-type="application/xhtml+xml"/>'
)
TWO_OF_THEM = '<itemref idref="c0"/><itemref idref="c1"/>'


def test_a_picture_in_the_reading_order_costs_itself_and_is_named(read) -> None:
    members = {"OPS/a.xhtml": ONE, "OPS/p.png": PICTURE, "OPS/b.xhtml": TWO}
    document = read(epub(members, manifest=MIXED.format(""), spine=TWO_OF_THEM))
    assert document.text.strip() == "The keeper is Tora Vik."
    assert document.health.left_out == ("chapter 2 (OPS/p.png), a picture",)


def test_what_a_book_gives_in_the_place_of_a_picture_is_read(read) -> None:
    members = {"OPS/a.xhtml": ONE, "OPS/p.png": PICTURE, "OPS/b.xhtml": TWO}
    document = read(epub(members, manifest=MIXED.format(' fallback="c2"'), spine=TWO_OF_THEM))
    assert "Second." in document.text and not document.warnings


def test_a_book_of_pictures_alone_says_so(read) -> None:
    with pytest.raises(DocumentEmpty, match="a picture"):
        read(epub({"OPS/p.png": PICTURE}, manifest=MIXED.format(""), spine='<itemref idref="c1"/>'))


def test_a_chapter_in_no_known_encoding_costs_itself(read) -> None:
    document = read(epub({"OPS/a.xhtml": ONE, "OPS/b.xhtml": b"<p>" + bytes(range(128, 256)) * 9}))
    assert "Tora Vik" in document.text
    assert document.health.left_out == ("chapter 2 (OPS/b.xhtml), damaged",)


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<title>Map</title><desc>Of Vågen.</desc><image/>", "Map Of Vågen."),
        ("<title>Map</title><text>North</text>", "North"),
        (
            '<text><tspan y="1">aft</tspan><tspan y="1">er</tspan><tspan y="2">noon</tspan></text>',
            "after noon",
        ),
        ("<foreignObject><p>Framed.</p></foreignObject>", "Framed."),
        ("<metadata>image/svg+xml</metadata><text>North</text>", "North"),
    ],
)
def test_a_drawing_is_what_is_written_in_it_or_its_name(read, inside: str, text: str) -> None:
    assert read(epub({"OPS/a.xhtml": f"<html><body><svg>{inside}</svg></body></html>"})).text.strip() == text


def test_of_two_ways_to_give_a_formula_one_is_read(read) -> None:
    math = '<epub:case required-namespace="http://www.w3.org/1998/Math/MathML"><math><mn>2</mn></math></epub:case>'
    other = '<epub:case required-namespace="urn:x"><x>unknown</x></epub:case>'
    both = f"<epub:switch>{math}<epub:default>two</epub:default></epub:switch>"
    neither = f"<epub:switch>{other}<epub:default>two</epub:default></epub:switch>"
    assert read(epub({"OPS/a.xhtml": f"<html><body><p>{both}</p></body></html>"})).text.strip() == "2"
    assert read(epub({"OPS/a.xhtml": f"<html><body><p>{neither}</p></body></html>"})).text.strip() == "two"


def test_numbers_and_words_of_a_formula_stay_apart(read) -> None:
    math = "<math><mi>cov</mi><mi>L</mi><mo>=</mo><mn>3</mn><mn>435</mn><mtext>if</mtext><mi>x</mi></math>"
    text = read(epub({"OPS/a.xhtml": f"<html><body><p>{math}</p></body></html>"})).text
    assert text.strip() == "cov L=3 435 if x"
