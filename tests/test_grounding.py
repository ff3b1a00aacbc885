"""Answers that stand on the text shown, and answers that do not."""

import pytest

from lcagent.graphs.shared.checks import grounded


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("2024", "It was signed on 2024-03-05."),
        ("March 2024, day 5", "It was signed in March, on 2024-03-05."),
        ("2024", "It was signed on 5.3.2024."),
        ("March 5, 2024", "It was signed on 2024-03-05."),
        ("5 March", "It was signed on 2024-03-05."),
        ("2024-03-05", "It was signed on the 5th of March 2024."),
        ("2024-03-05", "Signed: Mar. 5, 2024"),
        ("March 2024", "It was signed on 2024-03-05."),
        ("1945", "The war (1939-1945) ended."),
        ("1911", "in the 1911-12 season"),
        ("1911", "in the 1911/12 season"),
        ("1939-1945", "from 1939 to 1945"),
        ("10.5-12.5 tons", "between 10.5 and 12.5 tons"),
        ("3", "They had three children."),
        ("21 boats", "There were twenty-one\nboats."),
        ("Three", "They had 3 children."),
        ("twenty-one", "The crew was 21."),
        ("1,500", "1500 tons of coal"),
        ("1500", "1,500 tons of coal"),
        ("4272429", "The values are 4136800,4272429."),
        ("no", "whatever stands here"),
        ("B", "whatever stands here"),
        ("(C)", "whatever stands here"),
    ],
)
def test_an_answer_that_the_text_states_otherwise_stands(answer: str, shown: str) -> None:
    assert grounded(answer, shown, "What is it?")


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("500", "It weighed 1500 tons."),
        ("500", "It weighed 1,500 tons."),
        ("41368004272429", "The values are 4136800,4272429."),
        ("24", "It was signed on 2024-03-05."),
        ("April 5, 2024", "It was signed on 2024-03-05."),
        ("March 6, 2024", "It was signed on 2024-03-05."),
        ("2024-03-05", "It was signed in March 2024."),
        ("March 5, 2024", "It was signed on a 5 March."),
        ("1500200", "The values are 1500,200."),
        ("14", "pi is 3.14"),
        ("22", "the part 4711-22-9"),
        ("4711", "the part 4711-22-9"),
        ("30", "The train left at 14:30."),
        ("1.2", "It runs version 1.2.3."),
        ("4", "They had three children."),
        ("3", "They had thirty-three children."),
        ("1940", "The war (1939-1945) ended."),
        ("Zebulon Quartermain", "The master was Oskar Brandvold."),
    ],
)
def test_an_answer_that_the_text_does_not_state_is_refused(answer: str, shown: str) -> None:
    assert not grounded(answer, shown, "What is it?")
