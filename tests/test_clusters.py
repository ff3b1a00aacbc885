"""Equal answers come together, others never; and the bracket ends, whatever the members say."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.agents.leader import LeaderReply, SoFar, settled
from lcagent.documents.answers import cluster, notation, same_answer
from lcagent.documents.forms import holds
from lcagent.graphs.longagent import bracket
from lcagent.graphs.longagent.bracket import MOST_SIDES, Meeting, Reply, says

EQUAL = [
    ("5 March 1911", "March 5, 1911"),
    ("5th of March 1911", "1911-03-05"),
    ("5th March 1911", "5 March 1911"),
    ("on 5 March 1911", "in March 1911"),
    ("5 March 1911", "in 1911"),
    ("5 March", "5 March 1911"),
    ("1,234", "1234"),
    ("1.50", "1.5"),
    ("1.5 million", "1,500,000"),
    ("twenty-one seals", "21 seals"),
    ("12km", "12 km"),
    ("12 %", "12 per cent"),
    ("Dr. Oskar Brandvold", "Oskar Brandvold"),
    ("Brandvold", "Oskar Brandvold"),
    ("Brandvold, Oskar", "Oskar Brandvold"),
    ("Oskar Brandvald", "Oskar Brandvold"),
    ("Oskar Brandvold", "Oskar Brandvold in 1911"),
    ("the Vellmere Fund", "The trustees of the Vellmere Fund paid 18,000 crowns."),
    ("The Old Mill", "old mill"),
    ("Mülhausen", "mulhausen"),
    ("No.", "no, it was not"),
    ("漢字", "漢字。"),
    ("Oskar Brandvold", "Mr Brandvold"),
    ("Oskar Brandvold", "Mr. Oskar Brandvald"),
    ("Henry VIII", "Henry 8"),
    ("Henry VIII", "Henry the Eighth"),
    ("World War II", "World War 2"),
    ("World War II", "World War Two"),
    ("World War II", "the Second World War"),
    ("Elizabeth II", "Queen Elizabeth II of England"),
    ("II", "2"),
    ("Oslo, Norway", "Oslo"),
    ("Martin Luther King Jr.", "Martin Luther King"),
    ("North Korea", "N. Korea (North Korea)"),
    ("Oskar Brandvold", "Oskar Brandvold of North Tarn"),
]
DIFFERENT = [
    ("1911", "1912"),
    ("5 March 1911", "6 March 1911"),
    ("5 March 1911", "5 May 1911"),
    ("1,234", "1,235"),
    ("12 km", "12 miles"),
    ("08:42", "42:08"),
    ("-5 degrees", "5 degrees"),
    ("Oskar Brandvold", "Ida Brandvold"),
    ("the north gate of the museum", "the south gate of the museum"),
    ("Norway", "Oslo, the capital of Norway"),
    ("yes", "no"),
    ("guilty", "not guilty"),
    ("Oskar Brandvold in 1911", "Oskar Brandvold in 1912"),
    ("1911", "between 1911 and 1915"),
    ("Henry VII", "Henry VIII"),
    ("Henry VIII", "Henry"),
    ("King Henry VII of England", "King Henry VIII of England"),
    ("Elizabeth I", "Elizabeth II"),
    ("Elizabeth I", "Elizabeth"),
    ("Elizabeth the First", "Elizabeth the Second"),
    ("World War I", "World War II"),
    ("the First World War", "World War II"),
    ("Pope John Paul", "Pope John Paul II"),
    ("North Korea", "Korea"),
    ("North Korea", "South Korea"),
    ("Korea (North)", "Korea"),
    ("New York", "York"),
    ("West Germany", "Germany"),
    ("West Germany", "East Germany"),
    ("South Africa", "Africa"),
    ("Northern Ireland", "Ireland"),
    ("Democratic Republic of the Congo", "Republic of the Congo"),
    ("John Smith Sr.", "John Smith Jr."),
    ("Oslo, Norway", "Norway"),
    ("possible", "impossible"),
    ("Room 12", "Room 13"),
    ("12345678901234567890123456789012", "12345678901234567890123456789013"),
]
ANSWERS = st.one_of(
    st.sampled_from([text for pair in EQUAL + DIFFERENT for text in pair]),
    st.text(max_size=20),
    st.from_regex(r"\A[A-D]{1,2} [A-D]{1,2} ?[0-9]{0,2}\Z"),
)


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_answers(one: str, other: str) -> None:
    assert same_answer(one, other) and same_answer(other, one)
    assert cluster([one, other]) == [[0, 1]]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_answers(one: str, other: str) -> None:
    assert not same_answer(one, other) and not same_answer(other, one)
    assert cluster([one, other]) == [[0], [1]]


def test_a_chain_of_near_matches_does_not_join_two_opposites() -> None:
    found = cluster(["Oskar Brandvold", "Brandvold", "Ida Brandvold"])
    assert sorted(map(len, found)) == [1, 2]
    assert not any({0, 2} <= set(members) for members in found)


def test_the_matcher_can_be_replaced() -> None:
    assert cluster(["a tower", "a steeple", "a boat"], lambda a, b: "boat" not in a + b) == [[0, 1], [2]]


@settings(deadline=None)
@given(ANSWERS, ANSWERS)
def test_matching_is_symmetric(one: str, other: str) -> None:
    assert same_answer(one, one)
    assert same_answer(one, other) == same_answer(other, one)


@settings(deadline=None)
@given(st.lists(ANSWERS, max_size=14), st.randoms(use_true_random=False))
def test_clusters_are_a_partition_that_does_not_depend_on_the_order(
    answers: list[str], rng: random.Random
) -> None:
    found = cluster(answers)
    assert sorted(i for members in found for i in members) == list(range(len(answers)))
    where = {i: number for number, members in enumerate(found) for i in members}
    for i, one in enumerate(answers):
        for j, other in enumerate(answers):
            if notation(one) == notation(other):
                assert where[i] == where[j]
            if where[i] == where[j]:
                assert notation(one) == notation(other) or same_answer(one, other)
    order = list(range(len(answers)))
    rng.shuffle(order)
    shuffled = cluster([answers[i] for i in order])
    assert {frozenset(order[i] for i in members) for members in shuffled} == set(map(frozenset, found))


@pytest.mark.parametrize(
    ("quote", "answer", "held"),
    [
        ("It was built on 5 March 1911 at Tarn.", "March 5, 1911", True),
        ("It was built in 1911 at Tarn.", "1912", False),
        ("He counted 1,234 seals.", "1234", True),
        ("He counted twelve seals.", "12 seals", True),
        ("The master was Oskar Brandvold.", "Dr. Oskar Brandvold", True),
        ("The master was Oskar Brandvold.", "Ida Brandvold", False),
        ("The master was away.", "yes", True),
    ],
)
def test_a_sentence_holds_an_answer(quote: str, answer: str, held: bool) -> None:
    assert holds(quote, answer) is held


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("1911", "a"),
        ("in the year 1912", "b"),
        ("1911 and 1912", "both"),
        ("1913", "neither"),
        ("", "neither"),
    ],
)
def test_whose_answer_two_shared_segments_gave(answer: str, said: str) -> None:
    assert says(answer, "1911", "1912") == said


def reply(answer: str, index: int, *, held: bool = True, quote: str = "") -> Reply:
    return Reply(
        document=0,
        index=index,
        answer=answer,
        fact="",
        spans=[[index, index + 1]],
        quote=quote or f"quote {index}",
        held=held,
    )


def fight(answers: list[str], judge) -> tuple[list[str], int]:
    """Play a bracket to its end: who stands, and how many calls it took."""
    current = bracket.gather("which?", [reply(a, i) for i, a in enumerate(answers)])
    calls = 0
    while met := bracket.pairs(current):
        meetings = [
            Meeting(a=a, b=b, says=judge(current["sides"][a], current["sides"][b], turn))
            for a, b in met
            for turn in (False, True)
        ]
        calls += len(meetings)
        current = bracket.settle(current, meetings)
    return [current["sides"][i]["answer"] for i in current["left"]], calls


LETTERS = "QWERTZUIOPASDFGHJKLYXCVBNM"


@settings(deadline=None)
@given(st.integers(1, 26), st.integers(0, 25))
def test_the_right_one_beats_all_others_wherever_it_enters(sides: int, right: int) -> None:
    answers = [f"name {3 * letter}" for letter in LETTERS[:sides]]
    truth = answers[min(right, sides - 1, MOST_SIDES - 1)]
    stands, calls = fight(
        answers,
        lambda a, b, _: "a" if a["answer"] == truth else "b" if b["answer"] == truth else "a",
    )
    assert stands == [truth]
    assert calls == 2 * (min(sides, MOST_SIDES) - 1)


@settings(deadline=None)
@given(st.integers(1, 26), st.randoms(use_true_random=False))
def test_a_bracket_ends_and_its_cost_is_bounded(sides: int, rng: random.Random) -> None:
    answers = [f"name {3 * letter}" for letter in LETTERS[:sides]]
    stands, calls = fight(answers, lambda *_: rng.choice(["a", "b", "both", "neither"]))
    assert 1 <= len(stands) <= sides
    assert calls <= 80
    undecided, calls = fight(answers, lambda a, b, turn: "b" if turn else "a")
    assert len(undecided) == min(sides, MOST_SIDES)
    assert calls <= 80


def test_the_representative_is_the_member_whose_quote_holds_the_answer() -> None:
    replies = [reply("1911", 0, held=False), reply("in 1911", 2), reply("1912", 3)]
    done = bracket.gather("which?", replies)
    assert [(side["answer"], side["index"], side["others"]) for side in done["sides"]] == [
        ("in 1911", 2, [[0, 0]]),
        ("1912", 3, []),
    ]


def test_a_side_that_another_corrects_does_not_enter() -> None:
    old, new = "The well is 5.4 metres deep.", "Corrected: the well is 5.9 metres deep."
    done = bracket.gather("How deep?", [reply("5.4", 0, quote=old), reply("5.9", 1, quote=new)])
    assert [done["sides"][i]["answer"] for i in done["left"]] == ["5.9"]
    assert bracket.pairs(done) == []


QUESTION = "Where was the harbour master of Vellmere born?"
HOP = "Who was the harbour master of Vellmere?"
OTHER = "What is the capital of Mongolia?"


def choice(state: str = "ANSWER", ask: str = "", *, brief: bool = False, several: str = "no", **facts):
    so_far = SoFar(**{"asked": [], "known": [], "sides": 0, "rounds": 3, **facts})
    return settled(LeaderReply(state=state, several=several, ask=ask), QUESTION, so_far, brief=brief)


@pytest.mark.parametrize("brief", [True, False])
def test_nothing_is_answered_before_the_members_were_asked(brief: bool) -> None:
    assert choice("ANSWER", brief=brief) == ("NEW_STATE", QUESTION)
    assert choice("CONFLICT", brief=brief) == ("NEW_STATE", QUESTION)
    assert choice("NEW_STATE", HOP, brief=brief) == ("NEW_STATE", HOP)
    assert settled(None, QUESTION, SoFar([], [], 0, 3), brief=brief) == ("NEW_STATE", QUESTION)


def test_a_leader_is_believed_about_what_to_ask_and_a_weak_one_where_it_is_about_the_question() -> None:
    assert choice("NEW_STATE", OTHER) == ("NEW_STATE", OTHER)
    assert choice("NEW_STATE", OTHER, brief=True) == ("NEW_STATE", QUESTION)
    several = f"{HOP} When was he born?"
    assert choice("ANSWER", several) == ("NEW_STATE", several)
    assert choice("ANSWER", several, brief=True) == ("NEW_STATE", HOP)


@pytest.mark.parametrize("state", ["NEW_STATE", "CONFLICT", "ANSWER"])
def test_two_sides_are_a_conflict_unless_several_things_are_asked_for(state: str) -> None:
    sides = {"asked": [HOP], "known": ["1911", "1912"], "sides": 2, "rounds": 0}
    assert choice(state, HOP, **sides)[0] == "CONFLICT"
    assert choice(state, HOP, several="yes", **sides)[0] == "ANSWER"
    assert settled(None, QUESTION, SoFar(**sides), brief=False)[0] == "CONFLICT"


def test_a_conflict_without_two_sides_is_none() -> None:
    assert choice("CONFLICT", asked=[QUESTION], known=["Oskar"], sides=1) == ("ANSWER", "")


def test_a_repeated_sub_question_ends_the_rounds() -> None:
    again = "Was the harbour master of Vellmere born, and where?"
    assert choice("NEW_STATE", again, asked=[QUESTION], known=["Tarnvik"]) == ("ANSWER", "")


@pytest.mark.parametrize("brief", [True, False])
def test_what_the_members_found_may_be_asked_about(brief: bool) -> None:
    follow = "Where was Oskar Brandvold born?"
    known = ["Oskar Brandvold"]
    assert choice("NEW_STATE", follow, asked=[HOP], known=known, brief=brief) == ("NEW_STATE", follow)
    assert choice("NEW_STATE", follow, asked=[HOP], known=known, rounds=0, brief=brief) == ("ANSWER", "")


def test_of_a_weak_leader_half_of_a_question_is_not_taken_for_the_whole() -> None:
    whole = f"{QUESTION} (known: Oskar Brandvold)"
    known = ["Oskar Brandvold"]
    assert choice("ANSWER", asked=[HOP], known=known, brief=True) == ("NEW_STATE", whole)
    assert choice("ANSWER", asked=[HOP, whole], known=known, brief=True) == ("ANSWER", "")
    assert choice("ANSWER", asked=[HOP], known=known) == ("ANSWER", "")


def test_of_a_weak_leader_the_question_itself_is_asked_before_the_document_is_said_to_be_silent() -> None:
    assert choice("ANSWER", asked=[HOP], brief=True) == ("NEW_STATE", QUESTION)
    assert choice("ANSWER", asked=[QUESTION], brief=True) == ("ANSWER", "")
    assert choice("ANSWER", asked=[HOP], rounds=0, brief=True) == ("ANSWER", "")
