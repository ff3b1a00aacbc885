"""What a claim reckons is reckoned again: right ones are proved, wrong ones told, the rest is left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.documents.reckoning import reckon
from tests.helpers import examples

BORN, DIED = "Oskar Brandvold was born in 1901.", "He died in 1929."
KEEPERS = "The keepers were Oskar, Ida, Lars, Nils, Per, Ola and Kari."
WARDS = ["Ward A has 12 beds.", "Ward B has 13 beds."]
RIGHT = [
    ("28 years", [BORN, DIED], "How old was he?", "age"),
    ("28", [BORN, DIED], "How old was he when he died?", "age"),
    ("27 years", [BORN, DIED], "How old was he?", "age"),
    ("28 years old", [BORN], "How old was Oskar in 1929?", "age"),
    ("27", ["Born on 5 March 1901.", "Died on 4 March 1929."], "What age was he?", "age"),
    ("28 Jahre", ["Er wurde 1901 geboren.", "Er starb 1929."], "Wie alt wurde er?", "age"),
    ("28 ans", ["Il est né en 1901.", "Il est mort en 1929."], "Quel âge avait-il ?", "age"),
    ("28 años", ["Nació en 1901.", "Murió en 1929."], "¿Qué edad tenía?", "age"),
    ("28 лет", ["Он родился в 1901 году.", "Он умер в 1929 году."], "Сколько лет ему было?", "duration"),
    ("28岁", ["他生于1901年。", "他死于1929年。"], "他几岁？", "age"),
    (
        "He kept it for 28 years, from 1901 to 1929",
        ["From 1901 he kept it.", "In 1929 he left."],
        "",
        "duration",
    ),
    ("18", ["He served from 1901 to 1929."], "How many years did he serve after 1911?", "duration"),
    ("two weeks", ["It began on 1 March 1911.", "It ended on 15 March 1911."], "", "duration"),
    ("fourteen days", ["It began on 1 March 1911 and ended on 15 March 1911."], "", "duration"),
    ("three months", ["It began in March 1911 and ended in June 1911."], "", "duration"),
    ("8.5 hours", ["It is open from 9:00 to 17:30."], "", "duration"),
    ("7", [KEEPERS], "How many keepers were there?", "count"),
    ("Seven keepers", [KEEPERS], "", "count"),
    ("Three", ["They sold apples, pears and plums."], "How many kinds of fruit?", "count"),
    ("four", ["- apples\n- pears\n- plums\n- figs"], "How many?", "count"),
    ("Drei", ["Die Wächter waren Oskar, Ida und Lars."], "Wie viele Wächter?", "count"),
    ("trois", ["Les gardiens étaient Oskar, Ida et Lars."], "Combien de gardiens ?", "count"),
    ("3", ["田中、鈴木、佐藤が来た。"], "何人", "count"),
    ("2", ["Oskar kept the light in spring.", "Ida kept it in autumn."], "How many keepers?", "count"),
    ("1.5 million", ["The wing cost 1,500,000 crowns."], "", "same"),
    ("half a million", ["The wing cost 500,000 crowns."], "", "same"),
    ("about 1.5 million", ["The wing cost 1,512,300 crowns."], "", "same"),
    ("5 km", ["The road is 3.1 miles long."], "How many km?", "same"),
    ("5 pm", ["The meeting is at 17:00."], "", "same"),
    ("The following year", ["The mill burned in 1911.", "It was rebuilt in 1912."], "When?", "date"),
    ("Im folgenden Jahr", ["Die Mühle brannte 1911.", "Sie wurde 1912 gebaut."], "Wann?", "date"),
    ("1912", ["The mill burned in 1911 and was rebuilt the following year."], "When?", "date"),
    ("1912", ["Die Mühle brannte 1911 und wurde im Jahr darauf gebaut."], "Wann?", "date"),
    ("1912", ["Le moulin brûla en 1911 et fut rebâti l'année suivante."], "Quand ?", "date"),
    ("7 May 2023", ["[8 May 2023] I went to the group yesterday."], "When did she go?", "date"),
    ("April 2023", ["[May 2023] I went there last month."], "When did she go?", "date"),
    ("2022", ["[8 May 2023] I painted it last year."], "When did she paint it?", "date"),
    ("19 February 1911", ["It came two weeks before 5 March 1911."], "When?", "date"),
    ("24 April 2023", ["[8 May 2023] Ich war vor zwei Wochen in der Stadt."], "Wann?", "date"),
    ("7 July 2023", ["[12 July 2023] I saw her last Friday."], "When did she see her?", "date"),
    ("14 July 2023", ["[12 July 2023] We meet next Friday."], "When do they meet?", "date"),
    ("The Friday before 12 July 2023", ["12 July 2023", "I saw her last Friday."], "When?", "date"),
    ("The week before 9 June 2023", ["9 June, 2023", "I spoke there last week."], "When?", "date"),
    ("1929", [BORN, "He died aged 28."], "When did he die?", "date"),
    ("25 beds", WARDS, "How many beds in total?", "sum"),
    ("25", WARDS, "", "sum"),
    ("1.3 km", ["The path is 300 m long.", "The road is 1 km long."], "", "sum"),
    (
        "250 crowns",
        ["A paid 100 crowns.", "B paid 150 crowns.", "C paid 30."],
        "What did A and B pay?",
        "sum",
    ),
    ("$0.5 million", ["It rose from $1.5 million to $2 million."], "By how much?", "difference"),
    ("12.5", WARDS, "What is the average?", "average"),
    ("300 m", ["A is 200 m tall.", "B is 300 m."], "How tall is the highest?", "extreme"),
    ("3:1", ["12 men voted for it.", "4 voted against."], "What was the ratio?", "ratio"),
    ("three times as many", ["12 men voted for it.", "4 voted against."], "", "ratio"),
    ("twice as many", ["12 men voted for it.", "6 voted against."], "", "ratio"),
    ("25 %", ["12 of the 48 men voted for it."], "", "percentage"),
    ("a rise of 33 %", ["It rose from $1.5 million to $2 million."], "", "percentage"),
    ("12 men", ["25 % of the men came.", "There were 48 men."], "", "percentage"),
    ("36 eggs", ["He filled 3 boxes of 12 eggs."], "", "product"),
]
WRONG = [
    ("25 years", [BORN, DIED], "How old was he?", "28"),
    ("28 years", [BORN, "He died in 1931."], "How old was he?", "30"),
    ("28", ["Born on 5 March 1901.", "Died on 4 March 1929."], "What age was he?", "27"),
    ("25 Jahre", ["Er wurde 1901 geboren.", "Er starb 1929."], "Wie alt wurde er?", "28"),
    ("20 years", ["He kept it from 1901 to 1929."], "How long did he keep it?", "27 to 29"),
    ("26 beds", WARDS, "How many beds are there in total?", "25"),
    ("26 Betten", ["Haus A hat 12 Betten.", "Haus B hat 13 Betten."], "Wie viele insgesamt?", "25"),
    ("14", WARDS, "What is the average?", "12.5"),
    ("6", [KEEPERS], "How many keepers were there?", "7"),
    ("6 May 2023", ["[8 May 2023] I went to the group yesterday."], "When did she go?", "2023-05-07"),
    ("200 m", ["A is 200 m tall.", "B is 300 m."], "How tall is the highest?", "300 m"),
]
LEFT_ALONE = [
    ("Oui", [BORN], "Est-il né en 1901 ?"),
    ("", [], ""),
    ("5", [], "How many?"),
    ("1901", [BORN, DIED], "When was he born?"),
    ("He handed in his notice", ["He resigned in 1929."], "Why did he go?"),
    ("40", [BORN, DIED], "How many letters did he write?"),
    ("40 years", [BORN, DIED, "He married in 1920."], "How old was he?"),
    ("40 years", [BORN, "He died 3 years after the war, in 1929."], "How long was the war?"),
    ("30 beds", [*WARDS, "The attic has beds too."], "How many beds in total?"),
    ("31 beds", ["Ward A has 12 beds, of them 5 in use.", "Ward B has 13."], "How many beds in total?"),
    ("9", ["Oskar, Ida and Lars came from Skarv, and Per and Ola from Vell."], "How many came?"),
    (
        "280,000",
        ["Bergen, the largest port, has 280,000.", "Oslo has 700,000."],
        "How many has the largest port?",
    ),
    ("3 and 40", WARDS, "How many?"),
]


@pytest.mark.parametrize(("claim", "premises", "question", "kind"), RIGHT)
def test_a_right_one_is_proved(claim: str, premises: list[str], question: str, kind: str) -> None:
    found = reckon(claim, premises, question)
    assert found is not None and found.right, found
    assert found.kind == kind, found
    assert found.premises and set(found.premises) <= set(range(len(premises)))


@pytest.mark.parametrize(("claim", "premises", "question", "expected"), WRONG)
def test_a_wrong_one_is_told(claim: str, premises: list[str], question: str, expected: str) -> None:
    found = reckon(claim, premises, question)
    assert found is not None and not found.right, found
    assert expected in found.expected
    assert found.told.startswith("reckoned again: ") and found.told.endswith(
        f"the answer says {claim.split(' beds')[0].split(' Betten')[0]}"
    )


@pytest.mark.parametrize(("claim", "premises", "question"), LEFT_ALONE)
def test_where_in_doubt_there_is_none(claim: str, premises: list[str], question: str) -> None:
    assert reckon(claim, premises, question) is None


def test_the_reckoning_is_told() -> None:
    found = reckon("25 years", [BORN, DIED], "How old was he?")
    assert found and found.told == "reckoned again: 1929 − 1901 is 28, the answer says 25 years"
    assert found.premises == (0, 1)


@settings(deadline=None, max_examples=examples(60))
@given(st.lists(st.integers(2, 900), min_size=2, max_size=5))
def test_a_sum_is_never_called_wrong(parts: list[int]) -> None:
    premises = [f"Ward {chr(65 + n)} has {part} beds." for n, part in enumerate(parts)]
    found = reckon(f"{sum(parts)} beds", premises, "How many beds are there in total?")
    assert found is None or found.right


@settings(deadline=None, max_examples=examples(60))
@given(st.text(max_size=30), st.lists(st.text(max_size=40), max_size=3), st.text(max_size=20))
def test_anything_can_be_reckoned(claim: str, premises: list[str], question: str) -> None:
    reckon(claim, premises, question)
