"""Two sentences that cannot both hold are a contradiction; two that look so are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents.conflicts import contradict, rival
from tests.helpers import prose

CONTRADICTIONS = [
    ("Quay A is 120 metres long.", "Quay A is 95 metres long."),
    ("The Vik contract was signed on 03.04.2021.", "The Vik contract was signed on 04.04.2021."),
    ("The keeper of Va\u030agen was Nils Berg.", "The keeper of Vågen was Olaf Lund."),
    ("The rent in Vik is ١٢٠ crowns a month.", "The rent in Vik is 150 crowns a month."),
    ("The tower of Vellmere has 314 steps.", "There are 271 steps in the tower of Vellmere."),
    ("On 2 May 1911 Vellmere signed the lease.", "Vellmere signed the lease on 9 June 1912."),
    ("The keeper in 1931 was Nils Berg.", "The keeper in 1931 was Olaf Lund."),
    ("Ward A has 12 beds.", "Ward A has 13 beds."),
    ("The mill of Tarn was built in 1911.", "The mill of Tarn was built in 1921."),
    ("The mill of Tarn was opened on 5 March 1911.", "The mill of Tarn was opened on May 5, 1911."),
    (
        "The grey bridge at Tarn was opened on 5 March 1911.",
        "On 6 April 1912 the grey bridge at Tarn was opened.",
    ),
    ("The Harbour Trust keeps 120 crates at Tarn.", "At Tarn the Harbor Trust keeps 150 crates."),
    ("The depth of the stilling well is 6.4 metres.", "The depth of the stilling well is 5.9 meters."),
    (
        "The mooring fee for a boat in 2019 was 120 euros.",
        "In 2019 the mooring fee for a boat was 130 euros.",
    ),
    ("The council signed the treaty.", "The council did not sign the treaty."),
    ("Dogs are allowed on the northern pier.", "Dogs are not allowed on the northern pier."),
    ("The patient is allergic to penicillin.", "The patient is not allergic to penicillin."),
    ("All members of the board signed the letter.", "Not all members of the board signed the letter."),
    ("The ship carried twelve passengers to Tarn.", "The ship carried 21 passengers to Tarn."),
    ("Revenue of Tarn in 2019 was 1.5 million euros.", "Revenue of Tarn in 2019 was 2,300,000 euros."),
    ("The capital of Vellmere is Tarnvik.", "The capital of Vellmere is Oslo."),
    ("12 men died in the fire of Vellmere.", "15 men died in the fire of Vellmere."),
    ("The trust paid $1,200 for the boat.", "The trust paid $1,400 for the boat."),
    (
        "The lease of Tarn was signed by Vellmere on 2 May 1911.",
        "Vellmere signed the lease of Tarn on 3 May 1911.",
    ),
    ("Der Turm von Tarn hat 314 Stufen.", "Der Turm von Tarn hat 271 Stufen."),
    ("Der Turm von Tarn wurde 1911 gebaut.", "Der Turm von Tarn wurde 1921 gebaut."),
    ("Hunde sind am Nordufer erlaubt.", "Hunde sind am Nordufer nicht erlaubt."),
    ("Das Haus am Markt hat einen Keller.", "Das Haus am Markt hat keinen Keller."),
    ("La tour de Tarn compte 314 marches.", "La tour de Tarn compte 271 marches."),
    ("Le conseil a signé le traité.", "Le conseil n'a pas signé le traité."),
    ("El faro de Tarn fue construido en 1911.", "El faro de Tarn fue construido en 1921."),
    ("El director del puerto de Tarn era Juan Ruiz.", "El director del puerto de Tarn era Pedro Gómez."),
    ("Il ponte di Tarn ha 12 archi.", "Il ponte di Tarn ha 14 archi."),
    ("Wieża w Tarnie ma 314 schodów.", "Wieża w Tarnie ma 271 schodów."),
    ("Маяк города Тарн построен в 1911 году.", "Маяк города Тарн построен в 1921 году."),
    ("Совет города подписал договор.", "Совет города не подписал договор."),
    ("塔尔恩的灯塔有314级台阶。", "塔尔恩的灯塔有271级台阶。"),
    ("委员会签署了条约。", "委员会没有签署条约。"),
]
LOOK_ALIKES = [
    (
        "Anna earned 4,100 crowns in the summer of that year.",
        "Arne earned 3,900 crowns in the summer of that year.",
    ),
    ("Dogs are allowed on deck 1.", "Dogs are not allowed on deck 2."),
    ("1号甲板允许带狗。", "2号甲板不允许带狗。"),
    ("甲码头长一百二十米，水深9米。", "乙码头长一百二十米，水深7米。"),
    ("東の塔の高さは40メートルです。", "西の塔の高さは35メートルです。"),
    ("Das Boot A trägt 40 Mann und einen Hund.", "Das Boot B trägt 35 Mann und einen Hund."),
    ("Henry VI reigned for 40 years in all of England.", "Henry VII reigned for 24 years in all of England."),
    ("I won 40 medals in the summer games.", "II won 35 medals in the summer games."),
    ("4.1 Notice ........ 12", "4.2 Notice ........ 15"),
    ("B,07:30", "C,09:00"),
    ("The Vik contract was signed on 03/04/2021.", "The Vik contract was signed on 04/03/2021."),
    ("The Vik contract was signed on 03/04/2021.", "The Vik contract was signed on 3 April 2021."),
    ("The rent in Vik is 1.234 crowns a month.", "The rent in Vik is 1234 crowns a month."),
    ("The rent in Vik is 1\u202f234 crowns a month.", "The rent in Vik is 1'234 crowns a month."),
    ("The rent in Vik is ١٢٠٠ crowns a month.", "The rent in Vik is 1200 crowns a month."),
    ("The fleet of Vik counted 450¹ boats in 1931.", "The fleet of Vik counted 450 boats in 1931."),
    ("The fleet of Vik counted 450[1] boats in 1931.", "The fleet of Vik counted 450 boats in 1931."),
    ("The office of Vik closes at 5:30.", "The office of Vik closes at 17:30."),
    ("The film was released on 15 July 1947.", "The film was released on 6 March 1942."),  # which film?
    ("The album was sold 1,200 times in Tarn.", "The album was sold 1,500 times in Tarn."),
    (
        "The population of the city was 343 at the 2000 census.",
        "The population of the city was 361 at the 2010 census.",
    ),
    (
        "As of the 2010 census, the city population was 185.",
        "As of the 2010 census, the city population was 27,340.",
    ),
    ("The capital and largest city is Harare.", "The capital and largest city is Bangkok."),
    (
        "Although it is small, it has the ZIP code of 84310.",
        "Although it is small, it has the ZIP code of 96774.",
    ),
    ("Ward A has 12 beds.", "Ward B has 13 beds."),
    ("Ward 4 has 12 beds.", "Ward 5 has 12 beds."),
    ("Lot 4 was awarded to the firm.", "Lot 7 was awarded to the firm."),
    ("Lot 4 was sold for 9,000 crowns.", "Lot 7 was sold for 8,000 crowns."),
    ("The first edition has 12 maps.", "The second edition has 13 maps."),
    ("The 1st edition has 12 maps.", "The 2nd edition has 13 maps."),
    ("The 88th tower of Vellmere had 314 steps.", "The 87th tower of Vellmere had 271 steps."),
    ("Die 1. Auflage hat 12 Karten.", "Die 2. Auflage hat 13 Karten."),
    ("In June the mill made 500 tons.", "In July the mill made 600 tons."),
    ("The rainfall in June 1911 was 80 mm.", "The rainfall in July 1911 was 90 mm."),
    ("The minimum depth is 6 metres.", "The maximum depth is 9 metres."),
    ("The east gate has 12 bars.", "The west gate has 13 bars."),
    ("The east gate is open.", "The west gate is open."),
    ("Dogs are allowed on the pier.", "Cats are not allowed on the pier."),
    ("Dogs are allowed on the northern pier.", "Dogs are not allowed on the southern pier."),
    ("The old hall has 120 seats.", "The new hall has 150 seats."),
    ("The trust planned 12 houses.", "The trust built 13 houses."),
    ("The planned length is 12 km.", "The actual length is 13 km."),
    ("The budget of the ferry was 12 million.", "The cost of the ferry was 15 million."),
    ("Revenue in 2019 was 120 million.", "Revenue in 2020 was 130 million."),
    ("In 1990 the tower of Vellmere had 314 steps.", "The tower of Vellmere had 271 steps in 1950."),
    ("The mill made 500 tons in 1911.", "The mill made 500 tons in 1912."),
    ("The keeper in 1931 was Nils Berg.", "The keeper in 1932 was Olaf Lund."),
    ("The keeper in 1931 was Nils Berg.", "The keeper in 1932 was Nils Berg."),
    ("The keeper in 1931 was Nils Berg.", "The keeper in 1931 was Captain Berg."),
    ("The keeper in 1931 was Nils Berg.", "The keeper in 1931 was Niels Bergh."),
    ("About 1.5 million people live in Tarn.", "1,512,300 people live in Tarn."),
    ("The city has 1.5 million people.", "The city has 1,512,300 people."),
    ("The city has 1.5 million people.", "The city has 1,500,000 people."),
    ("The rate was 12 % in Tarn.", "The rate was 12.3 % in Tarn."),
    ("The boat is about 12 metres long.", "The boat is about 13 metres long."),
    ("The hall holds at least 120 people.", "The hall holds at least 150 people."),
    ("The hall holds up to 120 people.", "The hall holds up to 150 people."),
    ("The ferry takes 10-20 cars to Tarn.", "The ferry takes 15 cars to Tarn."),
    ("Between 10 and 20 men were there.", "Between 12 and 20 men were there."),
    ("The loss was estimated at 12 million.", "The loss was estimated at 13 million."),
    ("The road to Tarn is 12 km long.", "The road to Tarn is 7.5 miles long."),
    ("The ward has 12 beds and 3 stoves.", "The ward has 3 beds and 12 stoves."),
    ("The hall has 12 doors.", "The hall has 20 windows."),
    ("The boat costs 12 euros per adult.", "The boat costs 6 euros per child."),
    ("The mill was opened on 5 March 1911.", "The mill was opened on March 5, 1911."),
    ("The mill was opened in March 1911.", "The mill was opened on 5 March 1911."),
    ("The mill was opened in 1911.", "The mill was opened on 5 March 1911."),
    ("The ship carried twelve men to Tarn.", "The ship carried 12 men to Tarn."),
    ("Has the ward 12 beds?", "The ward has 13 beds."),
    ("Does the ward of Tarn have 12 beds?", "Does the ward of Tarn have 13 beds?"),
    ("The ward of Tarn has 12 beds.", "Erratum: the ward of Tarn has 13 beds."),
    ("The figure of 12 beds should read 13.", "The figure of 12 beds should read 14."),
    ("| Tarn | 12 |", "| Vellmere | 13 |"),
    ("Nils Berg was born in 1901.", "Olaf Lund was born in 1902."),
    ("Nils Berg was born in 1901.", "Olaf Lund was born in 1901."),
    ("Berg paid 12 crowns to Lund.", "Lund paid 13 crowns to Berg."),
    ("Tarn beat Vellmere by 3 goals.", "Vellmere beat Tarn by 2 goals."),
    ("He was Nils Berg.", "He was Olaf Lund."),
    ("It has 12 beds in it.", "It has 13 beds in it."),
    ("My father was born in 1911.", "My father was born in 1921."),
    ("If the ward has 12 beds, it is full.", "If the ward has 13 beds, it is full."),
    ("A neighbour of Norway is Sweden.", "A neighbour of Norway is Finland."),
    ("The fee rose to 12 euros in Tarn.", "The fee rose to 13 euros in Tarn."),
    ("The fee in Tarn is 12 euros.", "The fee in Tarn was 13 euros."),
    ("Another 12 men came to Tarn.", "Another 13 men came to Tarn."),
    ("12 beds.", "13 beds."),
    ("The author was English.", "The author was Catholic."),
    ("Room 12 is closed in winter.", "Room 13 is closed in winter."),
    ("The meeting of the board is stated in Article 5.", "The meeting of the board is stated in Article 6."),
    ("Die Nordhalle hat 12 Tore.", "Die Südhalle hat 13 Tore."),
    ("Im Juni fielen 80 mm Regen.", "Im Juli fielen 90 mm Regen."),
    ("Das Zimmer 12 ist im Winter zu.", "Das Zimmer 13 ist im Winter zu."),
    ("Der Turm ist mindestens 12 Meter hoch.", "Der Turm ist mindestens 13 Meter hoch."),
    ("Hunde sind erlaubt.", "Katzen sind nicht erlaubt."),
    ("La salle 12 est fermée en hiver.", "La salle 13 est fermée en hiver."),
    ("En 2019 la tasa fue de 12 euros.", "En 2020 la tasa fue de 13 euros."),
    ("Юный Берг имел 12 лодок.", "Старый Берг имел 13 лодок."),
    ("В 1911 году здесь жили 12 семей.", "В 1912 году здесь жили 13 семей."),
    ("东区有12张床。", "西区有13张床。"),
    ("The price of the boat is €12.", "The price of the boat is $12."),
    ("The revenue of Tarn is 1.234,50 euros.", "The revenue of Tarn is 1,234.50 euros."),
    ("The train to Tarn leaves at 9:00 on weekdays.", "The train to Tarn leaves at 9:30 on Sundays."),
    ("The council met on 5 March 1911.", "The council met on 6 March 1911."),
    ("The fair was held in 1911.", "The fair was held in 1912."),
    ("The harvest of 1911 was 500 tons.", "The harvest of 1912 was 600 tons."),
    ("Page 12 describes the mill.", "Page 13 describes the mill."),
    ("The train leaves at 9:00.", "The train leaves at 9:30."),
    ("The first prize was 100 euros.", "The second prize was 50 euros."),
    ("The temperature on Monday was 12 degrees.", "The temperature on Tuesday was 13 degrees."),
    ("The temperature in the morning was 12 degrees.", "The temperature in the evening was 13 degrees."),
    ("The temperature was 12 degrees.", "The temperature was 13 degrees."),
    ("Berg scored 12 goals in the cup.", "Berg scored 13 goals in the league."),
    ("Revenue: 12 million", "Revenue: 13 million"),
    ("Chapter 3 has 12 pages.", "Chapter 4 has 13 pages."),
    ("See section 4 for the fee.", "See section 5 for the fee."),
    ("The winner of the race was Nils Berg.", "The winner of the regatta was Olaf Lund."),
    ("One keeper was Nils Berg.", "One keeper was Olaf Lund."),
    ("The keepers were Nils Berg.", "The keepers were Olaf Lund."),
    ("The brothers are Nils Berg.", "Two members of it were Olaf Lund."),
    ("Among them was Nils Berg.", "Among them was Olaf Lund."),
    ("Present was Nils Berg.", "Present was Olaf Lund."),
    ("With him was Nils Berg.", "With him was Olaf Lund."),
    ("In 1911 Berg sold 12 boats.", "In 1911 Berg sold 13 boats to Lund."),
    ("Berg was mayor from 1911 to 1915.", "Berg was mayor from 1920 to 1925."),
    ("Berg was mayor in 1911.", "Berg was mayor in 1912."),
    ("Berg was in Tarn in 1911.", "Berg was in Tarn in 1912."),
    ("The ship was in the dock in May 1911.", "The ship was in the dock in June 1911."),
    ("On day 1 the ship made 120 miles.", "On day 2 the ship made 130 miles."),
    ("Day 1: the ship made 120 miles.", "Day 2: the ship made 130 miles."),
    ("The version 2.1 of the tool needs 12 GB.", "The version 2.2 of the tool needs 16 GB."),
    ("A ticket costs 12 euros.", "A ticket costs 13 euros."),
    ("A boat was sold in 1911.", "A boat was sold in 1912."),
    ("The station was closed in 1911.", "The station was closed in 1950."),
    ("Step 1 takes 5 minutes.", "Step 2 takes 6 minutes."),
    ("Le 5 mars 1911 le conseil se réunit.", "Le 6 mars 1911 le conseil se réunit."),
    ("Am 5. März 1911 tagte der Rat.", "Am 6. März 1911 tagte der Rat."),
    ("Zimmer 12 hat 2 Betten.", "Zimmer 13 hat 3 Betten."),
    ("W 1911 roku mieszkało tu 12 rodzin.", "W 1912 roku mieszkało tu 13 rodzin."),
    ("Wydanie pierwsze ma 12 map.", "Wydanie drugie ma 13 map."),
    ("第一版有12张地图。", "第二版有13张地图。"),
    ("1911年有12张床。", "1912年有13张床。"),
    ("最大深度为12米。", "最小深度为9米。"),
    ("القاعة الشرقية فيها 12 بابا.", "القاعة الغربية فيها 13 بابا."),
    ("Nobody signed the treaty.", "Nobody signed the lease."),
    ("The board did not meet in June.", "The board met in July."),
    ("Not only Berg signed the treaty.", "Berg signed the treaty."),
    ("Berg did not sign the treaty in 1911.", "Berg signed the treaty in 1912."),
    ("No. 12 is the largest boat.", "12 is the largest boat."),
    ("Smoking is allowed.", "Smoking is not allowed here."),
    ("The mill was not sold until 1911.", "The mill was sold in 1911."),
    ("No more than 12 men may board the boat.", "No more than 13 men may board the boat."),
    ("The pass is 1,200 m high.", "The pass is 3,937 ft high."),
    ("The trial began on 5 March.", "The trial began on 5 March 1911."),
    (
        "The order of 5 March 1911 sets the fee at 12 euros.",
        "The order of 6 March 1912 sets the fee at 13 euros.",
    ),
    ("He ranked 3rd in Tarn.", "He ranked 4th in Tarn."),
    ("Born in 1901, Berg lived in Tarn.", "Born in 1902, Lund lived in Tarn."),
    ("The director is Nils Berg.", "The deputy director is Olaf Lund."),
    ("The director was Nils Berg.", "The director is Olaf Lund."),
    ("John's car is from 1990.", "Mary's car is from 1991."),
    ("Turnover per employee was 12,000 euros.", "Turnover per customer was 13,000 euros."),
    ("Q1 revenue was 12 million.", "Q2 revenue was 13 million."),
    ("FY19 revenue was 12 million.", "FY20 revenue was 13 million."),
    ("Model X200 has 12 ports.", "Model X300 has 16 ports."),
    ("Item 4 costs 12 euros.", "Item 5 costs 13 euros."),
    ("Article 12 applies to boats.", "Article 13 applies to boats."),
    ("The bus 12 goes to Tarn.", "The bus 13 goes to Tarn."),
    ("Bus line 12 goes to Tarn.", "Bus line 13 goes to Tarn."),
    ("Highway 12 goes to Tarn.", "Highway 13 goes to Tarn."),
    ("Figure 3 shows the mill of Tarn.", "Figure 4 shows the mill of Tarn."),
    ("Henry 7 ruled the land of Tarn.", "Henry 8 ruled the land of Tarn."),
    ("World War 1 ruined the town of Tarn.", "World War 2 ruined the town of Tarn."),
    ("Apollo 11 landed on the moon.", "Apollo 12 landed on the moon."),
    ("The Treaty of 1911 was signed in Tarn.", "The Treaty of 1912 was signed in Tarn."),
    ("The class of 1911 met in Tarn.", "The class of 1912 met in Tarn."),
    ("In the 1911 census Tarn had 1,200 people.", "In the 1921 census Tarn had 1,300 people."),
    ("The 12 o'clock train goes to Tarn.", "The 13 o'clock train goes to Tarn."),
    ("Windows 10 was released by the firm.", "Windows 11 was released by the firm."),
]


@pytest.mark.parametrize(("one", "other"), CONTRADICTIONS)
def test_a_contradiction_is_told(one: str, other: str) -> None:
    assert contradict(one, other) and contradict(other, one)


@pytest.mark.parametrize(("one", "other"), LOOK_ALIKES)
def test_what_looks_like_one_is_none(one: str, other: str) -> None:
    assert not contradict(one, other) and not contradict(other, one)


def test_the_figures_of_a_question_stand_in_both_or_in_neither() -> None:
    one, other = "The keeper of Tarn had 12 boats.", "The keeper of Tarn had 13 boats."
    assert contradict(one, other, "How many boats had the keeper?")
    assert not contradict(one, other, "Who had 12 boats?")
    year, another = "The mill of Tarn was built in 1911.", "The mill of Tarn was built in 1921."
    assert contradict(year, another, "When was the mill built?")
    assert not contradict(year, another, "Which mill was built in 1911?")


def test_the_rival_of_a_quote_is_found_among_thousands() -> None:
    crowd = [(number, sentence) for number, sentence in enumerate(prose(4000).split(". "))]
    quote = "The tower of Vellmere has 314 steps."
    assert rival(quote, "How many steps?", crowd) is None
    planted = [*crowd, ("there", "There are 271 steps in the tower of Vellmere.")]
    assert rival(quote, "How many steps?", planted) == "there"
    assert rival("Who has 314 steps?", "", planted) is None


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(CONTRADICTIONS + LOOK_ALIKES))
def test_it_is_symmetric_and_nothing_contradicts_itself(one: str, other: str, pair: tuple[str, str]) -> None:
    assert not contradict(one, one) and not any(contradict(text, text) for text in pair)
    assert contradict(one, other) == contradict(other, one)
    assert contradict(pair[0] + one, pair[1] + other) == contradict(pair[1] + other, pair[0] + one)
