"""`no-overlap`: a fact and a question that share no content word, so that no look-up by words finds it.

NoLiMa's idea (Modarressi et al. 2025), with facts of our own: what the question asks for follows from the
fact by what everybody knows. Facts about other people, which answer other questions, stand around it.
"""

from __future__ import annotations

from collections.abc import Iterator

from lcagent.evals.items import Item
from lcagent.evals.tasks.hiding import Needles, buried
from lcagent.evals.tasks.prose import people, prose
from lcagent.evals.tasks.request import Request, drawn

OTHERS = 5
"""Facts about other people in a document."""

PAIRS: tuple[tuple[str, str], ...] = (
    ("{name} lives across the square from the Eiffel Tower.", "Who has a home in the French capital?"),
    ("{name} grew up within sight of the Colosseum.", "Whose childhood was spent in Rome?"),
    ("{name} walks every morning past the Brandenburg Gate.", "Who is often seen around Berlin?"),
    ("{name} sold postcards under the Statue of Liberty.", "Who earned money in New York?"),
    ("{name} was married on a gondola below the Rialto.", "Whose wedding took place in Venice?"),
    ("{name} got stuck in the sand beside the Sphinx.", "Who has been to Egypt?"),
    ("{name} painted the Kremlin from a rented balcony.", "Which artist stayed in Moscow?"),
    ("{name} photographed Big Ben for thirty years.", "Who took pictures of a landmark in London?"),
    ("{name} hung from a rope above the Matterhorn's north face.", "Who is a mountaineer?"),
    ("{name} tunes the strings and rubs rosin on the bow before each concert.", "Who plays the violin?"),
    ("{name} shod four mares and a stallion before noon.", "Who is a blacksmith for horses?"),
    ("{name} smokes out the hives and spins the combs in August.", "Who keeps bees?"),
    ("{name} cannot eat bread, cake or pasta because of coeliac disease.", "Who has to avoid gluten?"),
    ("{name} swells up after a single peanut.", "Who is allergic to nuts?"),
    ("{name} has never touched meat, fish, milk or eggs.", "Who is a vegan?"),
    ("{name} measures the blood sugar after meals and injects insulin.", "Who is diabetic?"),
    ("{name} turns the head so that the good ear faces whoever speaks.", "Who is partly deaf?"),
    ("{name} reads with the fingertips and goes out with a white cane.", "Who is blind?"),
    ("{name} fasts from dawn to sunset for a month.", "Who observes Ramadan?"),
    ("{name} lights one more candle of the menorah each evening in December.", "Who celebrates Hanukkah?"),
    ("{name} drills, fills and pulls molars from nine to five.", "Who is a dentist?"),
    (
        "{name} stamps books that are brought back late and shelves them again.",
        "Who is employed at a library?",
    ),
    ("{name} set the broken wing of a parrot and wormed two kittens.", "Who treats sick animals as a vet?"),
    ("{name} kneads dough at three o'clock so that rolls are warm at six.", "Who works as a baker?"),
    ("{name} cross-examined the accused until the jury gasped.", "Who is a lawyer?"),
    (
        "{name} hands in the meter figures and mends fuses in other people's cellars.",
        "Who is an electrician?",
    ),
    ("{name} brought the Boeing down through fog on one engine.", "Who flies aeroplanes for a living?"),
    ("{name} floated above the hatch and watched the Earth turn below.", "Who is an astronaut?"),
    (
        "{name} climbs the spiral stair each dusk and trims the lamp for the ships.",
        "Who is in charge of a lighthouse?",
    ),
    ("{name} slides down the pole as soon as the alarm bell rings.", "Who is a firefighter?"),
    ("{name} delivered twins in the lift and cut both cords.", "Who is a midwife?"),
    ("{name} lays bricks to a string and never spills the mortar.", "Who builds walls?"),
    ("{name} checkmated the champion in nineteen moves.", "Who is good at chess?"),
    ("{name} served three aces and won the final at Wimbledon.", "Who is a tennis player?"),
    ("{name} crossed the finishing line after forty-two kilometres on foot.", "Who completed a marathon?"),
    ("{name} swapped a stamp of 1856 for two from Mauritius.", "Who is a philatelist?"),
    ("{name} sheared eighty ewes and whistled for the collie.", "Who owns sheep?"),
    ("{name} prunes Riesling in February and treads it in October.", "Who makes wine?"),
    (
        "{name} speaks Portuguese with a samba on the radio and dreams of the beach at Copacabana.",
        "Who comes from Brazil?",
    ),
    ("{name} was born where kangaroos cross the road, an hour from Sydney.", "Who is Australian?"),
    (
        "{name} signs letters to the emperor's palace in Kyoto with a brush.",
        "Who knows how to write Japanese?",
    ),
    ("{name} has buried a wife and wears black since.", "Who is a widower?"),
    ("{name} shares a birthday, a face and a cradle with a brother.", "Who is a twin?"),
    ("{name} will turn one hundred and three in May.", "Who is older than a century?"),
    ("{name} traded the pram for a double one after the scan.", "Who expects two babies?"),
    (
        "{name} lost the villa, the yacht and every share in one night at roulette.",
        "Who was ruined by gambling?",
    ),
    (
        "{name} paces the hall at four and counts cracks in the ceiling until it is light.",
        "Who suffers from insomnia?",
    ),
    ("{name} goes pale on the third rung and never looks over a railing.", "Who is afraid of heights?"),
)
"""Fact and question. No stem is in both, and no fact answers the question of another."""


def no_overlap(request: Request) -> Iterator[Item]:
    """Pairs by turns from a start that the seed decides, in made-up prose."""
    order = list(range(len(PAIRS)))
    drawn("no-overlap", request.seed, "order").shuffle(order)
    for index in range(request.n):
        rng = drawn("no-overlap", request.seed, index)
        asked = order[index % len(order)]
        chosen = [asked, *rng.sample([at for at in order if at != asked], OTHERS)]
        names = people(rng, len(chosen))
        facts = {at: PAIRS[at][0].format(name=name) for at, name in zip(chosen, names, strict=True)}
        hidden = rng.sample(chosen, len(chosen))
        lines, told = [facts[at] for at in hidden], [hidden.index(asked)]
        needles = Needles(PAIRS[asked][1], lines, told, (names[0],), f"pair {asked:02d}")
        yield buried("no-overlap", request, index, needles, prose(rng), rng)
