"""Words of our own: what keys, noise and invented entities are drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

NOUNS = tuple(
    """
    acorn anchor antler anvil apron arbor archive arrow ashtray attic awning axle badge bagpipe bakery
    balcony ballad bamboo banjo banner barley barrel basin basket bathtub beacon beaker beetle bellows
    bench bicycle binder biscuit blanket blossom bobbin bonfire bonnet bookcase boulder bracelet bramble
    brewery brick bridge broom bucket buckle bugle bundle burrow butter cabin cabinet cactus camel candle
    canoe canvas canyon caravan carpet carrot cartwheel castle catalog cellar cello chalk chapel charcoal
    cherry chestnut chimney chisel cider cinder cistern clarinet clay clover cobweb coconut compass copper
    coral corridor cottage cotton cradle crayon cricket crown crystal cupboard curtain cushion dagger dahlia
    daisy desk dial dolphin domino donkey doorbell dragonfly drawer drum dune easel eagle ember emerald
    engine envelope falcon fern fiddle fiddler fig flagpole flannel flask flute fog forge fossil fountain
    fox furnace gable gallery garden garnet gazebo geyser ginger glacier globe goblet gooseberry granite
    grape gravel guitar hammock harbor harness harp harvest hatchet hazel heather hedge helmet heron hinge
    honey hornet horseshoe hourglass icicle inkwell island ivy jacket jasmine jigsaw jug juniper kayak
    kennel kettle keyhole kiln kite knapsack ladder ladle lagoon lantern lark lattice lavender ledger lemon
    lever lichen lighthouse lilac linen lizard locket loom magnet magpie mallet mandolin mantle maple marble
    market marsh meadow medal melon mill mirror mitten molasses moth mountain muffin mushroom mustard napkin
    needle nettle notebook nutmeg oar oasis oatmeal obelisk olive onion orchard orchid otter oven owl oyster
    paddle pagoda palette pancake pantry parasol parchment parsley peacock pebble pelican pendulum pepper
    piano pillow pine pistachio pitcher plank plaster plum pocket poppy porcelain porch postcard pottery
    prairie pulley pumpkin puppet pyramid quarry quill quilt radish raft railway raisin raven reef ribbon
    river rocket rosemary rudder saddle saffron sail sandal satchel saucer sawmill scarf scissors seashell
    shovel shutter sickle silo skillet sleigh slipper snail sparrow spindle sponge spruce squirrel stable
    stapler statue stencil stirrup stove sundial swallow sycamore tambourine tapestry teapot telescope
    thimble thistle ticket timber toaster topaz torch tractor trellis trowel trumpet tulip tunnel turbine
    turnip turtle umbrella vase velvet vessel viaduct village vineyard violet violin wagon walnut walrus
    warehouse waterfall wheel whistle willow windmill window workshop zipper
    """.split()
)
ADJECTIVES = tuple(
    """
    able airy amber ancient aqua ashen autumn azure balmy bare bashful bitter blank blazing blunt bold brassy
    brave breezy brief bright brisk bronze calm careful cheery chilly civic clean clear clever coarse cold
    cosy crisp crooked curious curly dainty damp daring dark dense distant dizzy drowsy dry dusty eager early
    earthy eastern elder empty even faint fair famous fancy fast feathery fierce fine firm flat floral fluffy
    fond formal fragile frank fresh frosty gentle giant glad glassy gleaming glossy golden grand grassy great
    green hasty hazy hearty heavy hidden hollow honest humble icy idle inner ivory jolly keen kind lavish
    lazy leafy light likely little lively lofty lone loud loyal lucky lunar mellow merry mighty mild misty
    modest mossy muddy narrow neat nimble noble northern oaken odd olden open outer oval pale patient placid
    plain pleasant polished polite proud quaint quick quiet rapid rare ready regal rich ripe rocky rosy rough
    round royal rugged rural rustic salty sandy scarlet secret serene shady sharp shiny short silent silken
    silver simple sleepy slender slow smoky smooth snowy soft solar solemn solid southern spare speckled
    spicy square steady steep stern stout striped sturdy subtle sunny swift tall tame tender thorny tidy
    tiny tranquil upper urban vast velvety vivid warm wary western wide wild windy wise wooden young zesty
    """.split()
)

GIVEN_NAMES = tuple(
    """
    Aldous Anselma Bastiaan Benedikta Corwin Delphina Edwina Evander Florian Gudrun Hartley Idonea Ingram
    Jolanda Kasimir Leopoldine Lucasta Marijke Nathalia Osgood Peregrine Quillon Rosamund Sigrun Tancred
    Ulrika Valentin Wilhelmina Yorick Zenobia
    """.split()
)
SURNAMES = tuple(
    """
    Abernald Birkmose Calloran Dunwithy Eskerlund Fairhollow Gantrell Hathersby Islington-Vane Jorvaldsen
    Kestelman Lindqvarn Marchetto Nordhaven Oxbridger Pellworth Quarrington Rosendahler Stavenger Tolliver
    Umbright Vanderhelm Wexcombe Yarrowgate Zellweiler
    """.split()
)
PLACES = tuple(
    """
    Ardenhythe Brackwater Caldmere Dornvik Eastermoor Fellhaven Grimsund Hollowick Inverstane Karsholm
    Lindemark Marrowby Nethercliff Ostervale Pellagrove Quenhaven Ravensund Skelderby Tarnholt Ulverness
    Vellmarsh Wintersedge Yarnbury Zandermouth
    """.split()
)
ORGANISATIONS = tuple(
    f"{name} {kind}"
    for name in "Alderbrook Corvane Dunmarrow Estrellan Kintara Merrowdale Northgale Tesselby".split()
    for kind in ("Industries", "Partners", "Laboratories", "Holdings")
)
COINED = tuple(
    """
    Brelvane Corandium Dulmora Estavix Farnholt Galderon Harmonax Iskelda Jorvenne Kalderis Lomarine
    Mestovar Nivaldo Orsetine Pellucor Quorvane Restavel Solmarin Tervanna Ulmidor Vestaline Wolmere
    """.split()
)

MONTHS = tuple(
    "January February March April May June July August September October November December".split()
)

NOISE = (
    "The path runs along the wall and turns at the gate.",
    "Rain fell in the night and the stones are still wet.",
    "A cart stands in the yard with one wheel off.",
    "Nobody has opened the upper window since spring.",
    "The clock over the door is a few minutes slow.",
    "Smoke rises straight up and the air is cold.",
    "Two dogs lie in the shade of the barn.",
    "The baker sweeps the step before the sun is up.",
    "There is a smell of cut grass and of tar.",
    "A boat goes by and its wake slaps at the piles.",
    "The apples are picked and the ladders are put away.",
    "Somebody whistles the same tune again and again.",
    "The road is white with dust as far as the hill.",
    "Swallows nest under the roof of the old mill.",
    "The kettle is on and the cups are on the table.",
    "A letter lies on the mat and nobody picks it up.",
    "The bell rings once and the children go in.",
    "Far off a train crosses the river on its bridge.",
    "The hedge has grown over the sign at the corner.",
    "In the evening the lamps are lit one by one.",
    "The wind has dropped and the flag hangs down.",
    "Bees go in and out of the wall by the garden.",
    "The ink has dried and the pen has to be cleaned.",
    "A row of coats hangs in the hall behind the stairs.",
)
"""Sentences that say nothing, for haystacks in which only what is hidden counts."""


def keys(rng: Random, number: int) -> list[str]:
    """Different keys of two words, such as "amber-lantern"."""
    drawn = rng.sample(range(len(ADJECTIVES) * len(NOUNS)), number)
    return [f"{ADJECTIVES[at % len(ADJECTIVES)]}-{NOUNS[at // len(ADJECTIVES)]}" for at in drawn]


def vocabulary(rng: Random, number: int) -> Iterator[str]:
    """Different words, at least `number`: nouns, or several in one where nouns alone are too few."""
    parts = 1
    while 0.9 * len(NOUNS) ** parts < number:
        parts += 1
    seen: set[int] = set()
    while len(seen) < len(NOUNS) ** parts:
        at = rng.randrange(len(NOUNS) ** parts)
        if at not in seen:
            seen.add(at)
            yield "-".join(NOUNS[at // len(NOUNS) ** part % len(NOUNS)] for part in range(parts))
