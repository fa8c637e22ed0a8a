"""What ships trained: it loads, fits its model, and reaches what it says it does."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
from cifarq import checkpoint, models
from cifarq.data import cifar10
from cifarq.evaluation import card, evaluate, inventory
from edge_runtime.documents.values import to_json

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
SHIPPED = [name for name in models.names() if models.pretrained(name)]


def test_the_seed_cnn_ships_trained():
    assert "seed-cnn" in SHIPPED


def test_a_name_that_does_not_ship_trained_has_no_folder():
    assert models.pretrained("no-such-model") is None


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_a_cifar10_checkpoint_of_its_model(name):
    shipped = checkpoint.load(models.pretrained(name))
    assert shipped.architecture == name
    assert shipped.classes == cifar10.CLASSES
    assert (shipped.mean, shipped.std) == (cifar10.MEAN, cifar10.STD)
    assert shipped.input_shape == (3, 32, 32)
    assert not shipped.model().training


@pytest.mark.parametrize("name", SHIPPED)
def test_its_card_is_of_these_weights_and_says_what_the_record_says(name):
    folder = models.pretrained(name)
    shipped, figures = checkpoint.load(folder), card.read(folder)
    assert figures.weights == shipped.digest
    recorded = json.loads((RESULTS / "models.json").read_text())["models"][name]
    assert {key: recorded[key] for key in to_json(figures)} == to_json(figures)
    text = card.text(name, models.get(name).DESCRIPTION, shipped, figures)
    assert (folder / card.TEXT_FILE).read_text() == text
    facts = inventory.describe(name)
    assert (figures.parameters, figures.macs) == (facts["parameters"], facts["macs"])


def test_a_damaged_card_is_named(tmp_path):
    assert card.read(tmp_path) is None
    (tmp_path / card.FILE).write_text('{"weights": 3}')
    with pytest.raises(ValueError, match="weights is 3, not a string"):
        card.read(tmp_path)


@pytest.mark.full_data
@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.slow
def test_it_reaches_on_validation_what_its_report_and_the_inventory_say(name, cifar10_dataset):
    (subject,) = evaluate.subjects(models.pretrained(name))
    images = cifar10_dataset.validation
    found = evaluate.evaluate(subject, images, cifar10.CLASSES, batch_size=20)
    training = checkpoint.load(models.pretrained(name)).training
    reported = training["epochs"][-1]["validation_top1"]
    assert found.top1.value == pytest.approx(reported, abs=0.002)
    assert inventory.describe(name)["pretrained_validation_top1"] == reported
    assert training["train_images"] == len(cifar10_dataset.train)
