"""The confusion matrix, counted by hand, and what of it is shown."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cifarq.evaluation import confusion
from edge_runtime.results.statistics import proportion

LABELS = np.array([0, 0, 0, 0, 1, 1, 2])
ANSWERS = np.array([0, 0, 1, 2, 1, 1, 0])
NAMES = ("ant", "bee", "cat")


def test_labels_are_rows_and_answers_columns():
    assert confusion.count(LABELS, ANSWERS, 3).tolist() == [[2, 1, 1], [0, 2, 0], [1, 0, 0]]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_recall_is_the_share_of_each_class_that_is_right(pairs):
    labels, answers = (np.array(side) for side in zip(*pairs, strict=True))
    for label, recall in enumerate(confusion.recalls(confusion.count(labels, answers, 5))):
        right = [answer == label for answer in answers[labels == label]]
        assert recall == (proportion(sum(right), len(right)) if right else None)


def test_few_classes_are_shown_whole_with_the_worst_class_first_below():
    shown = confusion.text(confusion.count(LABELS, ANSWERS, 3), NAMES).splitlines()
    cells = [line.split() for line in shown]
    assert cells[1] == ["label", "ant", "bee", "cat"]
    assert cells[3:6] == [["ant", "2", "1", "1"], ["bee", ".", "2", "."], ["cat", "1", ".", "."]]
    assert [line[0] for line in cells[-3:]] == ["cat", "ant", "bee"]
    low, high = (100 * bound for bound in (proportion(2, 4).low, proportion(2, 4).high))
    assert shown[-2].split() == ["ant", "4", "50.0", f"[{low:.1f},", f"{high:.1f}]"]


def test_of_many_classes_the_pairs_that_are_confused_most_are_shown():
    names = tuple(f"class{number}" for number in range(100))
    labels = np.repeat(np.arange(100), 5)
    answers = labels.copy()
    answers[:4] = 7  # of class0
    answers[5:7] = 0  # of class1
    shown = confusion.text(confusion.count(labels, answers, 100), names).splitlines()
    cells = [line.split() for line in shown]
    assert cells[3:5] == [["class0", "class7", "4", "5"], ["class1", "class0", "2", "5"]]
    assert cells[5] == []  # no other pair is confused
    assert [line[:3] for line in cells[10:12]] == [["class0", "5", "20.0"], ["class1", "5", "60.0"]]
    assert max(map(len, shown)) < 80


def test_a_class_without_images_has_no_recall():
    matrix = confusion.count(LABELS[:6], ANSWERS[:6], 3)
    assert confusion.values(matrix, NAMES)["recall"][2] is None
    _, worst = confusion.text(matrix, NAMES).split("\n\n")
    assert "ant" in worst and "cat" not in worst
