"""Presentations as a person sees them: charts, diagrams, comments, layouts, items' numbers; nothing twice."""

from pathlib import Path

import pytest

from lcagent.documents import Document, load
from tests.documents.office import shape, slides


@pytest.fixture
def read(tmp_path: Path):
    def of(data: bytes) -> Document:
        (tmp_path / "a.pptx").write_bytes(data)
        return load(tmp_path / "a.pptx")

    return of


def text(*paragraphs: str) -> str:
    """A shape of paragraphs of XML."""
    return f"<p:sp><p:txBody>{''.join(f'<a:p>{one}</a:p>' for one in paragraphs)}</p:txBody></p:sp>"


def run(words: str, look: str = "") -> str:
    return f"<a:r><a:rPr {look}/><a:t>{words}</a:t></a:r>"


def placed(kind: str, words: str) -> str:
    """A placeholder with words."""
    return f"<p:sp><p:nvSpPr><p:nvPr><p:ph type='{kind}'/></p:nvPr></p:nvSpPr><p:txBody><a:p>{run(words)}</a:p></p:txBody></p:sp>"


def test_powers_marks_breaks_and_what_is_struck(read) -> None:
    line = run("450") + run("1", "baseline='30000'") + run(" boats, 3 x 10") + run("6", "baseline='30%'")
    more = "<a:br/>" + run("12", "strike='sngStrike'") + run(" 15 crowns")
    assert read(slides(text(line + more))).text == "450[1] boats, 3 x 10^6\n~~12~~ 15 crowns\n"


def test_items_have_their_numbers(read) -> None:
    def item(words: str, kind: str, more: str = "", level: int = 0) -> str:
        return f"<a:pPr lvl='{level}'><a:buAutoNum type='{kind}' {more}/></a:pPr>{run(words)}"

    listed = text(
        item("Oil", "arabicPeriod"), item("of whales", "alphaLcParenR", level=1), item("of stone", "alphaLcParenR", level=1),
        item("Wick", "arabicPeriod"), item("anew", "alphaLcParenR", level=1), run("Plain"),
        item("Glass", "romanUcParenBoth", "startAt='4'"),
    )  # fmt: skip
    assert read(slides(listed)).text.splitlines() == [
        "1. Oil", "a) of whales", "b) of stone", "2. Wick", "a) anew", "Plain", "(IV) Glass"
    ]  # fmt: skip


def test_of_two_ways_one_is_read_and_formulas_are_a_line(read) -> None:
    formula = (
        "<mc:AlternateContent><mc:Choice Requires='a14'><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num>"
        "<m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath></mc:Choice>"
        "<mc:Fallback><a:r><a:t>a b</a:t></a:r></mc:Fallback></mc:AlternateContent>"
    )
    twice = f"<mc:AlternateContent><mc:Choice>{shape('Once')}</mc:Choice><mc:Fallback>{shape('Once')}</mc:Fallback></mc:AlternateContent>"
    assert read(slides(text(run("x = ") + formula) + twice)).text == "x = a/b\nOnce\n"


def test_the_slides_own_number_and_hidden_shapes_are_left_out(read) -> None:
    hidden = "<p:grpSp><p:nvGrpSpPr><p:cNvPr id='1' hidden='1'/></p:nvGrpSpPr>" + shape("HID") + "</p:grpSp>"
    picture = "<p:pic><p:nvPicPr><p:cNvPr id='2' descr='{}'/></p:nvPicPr></p:pic>"
    body = placed("title", "Oil") + placed("sldNum", "7") + placed("ftr", "Vågen 1901") + hidden
    document = read(
        slides(
            body + picture.format("The lamp at night") + picture.format("Picture 2") + picture.format("a.png")
        )
    )
    assert document.text == "Oil\nVågen 1901\n[picture: The lamp at night]\n"
    assert document.health.left_out == ("1 hidden shape",)


def frame(content: str) -> str:
    return f"<p:graphicFrame><a:graphic><a:graphicData>{content}</a:graphicData></a:graphic></p:graphicFrame>"


def test_charts_and_diagrams_are_read_where_they_stand(read) -> None:
    def kept(tag: str, *values: str) -> str:
        points = "".join(f"<c:pt idx='{at}'><c:v>{one}</c:v></c:pt>" for at, one in enumerate(values))
        return f"<c:{tag}><c:numRef><c:numCache><c:formatCode>0%</c:formatCode>{points}</c:numCache></c:numRef></c:{tag}>"

    def series(name: str, labels: str, values: str, more: str = "") -> str:
        return f"<c:ser><c:tx><c:v>{name}</c:v></c:tx>{more}{labels}{values}</c:ser>"

    names = "<c:cat><c:strRef><c:strCache><c:pt idx='0'><c:v>May</c:v></c:pt><c:pt idx='1'><c:v>June</c:v></c:pt></c:strCache></c:strRef></c:cat>"
    label = "<c:dLbls><c:dLbl><c:idx val='1'/><c:tx><c:rich><a:p><a:r><a:t>storm</a:t></a:r></a:p></c:rich></c:tx></c:dLbl></c:dLbls>"
    chart = (
        "<c:chartSpace HEAD><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Nights lit</a:t></a:r></a:p></c:rich></c:tx></c:title>"
        f"<c:plotArea><c:barChart>{series('1901', names, kept('val', '0.5', '0.25'), label)}</c:barChart>"
        f"<c:lineChart>{series('1902', names, kept('val', '1', '0.75'))}</c:lineChart>"
        f"<c:scatterChart>{series('p', kept('xVal', '0.1'), kept('yVal', '0.2'))}{series('q', kept('xVal', '0.3'), kept('yVal', '0.4'))}"
        "</c:scatterChart></c:plotArea></c:chart></c:chartSpace>"
    )
    diagram = "<dgm:dataModel HEAD><dgm:pt><dgm:t><a:p><a:r><a:t>Oil</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt><dgm:t><a:p><a:r><a:t>Light</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:dataModel>"
    body = (
        shape("Before")
        + frame("<c:chart r:id='c'/>")
        + frame("<dgm:relIds r:dm='d'/>")
        + frame("<c:chart r:id='x'/>")
    )
    ole = frame("<p:oleObj progId='Excel.Sheet.12'><p:embed/></p:oleObj>")
    document = read(
        slides(
            body + ole + shape("After"),
            beside={1: [("c", "chart", "../charts/c.xml"), ("d", "diagramData", "../diagrams/d.xml")]},
            others={"ppt/charts/c.xml": chart, "ppt/diagrams/d.xml": diagram},
        )
    )
    assert document.text.splitlines() == [
        "Before", "Chart: Nights lit", "| 1901 | 1902", "--- | --- | ---", "May | 50% | 100%", "June | 25% (storm) | 75%",
        "| p", "--- | ---", "10% | 20%", "| q", "--- | ---", "30% | 40%", "Oil", "Light", "After",
    ]  # fmt: skip
    assert document.health.left_out == ("1 chart", "1 embedded object (Excel.Sheet.12)")


def test_comments_tell_who_made_them(read) -> None:
    old = "<p:cmLst HEAD><p:cm authorId='0'><p:text>Ask Tora.</p:text></p:cm></p:cmLst>"
    new = (
        "<p:cmLst HEAD><p:cm authorId='{1}'><p:replyLst><p:reply authorId='0'><p:txBody><a:p><a:r><a:t>Yes.</a:t></a:r></a:p></p:txBody>"
        "</p:reply></p:replyLst><p:txBody><a:p><a:r><a:t>Sure?</a:t></a:r></a:p></p:txBody></p:cm></p:cmLst>"
    )
    document = read(
        slides(
            shape("Oil"),
            beside={
                0: [("a", "commentAuthors", "authors.xml"), ("b", "authors", "more.xml")],
                1: [("c", "comments", "../comments/c.xml"), ("d", "comments", "../comments/d.xml")],
            },
            others={
                "ppt/authors.xml": "<p:cmAuthorLst HEAD><p:cmAuthor id='0' name='Ann'/></p:cmAuthorLst>",
                "ppt/more.xml": "<p:authorLst HEAD><p:author id='{1}' name='Bea'/></p:authorLst>",
                "ppt/comments/c.xml": old,
                "ppt/comments/d.xml": new,
            },
        )
    )
    assert document.text.splitlines() == [
        "Oil", "[Comment by Ann] Ask Tora.", "[Comment by Bea] Sure?", "[Comment by Ann] Yes."
    ]  # fmt: skip


def test_a_layouts_own_words_are_read_once_and_its_prompts_never(read) -> None:
    tree = "<p:cSld><p:spTree>{}</p:spTree></p:cSld>"
    layout = f"<p:sldLayout HEAD>{tree.format(placed('title', 'Click to edit') + shape('Vågen light'))}</p:sldLayout>"
    master = f"<p:sldMaster HEAD>{tree.format(placed('body', 'Second level') + shape('Confidential'))}</p:sldMaster>"
    document = read(
        slides(
            shape("Oil"),
            shape("Wick"),
            beside={n: [("l", "slideLayout", "../slideLayouts/l.xml")] for n in (1, 2)},
            others={
                "ppt/slideLayouts/l.xml": layout,
                "ppt/slideLayouts/_rels/l.xml.rels": '<Relationships><Relationship Id="m" Type="x/slideMaster" Target="../slideMasters/m.xml"/></Relationships>',
                "ppt/slideMasters/m.xml": master,
            },
        )
    )
    assert document.text == "[slide layout] Confidential\n[slide layout] Vågen light\nOil\n\nWick\n"
