"""Sentences of texts in many languages; `/` stands where one ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents import passages, sentences, split
from tests.loopback import count

LANGUAGES = {
    "en": "Dr. Frey of the U.S. Navy met J. R. Smith at 3.5 km, e.g. far off. / He left. / Then No. 5 came. / Was it? / "
    "Yes! / “No!” he said. / See Fig. 3 and p. 12 of it.",
    "en notes": "It was said [1]. / He left.[2] / She stayed.¹ / *Then* it ended… / 12 men came in 1911. / 13 left.",
    "de": "Es gibt z. B. viele Boote, d. h. Kähne. / Am 5. März 1911 kam Dr. Berg. / Ökonomie ist wichtig. / "
    "Im 2. Weltkrieg war er in St. Gallen. / „Äpfel?“ / Übrigens ja.",
    "fr": "M. Dupont est venu avec Mme. Curie. / Élise aussi. / Il a dit : « Oui. » / Ça va ? / À midi il partit. / "
    "Œdipe, p. ex. Roi, reste.",
    "es": "Hay muchos, p. ej. barcos. / ¿Quién es el Sr. López? / ¡Él llegó ayer! / Ñoño vive en EE. UU. desde 1911.",
    "it": "Il sig. Rossi e l'avv. Bianchi vennero. / È vero. / Perché no?",
    "pt": "O Sr. Silva chegou. / Às oito ele saiu. / Índio ou não?",
    "pl": "Był tam np. port. / Łódź stała. / Żona przyszła w 1911 r. do miasta. / Śnieg padał. / Ćma leciała. / "
    "Przyjechał prof. Nowak, m.in. z Krakowa.",
    "cs": "Přišel např. Novák. / Řeka tekla. / Škoda stála. / Čas běžel. / Žena odešla.",
    "tr": "Gemi geldi. / İstanbul büyük. / Şehir uzak. / Ömer gitti.",
    "ru": "Это т. е. порт. / Его построил А. С. Пушкин в 1911 г. в городе. / Ёлка стояла. / Это было в 1912 г. / "
    "Он жил на ул. Мира. / — Да. / — Нет, — сказал он. / Были рожь, овёс и т. д. / Потом ушли.",
    "uk": "Він прийшов. / Євген пішов. / Її не було. / Ґанок стояв. / Їжак спав.",
    "bg": "Той дойде. / Ърни си тръгна. / Щъркел летеше.",
    "el": "Ποιος ήταν ο λιμενάρχης; / Ήταν ο κ. Νίκος. / Έφυγε το 1911. / Ήρθε άλλος, π.χ. ο Άρης.",
    "hi": "यह बंदरगाह है। / इसे 1911 में बनाया गया। / कौन था? / वह डॉ. राम था।",
    "bn": "এটি একটি বন্দর। / এটি ১৯১১ সালে নির্মিত। / কে ছিল?",
    "ta": "அவர் வந்தார். / பிறகு சென்றார். / யார் அவர்?",
    "ar": "من كان مدير الميناء؟ / كان د. أحمد. / وصل عام 1911. / ثم غادر!",
    "fa": "این بندر است. / مدیر که بود؟ / احمد بود.",
    "ur": "یہ بندرگاہ ہے۔ / اسے 1911 میں بنایا گیا۔ / کون تھا؟ / وہ احمد تھا۔",
    "he": "הוא בא. / אחר כך הלך. / מי זה? / זה דוד.",
    "zh": "港务长是王小明。/他来自北京！！/是吗？！/「是。」/他用3.5寸的。/好。",
    "ja": "山田さんは京都で生まれた。/「はい。」/彼は来た！/いつ？/昨日。",
    "ko": "그는 왔다. / 그는 떠났다. / 누구였나? / 네. / 김철수다.",
    "hy": "Նա եկավ։ / Հետո գնաց։",
    "ka": "ის მოვიდა. / შემდეგ წავიდა. / ვინ იყო?",
    "am": "እሱ መጣ። / ከዚያ ሄደ።",
    "my": "သူလာသည်။ / သူသွားသည်။",
    "km": "គាត់មក។ / គាត់ទៅ។",
    "lists": "Rules:\n\n/1. Nobody swims. / Nobody fishes.\n/2. Boats pay § 5.\n/- One boat\n/- Two boats\n/| Tarn | 5 Berg |\n/| Vell | 6 |",
}


@pytest.mark.parametrize("marked", LANGUAGES.values(), ids=LANGUAGES)
def test_sentences_of_a_language(marked: str) -> None:
    wanted = [part.strip() for part in marked.split("/")]
    text = marked.replace(" / ", " ").replace("/", "")
    assert [text[span.start : span.end] for span in sentences(text)] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "“The harbour froze. / He shut it. / It was 1907.” / Then he went.",  # a quotation is no one sentence
        "(See the note. / It is long.) / Then he went.",
        "He said “yes. / Then he left. / She came.",  # the mark that closes it is missing
        "It was so. / “Why?” she asked. / “Because,” he said.",
        "He sailed with H.M.S. Tarn under Capt. Berg et al. to St. Olaf. / It took long.",
        "See art. 5, Nr. 7, S. 12 and Jan. 3. / Art. is long. / He said no. / Then he left.",
        "He knew, she doesn’t. / Then he didn't. / That was it.",
        "It took 5 ms. / Then MR. BERG and Ms. Frey read his DNA. / It was theirs.",
        "He came.\n/\n/he left without a capital.",
    ],
)
def test_quotations_and_abbreviations(text: str) -> None:
    wanted = [part.strip() for part in text.split("/") if part.strip()]
    plain = text.replace(" / ", " ").replace("/", "")
    assert [plain[span.start : span.end] for span in sentences(plain)] == wanted


PIECES = st.lists(
    st.sampled_from(
        [
            *LANGUAGES.values(),
            "Dr. ",
            "。",
            "؟ ",
            "।",
            "; ",
            "Ω",
            "«",
            "1. ",
            "\n",
            "\f",
            "x" * 300,
            "[note] ",
            "\n[form field] a: ",
        ]
    ),
    max_size=12,
).map("".join)


@given(st.one_of(PIECES, st.text(max_size=300)), st.integers(0, 40), st.integers(0, 40))
def test_nothing_but_white_space_is_left_between_sentences(text: str, before: int, after: int) -> None:
    start, end = min(before, len(text)), max(min(before, len(text)), len(text) - after)
    last = start
    for span in sentences(text, start, end):
        assert last <= span.start < span.end <= end
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        assert not text[last : span.start].strip()
        last = span.end
    assert not text[last:end].strip()


@pytest.mark.parametrize("marked", [LANGUAGES[name] for name in ("pl", "el", "hi", "ar", "zh", "ka", "ru")])
def test_segments_and_passages_end_with_a_sentence_in_any_script(marked: str) -> None:
    text = marked.replace(" / ", " ").replace("/", "")
    text = (text if text[-1] in "。।" else text + " ") * 60
    ending = {span.end for span in sentences(text)}
    for segment in split(text, 300, count):
        assert len(text[: segment.end].rstrip()) in ending
    for passage in passages(text):
        assert len(text[: passage.end].rstrip()) in ending


def test_a_row_of_a_table_is_a_sentence() -> None:
    rows = ["Year | Income | Cost |", "1901 | 4,100 | 3,900 |", "1902 | 4,350 | 4,020 |"]
    listed = ["gate\topens", "A\t06:00", "B\t07:30"]
    text = "\n".join(["The harbour kept a book:", *rows, "It was burnt in\n1931.", "", *listed])
    found = [text[span.start : span.end] for span in sentences(text)]
    assert found == ["The harbour kept a book:", *rows, "It was burnt in\n1931.", *listed]


def test_what_is_written_beside_the_text_is_a_sentence_of_its_own() -> None:
    lines = [
        "The boat of the applicant",
        "[form field] who: J. Berg. He signs. So be it",
        "lay at the quay. It was\nred.",
        "[form field] length: 11.4 m",
        "[note] Anna: See cabinet 14. It is shut.",
        "[note] Knut: No.",
    ]
    text = "\n".join(lines)
    right = [*lines[:2], "lay at the quay.", "It was\nred.", *lines[3:]]
    assert [text[span.start : span.end] for span in sentences(text)] == right
    after = f"{lines[1]}\nlay here."
    assert [after[span.start : span.end] for span in sentences(after)] == [lines[1], "lay here."]


def test_a_row_of_a_csv_file_is_a_sentence() -> None:
    rows = ["Year,Item,Cost", '1901,"Oil, whale",4350', "1902;Wick;12.5", ",Rope,3"]
    text = "\n".join(rows) + "\n"
    assert [text[one.start : one.end] for one in sentences(text)] == rows
    wrapped = "There were 4,350,000 fish\nand 2,100,000 eggs, with shells,\nthat year."
    assert len(sentences(wrapped)) == 1
