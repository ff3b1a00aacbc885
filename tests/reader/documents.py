"""Documents of our own in six languages, each with a question that a competent reader answers.

The answers are of the kinds that a check by words and figures throws away: reckoned, counted, translated, in
other words, in several sentences. Around the sentences that matter stands text that says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.loopback import count
from tests.reader.cases import Case, Hop, Kind

TOKENS = 1100
"""Length of a document by the loopback's tokenizer: one call at a window of 2,048, and two to three segments."""

_IDLE: dict[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {
    "en": (
        ("The gardener", "A neighbour", "The old dog", "The postman", "A quiet child"),
        (
            "watched the rain",
            "swept the yard",
            "looked at the clouds",
            "walked to the market",
            "sat by the fence",
        ),
        (
            "without a word.",
            "as on any other day.",
            "before the evening meal.",
            "while the bells rang.",
            "for a while.",
        ),
    ),
    "de": (
        ("Der Gärtner", "Eine Nachbarin", "Der alte Hund", "Der Briefträger", "Ein stilles Kind"),
        ("sah dem Regen zu", "ging über den Markt", "blickte zu den Wolken", "saß am Zaun", "wartete im Hof"),
        (
            "ohne ein Wort.",
            "wie an jedem Tag.",
            "vor dem Abendbrot.",
            "beim Klang der Glocken.",
            "noch eine Weile.",
        ),
    ),
    "fr": (
        ("Le jardinier", "Une voisine", "Le vieux chien", "Le facteur", "Un enfant calme"),
        (
            "regardait la pluie",
            "marchait vers le marché",
            "contemplait les nuages",
            "restait assis là",
            "balayait la cour",
        ),
        (
            "sans dire un mot.",
            "comme tous les jours.",
            "avant le repas du soir.",
            "au son des cloches.",
            "un moment.",
        ),
    ),
    "es": (
        ("El jardinero", "Una vecina", "El perro viejo", "El cartero", "Un niño callado"),
        (
            "miraba la lluvia",
            "caminaba al mercado",
            "contemplaba las nubes",
            "barría el patio",
            "esperaba en la puerta",
        ),
        (
            "sin decir palabra.",
            "como cualquier día.",
            "antes de la cena.",
            "mientras sonaban campanas.",
            "un rato más.",
        ),
    ),
    "ru": (
        ("Садовник", "Почтальон", "Старый пёс", "Сосед", "Тихий мальчик"),
        ("смотрел на дождь", "шёл на рынок", "глядел на облака", "сидел у забора", "ждал во дворе"),
        ("молча.", "как всегда.", "перед ужином.", "под звон колоколов.", "ещё немного."),
    ),
    "zh": (
        ("园丁", "邻居", "老狗", "邮差", "一个孩子"),
        ("看着雨", "走向集市", "望着云", "坐在篱笆旁", "在院子里等着"),
        ("，没有说话。", "，和平常一样。", "，快到晚饭时间了。", "，钟声响起。", "，过了一会儿。"),
    ),
}
"""Who, what and how, which say nothing in any combination."""


@dataclass(frozen=True)
class Sample:
    """A case and its document."""

    case: Case
    text: str
    suffix: str


def idle(language: str, sentences: int, rng: random.Random) -> str:
    """A paragraph that says nothing."""
    space = "" if language == "zh" else " "
    parts = _IDLE[language]
    return space.join(space.join(map(rng.choice, parts)).replace(" ，", "，") for _ in range(sentences))


def document(language: str, pieces: Sequence[str], name: str) -> str:
    """The pieces in their order, with idle paragraphs before, between and after them."""
    rng = random.Random(name)
    wanted = TOKENS - count("\n\n".join(pieces))
    paragraphs: list[str] = []
    while wanted > 0:
        paragraphs.append(idle(language, 4, rng))
        wanted -= count(paragraphs[-1]) + 1
    places = [round((at + 0.5) * len(paragraphs) / len(pieces)) for at in range(len(pieces))]
    for at, piece in reversed(list(zip(places, pieces, strict=True))):
        paragraphs.insert(at, piece)
    return "\n\n".join(paragraphs)


SAMPLES: dict[str, Sample] = {}


def add(
    name: str,
    question: str,
    hops: Sequence[Hop | str],
    answer: str,
    *accepted: str,
    kind: Kind = "fact",
    items: Sequence[str] = (),
    pieces: Sequence[str] = (),
    text: str = "",
    suffix: str = ".txt",
) -> None:
    """One more sample.

    Args:
        name: what it is about; its beginning is the document's language, and the question's after a `>`.
        question: as asked.
        hops: gold sentences, in the order in which they lead to the answer.
        answer: a right answer.
        accepted: forms of which one has to be in the answer that comes out.
        kind: how long an answer has to be.
        items: the things of a list.
        pieces: paragraphs of the document in their order; none: the hops' sentences.
        text: the document, where it is not made of pieces.
        suffix: of its file.
    """
    assert name not in SAMPLES
    language, _, asked = name.split(" ")[0].partition(">")
    whole = tuple(Hop(hop) if isinstance(hop, str) else hop for hop in hops)
    case = Case(question, whole, answer, accepted or (answer,), kind, tuple(items), asked or language, name)
    assert case.said
    pieces = pieces or [hop.sentence for hop in whole]
    SAMPLES[name] = Sample(case, text or document(language, pieces, name), suffix)


def table(language: str, title: str, header: str, rows: Sequence[str]) -> str:
    """A table in Markdown, under a heading and after idle text; its header stands above all rows."""
    rng = random.Random(title)
    rule = "|".join([""] + ["---"] * (header.count("|") - 1) + [""])
    before = "\n\n".join(idle(language, 4, rng) for _ in range(6))
    return f"# {title}\n\n{before}\n\n" + "\n".join([header, rule, *rows]) + "\n"


def talk(sessions: Sequence[tuple[str, Sequence[str]]], name: str) -> str:
    """A conversation: sessions under headings that hold their dates; idle turns before each turn that matters."""
    rng = random.Random(name)
    parts: list[str] = []
    for heading, turns in sessions:
        lines = [f"## {heading}"]
        for turn in turns:
            lines += [f"{rng.choice(('Anna', 'Bert'))}: {idle('en', 1, rng)}" for _ in range(22)]
            lines.append(turn)
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts) + "\n"


# Reckoned and counted

add(
    "en years reckoned",
    "For how many years was the light at Vellmere in use?",
    [
        Hop(
            "The light at Vellmere was lit for the first time in 1901.",
            "1901",
            "When was the light at Vellmere lit?",
        ),
        Hop(
            "In 1929 the light at Vellmere was put out for good.",
            "1929",
            "When was the light at Vellmere put out?",
        ),
    ],
    "28 years",
    "28",
)
add(
    "en names counted",
    "How many people were aboard the Marigold?",
    ["Aboard the Marigold were Adams, Brook, Cole, Dunn, Ellis, Frost and Grant."],
    "7",
)
add(
    "en million",
    "What did the new dock cost?",
    ["The new dock cost 1,500,000 crowns."],
    "1.5 million crowns",
    "1.5 million",
)
add(
    "en half a million",
    "How many bricks did the kiln make in its best year?",
    ["In its best year the kiln made 500,000 bricks."],
    "half a million",
)
add(
    "en ratio",
    "How many times as many looms as the south mill does the north mill have?",
    [
        Hop("The north mill has 30 looms.", "30", "How many looms does the north mill have?"),
        Hop("The south mill has 10 looms.", "10", "How many looms does the south mill have?"),
    ],
    "three times as many",
)
add(
    "en age",
    "How old was Ida Falk when she became mayor?",
    [
        Hop("Ida Falk was born in 1880 in a village in the hills.", "1880", "When was Ida Falk born?"),
        Hop("Ida Falk became mayor in 1921.", "1921", "When did Ida Falk become mayor?"),
    ],
    "41",
)
add(
    "en sum",
    "How many beds do ward A and ward B have together?",
    [
        Hop("Ward A has 12 beds.", "12", "How many beds does ward A have?"),
        Hop("Ward B has 13 beds.", "13", "How many beds does ward B have?"),
    ],
    "25 beds",
    "25",
)
add(
    "en number in words",
    "How many bridges does the town have?",
    ["The town has the Mill Bridge, the Abbey Bridge and the new railway bridge."],
    "Three",
)
add(
    "en year that follows reckoned",
    "In which year was the Hadley bridge opened?",
    ["Work on the Hadley bridge began in 1887, and the bridge was opened the following year."],
    "1888",
)
add(
    "en following year said",
    "The granary burned down in 1887; when was it built again?",
    [
        Hop("Fire took the granary in 1887.", "1887", "When did the granary burn down?"),
        Hop("In 1888 the granary stood again.", "1888", "When was the granary built again?"),
    ],
    "the following year",
)
add(
    "en none",
    "How many of the herring boats that sailed in June were lost?",
    ["All nine herring boats that sailed in June came home."],
    "None",
)
add(
    "en quarter",
    "Which share of the harbour dues went to the church?",
    ["Of the harbour dues 25 per cent went to the church."],
    "a quarter",
)
add(
    "en unit",
    "How many kilometres long is the sea wall?",
    ["The sea wall has a length of 2,500 metres."],
    "2.5 kilometres",
    "2.5",
)
add(
    "en weeks",
    "How long did the strike of the dockers last?",
    [
        Hop("The dockers went on strike on 3 March.", "3 March", "When did the strike of the dockers begin?"),
        Hop(
            "On 17 March the dockers took up work again.",
            "17 March",
            "When did the strike of the dockers end?",
        ),
    ],
    "two weeks",
)
add(
    "en older of two",
    "Which is older, the chapel or the town hall?",
    [
        Hop("The chapel was built in 1432.", "1432", "When was the chapel built?"),
        Hop("The town hall dates from 1518.", "1518", "From when does the town hall date?"),
    ],
    "the chapel",
)
add(
    "en difference",
    "By how many degrees was July warmer than June?",
    [
        Hop("The mean of June was 14 degrees.", "14 degrees", "What was the mean of June in degrees?"),
        Hop("The mean of July was 17 degrees.", "17 degrees", "What was the mean of July in degrees?"),
    ],
    "3 degrees",
)

# In other words

add(
    "en resigned",
    "How did Tom Avery come to leave the railway?",
    ["In May, Tom Avery handed in his notice at the railway."],
    "He resigned",
    "resigned",
)
add(
    "en consumption",
    "Which illness did Clara Voss die of?",
    ["Clara Voss died of consumption in her sister's house."],
    "tuberculosis",
)
add(
    "en aunt",
    "Who was the aunt of Captain Lund that kept the light at Skarholm?",
    [
        Hop(
            "Nils Lund, the captain's father, had one sister, Ada.",
            "Ada",
            "Who was the sister of Captain Lund's father?",
        ),
        Hop(
            "Ada Lund kept the light at Skarholm for twenty years.",
            "Ada Lund",
            "Who kept the light at Skarholm?",
        ),
    ],
    "Ada Lund",
)
add(
    "en pronoun resolved",
    "When did Ellen Marsh leave the mill?",
    [Hop("She left it in 1931 after a fall.", fact="Ellen Marsh left the mill in 1931 after a fall.")],
    "1931",
    pieces=["Ellen Marsh ran the mill at Torre with two hands. She left it in 1931 after a fall."],
)
add(
    "en two pronouns resolved",
    "Who bought the Sea Horse from Jonas Reed?",
    [
        Hop(
            "He sold it that autumn to his cousin, Peter Hale.",
            "Peter Hale",
            fact="Jonas Reed sold the inn, the Sea Horse, to his cousin Peter Hale.",
        )
    ],
    "Peter Hale",
    pieces=[
        "Jonas Reed had built the Sea Horse with his own hands. He sold it that autumn to his cousin, Peter Hale."
    ],
)
add("en yes", "Is the ferry free for children?", ["Children under twelve pay nothing on the ferry."], "Yes")
add(
    "en no",
    "May dogs be taken into the reading room?",
    ["Animals have to stay outside the reading room."],
    "No",
)
add(
    "en marks of a prompt",
    "What does the clerk write at the end of each list?",
    ["At the end of each list the clerk writes </segment> and his name, Orrin."],
    "</segment> and his name",
    "his name",
)

# In several sentences

add(
    "en why",
    "Why did the people of Torre give up the upper mill?",
    [
        Hop(
            "After the dam broke, the stream no longer reached the upper mill.",
            ask="What happened to the stream of the upper mill?",
        ),
        Hop("Steam had by then made flour cheaper in the town.", ask="What made flour cheaper in the town?"),
    ],
    "It had lost its water when the dam broke. Flour from the steam mills in town also cost less.",
    "lost its water",
    kind="text",
)
add(
    "en how",
    "How do the fishers of Skarholm keep their nets from rotting?",
    [
        "They boil the nets in bark every spring.",
        "Then the nets hang for a week in the wind above the harbour.",
    ],
    "Every spring the nets are boiled in bark. After that they are dried in the wind for seven days.",
    "boiled in bark",
    kind="text",
    pieces=[
        "The fishers of Skarholm take care of their nets. They boil the nets in bark every spring."
        " Then the nets hang for a week in the wind above the harbour."
    ],
)
add(
    "en compare",
    "Compare the two ferries of the island.",
    [
        Hop(
            "The Gull is the island's older ferry and carries forty people.",
            "forty people",
            "What is said of the ferry Gull?",
        ),
        Hop(
            "The Tern, the new ferry of the island, takes ninety people and six cars.",
            "ninety",
            "What is said of the ferry Tern?",
        ),
    ],
    "The Tern is newer and more than twice as large as the Gull. Only the Tern takes cars.",
    "more than twice as large",
    kind="text",
)
add(
    "en summarise",
    "Summarise what the council decided about the harbour.",
    [
        Hop(
            "The council decided to dredge the harbour every second year.",
            ask="What did the council decide about dredging the harbour?",
        ),
        Hop(
            "It was also decided that the harbour dues stay as they are.",
            ask="What was decided about the harbour dues?",
        ),
    ],
    "Two things: the basin will be deepened regularly, and fees do not change.",
    "fees do not change",
    kind="text",
)
add(
    "en explain",
    "Explain why the clock of the town hall runs slow in winter.",
    ["In the cold the oil in the clock of the town hall thickens and holds back its wheels."],
    "Frost makes the lubricant stiff. The wheels then turn with more resistance, so the clock loses time.",
    "lubricant stiff",
    kind="text",
)

# Lists

_TOWNS = (
    "Abbot Bury Colne Dale Exby Farn Gorse Hythe Ince Joyce Kell Lowe Marl Nash Orme Pell Quay Ross Sale Tarn Ulm Vane"
    " Wick Yarm Zeal"
).split()
add(
    "en list of 25 in five sentences",
    "At which places does the mail boat call?",
    [
        Hop(
            f"The mail boat calls at {', '.join(_TOWNS[at : at + 4])} and {_TOWNS[at + 4]} on {day}.",
            ", ".join(_TOWNS[at : at + 5]),
        )
        for at, day in zip(
            range(0, 25, 5), ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"), strict=True
        )
    ],
    ", ".join(_TOWNS),
    kind="list",
    items=_TOWNS,
)
add(
    "en list of 25 lines",
    "Which things were found in the wreck?",
    [
        Hop(f"Found in the wreck, number {n}: {thing}.", thing)
        for n, thing in enumerate(
            (
                "anchor bell compass drum earring flask goblet hammer inkwell jug kettle lantern mirror needle oar pipe"
                " quill ring sextant trumpet urn vase whistle yoke zither"
            ).split(),
            1,
        )
    ],
    "",
    kind="list",
    items="anchor bell compass drum earring flask goblet hammer inkwell jug kettle lantern mirror needle oar pipe quill"
    " ring sextant trumpet urn vase whistle yoke zither".split(),
)
add(
    "en short list",
    "Which instruments does the Torre band play?",
    [Hop("The Torre band plays fiddles, flutes and a drum.", "fiddles, flutes, drum")],
    "fiddles, flutes, drum",
    kind="list",
    items=["fiddles", "flutes", "drum"],
)

# Several hops

add(
    "en two hops",
    "In which town was the architect of the Torre bridge born?",
    [
        Hop(
            "The bridge at Torre was designed by the architect Maud Ferris.",
            "Maud Ferris",
            "Who was the architect of the Torre bridge?",
        ),
        Hop("Maud Ferris was born in Pellham.", "Pellham", "In which town was Maud Ferris born?"),
    ],
    "Pellham",
)
add(
    "en three hops",
    "Which river flows through the birthplace of the founder of the Orrin works?",
    [
        Hop(
            "The Orrin works were founded by Silas Keene.",
            "Silas Keene",
            "Who was the founder of the Orrin works?",
        ),
        Hop(
            "Silas Keene came into the world in Marbury.", "Marbury", "What is the birthplace of Silas Keene?"
        ),
        Hop("Through Marbury flows the Teale.", "the Teale", "Which river flows through Marbury?"),
    ],
    "the Teale",
    "Teale",
)

# Headings and tables

add(
    "en date of a session",
    "On which day did Bert mend the boat?",
    [
        Hop(
            "Bert: I mended the boat yesterday, all by myself.",
            fact="Bert mended the boat the day before the session.",
        ),
        Hop("Session 2, 14 May 2023", context=True),
    ],
    "13 May 2023",
    text=talk(
        [
            ("Session 1, 2 May 2023", ["Anna: The boat has a hole as large as a fist."]),
            ("Session 2, 14 May 2023", ["Bert: I mended the boat yesterday, all by myself."]),
        ],
        "boat",
    ),
    suffix=".md",
)
add(
    "en month of a session",
    "When did Anna buy the piano?",
    [
        Hop("Anna: Last month I bought a piano, a black one.", fact="Anna bought a piano the month before."),
        Hop("Session 3, 7 August 2022", context=True),
    ],
    "in July 2022",
    "July 2022",
    text=talk(
        [
            ("Session 2, 1 June 2022", ["Anna: I dream of a piano."]),
            ("Session 3, 7 August 2022", ["Anna: Last month I bought a piano, a black one."]),
        ],
        "piano",
    ),
    suffix=".md",
)
add(
    "en table",
    "How much grain did Marbury bring in?",
    [Hop("| Marbury | 412 | 96 |", "412"), Hop("| Place | Grain (tons) | Hay (tons) |", context=True)],
    "412 tons",
    "412",
    text=table(
        "en",
        "Harvest",
        "| Place | Grain (tons) | Hay (tons) |",
        [f"| {town} | {200 + 7 * at} | {40 + at} |" for at, town in enumerate(_TOWNS)]
        + ["| Marbury | 412 | 96 |"],
    ),
    suffix=".md",
)
add(
    "en table without tons in its row",
    "What is the depth of the berth called Sale?",
    [Hop("| Sale | 9 | 140 |", "9"), Hop("| Berth | Depth (metres) | Length (metres) |", context=True)],
    "9 metres",
    "9",
    text=table(
        "en",
        "Berths",
        "| Berth | Depth (metres) | Length (metres) |",
        [
            f"| {town} | {'9 | 140' if town == 'Sale' else f'{4 + at % 5} | {60 + at}'} |"
            for at, town in enumerate(_TOWNS)
        ],
    ),
    suffix=".md",
)

# German

add(
    "de fact",
    "Wer war der Hafenmeister von Vellmer?",
    ["Hafenmeister von Vellmer war damals Oskar Brand."],
    "Oskar Brand",
)
add(
    "de>en answered in English",
    "What was the profession of Oskar Brand?",
    [
        Hop(
            "Oskar Brand war in Vellmer als Hafenmeister tätig.",
            fact="Oskar Brand worked as harbour master in Vellmer.",
        )
    ],
    "harbour master",
)
add(
    "en>de answered in German",
    "Welchen Beruf hatte Ida Falk?",
    [
        Hop(
            "Ida Falk worked as a bookbinder in Pellham.",
            fact="Ida Falk arbeitete als Buchbinderin in Pellham.",
        )
    ],
    "Buchbinderin",
)
add(
    "de>en figure in English",
    "How many inhabitants does Vellmer have?",
    ["Vellmer zählt 12.400 Einwohner."],
    "12,400",
)
add(
    "de years reckoned",
    "Wie viele Jahre war das Leuchtfeuer von Vellmer in Betrieb?",
    [
        Hop(
            "Das Leuchtfeuer von Vellmer brannte zum ersten Mal im Jahr 1901.",
            "1901",
            "Wann brannte das Leuchtfeuer von Vellmer zum ersten Mal?",
        ),
        Hop(
            "Im Jahr 1929 wurde das Leuchtfeuer von Vellmer gelöscht.",
            "1929",
            "Wann wurde das Leuchtfeuer von Vellmer gelöscht?",
        ),
    ],
    "28 Jahre",
    "28",
)
add(
    "de names counted",
    "Wie viele Menschen waren an Bord der Möwe?",
    ["An Bord der Möwe waren Adam, Bruns, Claas, Dörte, Enno, Frauke und Gerd."],
    "sieben",
)
add(
    "de million",
    "Was kostete das neue Dock?",
    ["Das neue Dock kostete 1.500.000 Kronen."],
    "1,5 Millionen Kronen",
    "1,5 Millionen",
)
add(
    "de why",
    "Warum wurde die obere Mühle aufgegeben?",
    ["Seit dem Bruch des Damms führte der Bach der oberen Mühle kein Wasser mehr."],
    "Ihr fehlte der Antrieb: nach dem Dammbruch lag der Bach trocken.",
    "fehlte der Antrieb",
    kind="text",
)
add(
    "de resigned",
    "Wie schied Tom Ahlers bei der Bahn aus?",
    ["Im Mai reichte Tom Ahlers bei der Bahn seine Kündigung ein."],
    "Er hat gekündigt",
    "gekündigt",
)

# French

add(
    "fr yes",
    "Le bac est-il gratuit pour les enfants ?",
    ["Les enfants de moins de douze ans ne paient rien sur le bac."],
    "Oui",
)
add(
    "fr resigned",
    "Comment Paul Armand a-t-il quitté le chemin de fer ?",
    ["En mai, Paul Armand a remis sa lettre de départ au chemin de fer."],
    "Il a démissionné",
    "démissionné",
)
add(
    "fr years reckoned",
    "Pendant combien d'années le phare de Velmer a-t-il servi ?",
    [
        Hop(
            "Le phare de Velmer fut allumé pour la première fois en 1901.",
            "1901",
            "Quand le phare de Velmer fut-il allumé ?",
        ),
        Hop(
            "En 1929, le phare de Velmer fut éteint pour toujours.",
            "1929",
            "Quand le phare de Velmer fut-il éteint ?",
        ),
    ],
    "28 ans",
    "28",
)
add(
    "fr>en answered in English",
    "What is kept in the tower of Saint-Aubin?",
    [
        Hop(
            "Dans la tour de Saint-Aubin, on garde le sel de la commune.",
            fact="The salt of the commune is kept in the tower of Saint-Aubin.",
        )
    ],
    "salt",
)
add(
    "fr why",
    "Pourquoi le marché de Velmer a-t-il changé de jour ?",
    ["Comme le train n'arrivait à Velmer que le jeudi, le marché fut déplacé à ce jour."],
    "Pour suivre l'horaire ferroviaire : les visiteurs ne pouvaient venir que ce jour-là.",
    "l'horaire ferroviaire",
    kind="text",
)
add(
    "fr number in words",
    "Combien de ponts la ville possède-t-elle ?",
    ["La ville possède le pont du Moulin, le pont de l'Abbaye et le pont du chemin de fer."],
    "Trois",
)
add(
    "fr two hops",
    "Dans quelle ville est née l'architecte du pont de Torre ?",
    [
        Hop(
            "L'architecte du pont de Torre fut Maude Ferrier.",
            "Maude Ferrier",
            "Qui fut l'architecte du pont de Torre ?",
        ),
        Hop("Maude Ferrier est née à Pelans.", "Pelans", "Dans quelle ville est née Maude Ferrier ?"),
    ],
    "Pelans",
)

# Spanish

add(
    "es yes",
    "¿Es gratis el transbordador para los niños?",
    ["Los niños menores de doce años no pagan nada en el transbordador."],
    "Sí",
)
add(
    "es half a million",
    "¿Cuántos ladrillos hizo el horno en su mejor año?",
    ["En su mejor año el horno hizo 500.000 ladrillos."],
    "medio millón",
)
add(
    "es sum",
    "¿Cuántas camas tienen juntas la sala A y la sala B?",
    [
        Hop("La sala A tiene 12 camas.", "12", "¿Cuántas camas tiene la sala A?"),
        Hop("La sala B tiene 13 camas.", "13", "¿Cuántas camas tiene la sala B?"),
    ],
    "25",
)
add(
    "es why",
    "¿Por qué abandonaron el molino alto?",
    ["Desde que se rompió la presa, el arroyo ya no llegaba al molino alto."],
    "Se quedó sin fuerza: faltaba el agua que lo movía.",
    "sin fuerza",
    kind="text",
)
add(
    "es two hops",
    "¿En qué ciudad nació la arquitecta del puente de Torre?",
    [
        Hop(
            "La arquitecta del puente de Torre fue Magda Ferrer.",
            "Magda Ferrer",
            "¿Quién fue la arquitecta del puente de Torre?",
        ),
        Hop("Magda Ferrer nació en Pelayo.", "Pelayo", "¿En qué ciudad nació Magda Ferrer?"),
    ],
    "Pelayo",
)
add(
    "es>fr answered in French",
    "Quel était le métier de Magda Ferrer ?",
    [
        Hop(
            "Magda Ferrer trabajaba de encuadernadora en Pelayo.",
            fact="Magda Ferrer était relieuse à Pelayo.",
        )
    ],
    "relieuse",
)
add(
    "es list",
    "¿Qué instrumentos toca la banda de Torre?",
    [Hop("La banda de Torre toca violines, flautas y un tambor.", "violines, flautas, tambor")],
    "violines, flautas, tambor",
    kind="list",
    items=["violines", "flautas", "tambor"],
)

# Russian

add(
    "ru fact",
    "Кто был начальником порта Вельмер?",
    ["Начальником порта Вельмер был Оскар Бранд."],
    "Оскар Бранд",
)
add("ru yes", "Бесплатен ли паром для детей?", ["Дети на пароме ничего не платят."], "Да")
add(
    "ru age",
    "Сколько лет было Иде Фальк, когда она стала мэром?",
    [
        Hop("Ида Фальк родилась в 1880 году.", "1880", "Когда родилась Ида Фальк?"),
        Hop("В 1921 году Ида Фальк стала мэром.", "1921", "Когда Ида Фальк стала мэром?"),
    ],
    "41 год",
    "41",
)
add(
    "ru two hops",
    "В каком городе родилась архитектор моста в Торре?",
    [
        Hop("Мост в Торре построила архитектор Мод Феррис.", "Мод Феррис", "Кто архитектор моста в Торре?"),
        Hop("Мод Феррис родилась в Пелхаме.", "в Пелхаме", "В каком городе родилась Мод Феррис?"),
    ],
    "Пелхам",
)
add(
    "ru>en answered in English",
    "What was the profession of Ida Falk?",
    [Hop("Ида Фальк была переплётчицей.", fact="Ida Falk was a bookbinder.")],
    "bookbinder",
)
add("ru none", "Сколько лодок погибло в июне?", ["Все девять лодок в июне вернулись домой."], "Ни одной")

# Chinese

add("zh fact", "谁是维尔米尔的港务长？", ["当时维尔米尔的港务长是布兰德。"], "布兰德")
add("zh yes", "儿童乘渡船免费吗？", ["十二岁以下的儿童乘渡船不用付钱。"], "是")
add(
    "zh years reckoned",
    "维尔米尔的灯塔用了多少年？",
    [
        Hop("维尔米尔的灯塔于1901年首次点亮。", "1901年", "维尔米尔的灯塔何时点亮？"),
        Hop("1929年，维尔米尔的灯塔永远熄灭了。", "1929年", "维尔米尔的灯塔何时熄灭？"),
    ],
    "28年",
    "28年",
)
add(
    "zh two hops",
    "托雷大桥的建筑师出生在哪座城市？",
    [
        Hop("托雷大桥的建筑师是马德。", "马德", "谁是托雷大桥的建筑师？"),
        Hop("建筑师马德出生在佩勒姆。", "佩勒姆", "马德出生在哪座城市？"),
    ],
    "佩勒姆",
)
add(
    "zh>en answered in English",
    "What grows on the north slope of the island?",
    [Hop("岛的北坡上种着茶树。", fact="Tea grows on the north slope of the island.")],
    "tea",
)
add(
    "en>zh answered in Chinese",
    "岛上的北坡种着什么？",
    [Hop("Tea is grown on the north slope of the island.", fact="岛的北坡上种着茶。")],
    "茶",
)
