"""What a sentence does to an earlier one: it repeats it, corrects it, or neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents.corrections import repeats, supersedes

BEDS = "Ward A has 12 beds."
DEPTH = "The depth of the stilling well is 6.4 metres."
KEEPER = "The keeper in 1931 was Nils Berg."
FEE = "The mooring fee for a boat in 2019 was 120 euros."
SIGNED = "The treaty was signed by Berg."

CORRECTED = [  # (old, new)
    (DEPTH, "The depth of the stilling well should read 5.9 metres, not 6.4."),
    (DEPTH, "Erratum: the depth of the stilling well is 5.9 metres."),
    (DEPTH, "The depth of the stilling well was given as 6.4 metres in error; it is 5.9 metres."),
    (BEDS, "The figure of 12 beds should read 13."),
    (BEDS, "Correction: Ward A has 13 beds."),
    (BEDS, "Ward A has 13 beds instead of 12."),
    (KEEPER, "Correction: the keeper in 1931 was Olaf Lund."),
    (KEEPER, "Erratum: the keeper in 1931 was Olaf Lund, not Nils Berg."),
    (FEE, "Corrigendum: the mooring fee for a boat in 2019 was 130 euros."),
    (FEE, "The mooring fee for a boat in 2019 was 130 euros instead of 120."),
    ("The fee is 12 euros a day.", "As amended in 1920, the fee is 13 euros a day."),
    ("The lease was signed on 5 May 1911.", "The date of the lease should read 6 May 1911, not 5 May 1911."),
    ("The mill was built in 1911.", "The mill was built in 1921; 1911 was previously stated in error."),
    ("The harbour has twelve cranes.", "Correction: the harbor has 13 cranes."),
    ("Der Turm hat 314 Stufen.", "Berichtigung: Der Turm hat 271 Stufen."),
    ("Der Turm hat 314 Stufen.", "Der Turm hat 271 statt 314 Stufen."),
    ("La tour de Tarn compte 314 marches.", "Rectificatif : la tour de Tarn compte 271 marches."),
    ("La tour de Tarn compte 314 marches.", "La tour de Tarn compte 271 marches au lieu de 314."),
    ("La torre de Tarn tiene 314 peldaños.", "Corrección: la torre de Tarn tiene 271 peldaños."),
    ("La torre di Tarn ha 314 gradini.", "Errata corrige: la torre di Tarn ha 271 gradini."),
    ("Wieża w Tarnie ma 314 schodów.", "Sprostowanie: wieża w Tarnie ma 271 schodów."),
    ("Маяк в Тарне имеет 314 ступеней.", "Исправление: маяк в Тарне имеет 271 ступеней."),
]
NOT_CORRECTED = [
    (BEDS, "Ward A has 13 beds."),  # says nothing of a correction
    (BEDS, "Correction: Ward B has 13 beds."),
    (BEDS, "The figure of 14 beds should read 15."),
    (BEDS, "The figure of 12 chairs should read 13."),
    (BEDS, "Erratum: Ward A has 13 windows."),
    ("Ward 4 has 12 beds.", "Erratum: Ward 5 has 12 beds."),
    ("Ward 4 has 12 beds.", "Erratum: Ward 5 has 13 beds."),
    (DEPTH, "Erratum: the width of the stilling well is 5.9 metres."),
    (DEPTH, "Erratum: the depth of the northern dock is 5.9 metres."),
    (DEPTH, "The depth of the stilling well was corrected."),
    (DEPTH, "The depth of the stilling well was corrected by Berg in 1920."),
    (FEE, "The mooring fee for a boat in 2020 was 130 euros instead of 125."),
    (FEE, "Correction: the mooring fee for a barge in 2019 was 130 euros."),
    (FEE, "Correction: the landing fee for a boat in 2019 was 130 euros."),
    (
        "Lot 4 was awarded to the firm at 9,000.",
        "Lot 7 was awarded to the firm at 8,000 instead of the 7,000 estimated.",
    ),
    (SIGNED, "The treaty was amended by Berg in 1920."),
    (SIGNED, "The treaty was amended by Lund."),
    (SIGNED, "The treaty signed by Berg was amended in 1920."),
    (SIGNED, "The treaty signed by Berg was withdrawn in 1920."),
    (KEEPER, "Correction: the keeper in 1932 was Olaf Lund."),
    (KEEPER, "Correction: the captain in 1931 was Olaf Lund."),
    (KEEPER, "Nils Berg was the keeper in 1931, as corrected in print."),
    ("The lease was signed on 5 May 1911.", "The date of the treaty should read 6 May 1911, not 5 May 1911."),
    ("The mill was built in 1911.", "Erratum: the mill was sold in 1921."),
    ("The mill made 500 tons in 1911.", "Correction: the mill made 600 tons in 1912."),
    ("The minimum fee is 12 euros.", "Correction: the maximum fee is 13 euros."),
    ("The first edition has 12 maps.", "Erratum: the second edition has 13 maps."),
    ("The report was withdrawn in 1911.", "The boat was withdrawn in 1912."),
    ("Der Turm hat 314 Stufen.", "Berichtigung: Der Hafen hat 271 Stufen."),
    ("Der Turm hat 314 Stufen.", "Statt des Turms wurde 1911 ein Hafen gebaut."),
    ("La tour de Tarn compte 314 marches.", "Rectificatif : le phare de Tarn compte 271 marches."),
    ("Маяк в Тарне имеет 314 ступеней.", "Исправление: порт в Тарне имеет 271 ступеней."),
]
REPEATED = [
    (DEPTH, "The depth of the stilling well is 6.4 metres"),
    (DEPTH, "The depth of the stilling well is 6.40 metres."),
    ("The fund holds 1,500,000 euros in Tarn.", "The fund holds 1.5 million euros in Tarn."),
    ("The mill of Tarn was opened on 5 March 1911.", "The mill of Tarn was opened on March 5, 1911."),
    ("The ship carried twelve men to Tarn.", "The ship carried 12 men to Tarn."),
    ("The harbour of Tarn was closed.", "The harbor of Tarn was closed."),
    ("Der Turm hat 314 Stufen.", "Der Turm hat 314 Stufen"),
]
NOT_REPEATED = [
    ("The mast is 11 metres high.", "The mast is 12 metres high."),
    (BEDS, "Ward B has 12 beds."),
    (
        "The patient is allergic to penicillin and may be given it.",
        "The patient is not allergic to penicillin and may be given it.",
    ),
    (
        "The head of the north office of the company is Peter Holm.",
        "The head of the south office of the company is Peter Holm.",
    ),
    (
        "The old vessel was commanded by Captain John Berg of Tarn.",
        "The old vessel was commanded by Captain Joan Borg of Tarn.",
    ),
    ("The city has 1.5 million people.", "The city has 1,512,300 people."),
    ("The mill was opened in 1911.", "The mill was opened on 5 March 1911."),
    ("Berg paid 12 crowns to Lund.", "Lund paid 12 crowns to Berg."),
    ("Die Hunde sind hier nicht erlaubt.", "Die Hunde sind hier erlaubt."),
]


@pytest.mark.parametrize(("old", "new"), CORRECTED)
def test_a_correction_supersedes_what_it_is_about(old: str, new: str) -> None:
    assert supersedes(new, old)
    assert not supersedes(new, old, stated=False)
    assert not repeats(new, old)


@pytest.mark.parametrize(("old", "new"), NOT_CORRECTED)
def test_what_is_about_something_else_supersedes_nothing(old: str, new: str) -> None:
    assert not supersedes(new, old)


def test_a_model_may_say_that_a_sentence_corrects() -> None:
    new = "Afdeling A heeft 13 bedden, anders dan gemeld."
    assert supersedes(new, "Afdeling A heeft 12 bedden.", stated=True)
    assert not supersedes(new, "Afdeling B heeft 12 bedden.", stated=True)


@pytest.mark.parametrize(("one", "other"), REPEATED)
def test_a_repetition(one: str, other: str) -> None:
    assert repeats(one, other) and repeats(other, one)
    assert not supersedes(other, one, stated=True)


@pytest.mark.parametrize(("one", "other"), NOT_REPEATED)
def test_what_looks_alike_is_no_repetition(one: str, other: str) -> None:
    assert not repeats(one, other) and not repeats(other, one)


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(CORRECTED + NOT_CORRECTED))
def test_a_sentence_repeats_itself_and_supersedes_nothing_that_it_repeats(
    one: str, other: str, pair: tuple[str, str]
) -> None:
    assert repeats(one, other) == repeats(other, one)
    for text in (one, *pair):
        assert not supersedes(text, text, stated=True)
        assert repeats(text, text) or not text.strip()
