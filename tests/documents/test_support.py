"""What a claim's label says: verbatim, supported, or inferred, in several languages."""

import pytest

from lcagent.documents.support import support

KEEPER = "Oskar Brandvold kept the light on Skarv from 1901 until he resigned in March 1929."
BEDS = "Ward A has 12 beds, and the trustees paid £1,500,000 for the new wing."
LAMP = "The lamp was not lit on 5 March 1911."
DE = "Der alte Leuchtturm wurde am 5. März 1911 von Ida Brandvold eröffnet und kostete 1,5 Millionen Kronen."
FR = "Le vieux phare fut inauguré le 5 mars 1911 par Ida Brandvold et coûta 1,5 million de couronnes."
ES = "El viejo faro fue inaugurado el 5 de marzo de 1911 por Ida Brandvold y mide 21 metros."
IT = "Il vecchio faro fu inaugurato il 5 marzo 1911 da Ida Brandvold ed è alto ventuno metri."
PL = "Stara latarnia morska została otwarta 5 marca 1911 roku i ma dwadzieścia pięć metrów."
RU = "Старый маяк был открыт 5 марта 1911 года, его высота двадцать пять метров."
ZH = "旧灯塔于1911年3月5日由布兰德沃尔德启用，高二十五米。"
JA = "古い灯台は1911年3月5日に開かれた。"

CASES = [
    ("Oskar Brandvold", KEEPER, "verbatim"),
    ("kept the light on Skarv", KEEPER, "verbatim"),
    ("1901", KEEPER, "verbatim"),
    ("12", BEDS, "verbatim"),
    ("12 beds.", BEDS, "verbatim"),
    ("ward a", BEDS, "verbatim"),
    ("Oskar Brandvold kept the light on Skarv until 1929", KEEPER, "supported"),
    ("Brandvold kept the Skarv light", KEEPER, "supported"),
    ("1.5 million", BEDS, "supported"),
    ("£1.5 million", BEDS, "supported"),
    ("The trustees paid 1.5 million pounds", BEDS, "supported"),
    ("a dozen beds", BEDS, "supported"),
    ("Twelve", BEDS, "supported"),
    ("12 beds in Ward A", BEDS, "supported"),
    ("1929-03", KEEPER, "inferred"),
    ("Mar 1929", KEEPER, "supported"),
    ("The lamp was not lit in March 1911", LAMP, "supported"),
    ("March 5, 1911", LAMP, "supported"),
    ("1911-03-05", LAMP, "supported"),
    ("The lamp was lit on March 5, 1911", LAMP, "inferred"),
    ("28 years", KEEPER, "inferred"),
    ("Brandvold handed in his notice", KEEPER, "inferred"),
    ("Ida Brandvold kept the light on Skarv", KEEPER, "inferred"),
    ("Oskar Brandvold kept the light from 1902", KEEPER, "inferred"),
    ("Ward A has 13 beds", BEDS, "inferred"),
    ("Ward B has 12 beds", BEDS, "inferred"),
    ("12 miles", "The road is 12 km long.", "inferred"),
    ("2", "The code is 12.", "inferred"),
    ("7.5 miles", "The road is 12 km long.", "supported"),
    ("5 pm", "The meeting began at 17:00.", "supported"),
    ("in the 1910s", LAMP, "supported"),
    ("1912", LAMP, "inferred"),
    ("Der Turm wurde 1911 eröffnet", KEEPER, "inferred"),
    ("Yes", "Yes, the lamp was lit.", "inferred"),
    ("no", "No one came.", "inferred"),
    ("Yes.", KEEPER, "inferred"),
    ("Ja", DE, "inferred"),
    ("nein", DE, "inferred"),
    ("Oui", FR, "inferred"),
    ("Sí", ES, "inferred"),
    ("да", RU, "inferred"),
    ("Нет.", RU, "inferred"),
    ("是", ZH, "inferred"),
    ("はい。", JA, "inferred"),
    ("Tak", PL, "inferred"),
    ("von Ida Brandvold", DE, "verbatim"),
    ("5. März 1911", DE, "verbatim"),
    ("05.03.1911", DE, "supported"),
    ("1.500.000 Kronen", DE, "supported"),
    ("Der Leuchtturm wurde 1911 von Ida Brandvold eröffnet", DE, "supported"),
    ("Der Leuchtturm wurde 1912 von Ida Brandvold eröffnet", DE, "inferred"),
    ("Der Leuchtturm wurde von Oskar Brandvold eröffnet", DE, "inferred"),
    ("Der Leuchtturm wurde nicht von Ida Brandvold eröffnet", DE, "inferred"),
    ("The lighthouse was opened by Ida Brandvold", DE, "inferred"),
    ("March 1911", DE, "supported"),
    ("par Ida Brandvold", FR, "verbatim"),
    ("Le phare fut inauguré en 1911 par Ida Brandvold", FR, "supported"),
    ("le phare fut détruit par le feu", FR, "inferred"),
    ("1 500 000 couronnes", FR, "supported"),
    ("The lighthouse cost 1.5 million crowns", FR, "inferred"),
    ("veintiuno metros", ES, "supported"),
    ("El faro fue inaugurado en marzo de 1911", ES, "supported"),
    ("El faro mide 22 metros", ES, "inferred"),
    ("21 metri", IT, "supported"),
    ("Il faro è alto 21 metri", IT, "supported"),
    ("Il faro è alto 22 metri", IT, "inferred"),
    ("25 metrów", PL, "supported"),
    ("5.03.1911", PL, "supported"),
    ("25 метров", RU, "supported"),
    ("маяк открыт в 1911 году", RU, "inferred"),
    ("Маяк был открыт в марте 1911", RU, "supported"),
    ("Маяк был открыт в марте 1912", RU, "inferred"),
    ("1911年3月", ZH, "verbatim"),
    ("25米", ZH, "supported"),
    ("旧灯塔", ZH, "verbatim"),
    ("March 5, 1911", JA, "supported"),
    ("", KEEPER, "inferred"),
    ("…", KEEPER, "inferred"),
]


@pytest.mark.parametrize(("claim", "sentence", "label"), CASES)
def test_the_label_of_a_claim(claim: str, sentence: str, label: str) -> None:
    assert support(claim, [sentence]) == label


def test_a_claim_may_rest_on_several_sentences() -> None:
    sentences = ["Oskar Brandvold kept the light.", "He was born in 1883.", "The light stands on Skarv."]
    assert support("Oskar Brandvold, born 1883, kept the light on Skarv", sentences) == "supported"
    assert support("kept the light. He was born", sentences) == "verbatim"
    assert support("Oskar Brandvold, born 1884, kept the light on Skarv", sentences) == "inferred"


def test_nothing_rests_on_no_sentence() -> None:
    assert support("Oskar Brandvold", []) == "inferred"


def test_a_denial_elsewhere_does_not_spoil_a_claim() -> None:
    sentences = ["Ida did not marry.", "Oskar kept the old light on Skarv."]
    assert support("Oskar kept the Skarv light", sentences) == "supported"
