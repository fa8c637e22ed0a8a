"""Write ONNX files by other libraries' exporters, for ``networks.py --files``.

    python -m venv other && other/bin/pip install tensorflow-cpu tf2onnx skl2onnx
    other/bin/python benchmarks/networks_foreign.py DIR --data-dir CIFAR10

trains a small Keras network and a scikit-learn one on CIFAR-10's first training file, and exports
them with tf2onnx and skl2onnx. A library that is not installed leaves its file out. The libraries
pin other versions than this project does: run it in an environment of their own.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_IMAGES = 10_000
_RECORD = 1 + 3 * 32 * 32  # a label and an image, channels first: CIFAR-10's binary format


def main() -> None:
    """Write what can be written here."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir", type=Path, required=True, help="holds data_batch_1.bin")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    (batch,) = given.data_dir.rglob("data_batch_1.bin")
    raw = np.fromfile(batch, np.uint8).reshape(_IMAGES, _RECORD)
    images, labels = raw[:, 1:].reshape(-1, 3, 32, 32), raw[:, 0].astype(np.int64)
    for name, make in MAKERS.items():
        try:
            (given.out / f"{name}.onnx").write_bytes(make(images, labels))
        except ModuleNotFoundError as error:
            sys.stderr.write(f"{name}: {error.name} is not installed\n")


def keras(images: Any, labels: Any) -> bytes:
    """Channels last, pixels of 0 to 255, rescaled inside, softmax at the end."""
    import tensorflow as tf
    import tf2onnx

    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(0)
    model = tf.keras.Sequential(
        [
            layers.Input((32, 32, 3), name="image"),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images.transpose(0, 2, 3, 1).astype(np.float32), labels, epochs=5, verbose=0)
    signature = [tf.TensorSpec((None, 32, 32, 3), tf.float32, name="image")]
    answer = tf.function(lambda image: model(image, training=False), input_signature=signature)
    content, _ = tf2onnx.convert.from_function(answer, signature, opset=17)
    return bytes(content.SerializeToString())


def scikit_learn(images: Any, labels: Any) -> bytes:
    """A pipeline over flat pixels, in operators of ai.onnx.ml."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pixels = images.reshape(_IMAGES, -1).astype(np.float32) / 255
    model = make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=5, random_state=0))
    content = to_onnx(model.fit(pixels, labels), pixels[:1], target_opset=17)
    return bytes(content.SerializeToString())


MAKERS: dict[str, Callable[[Any, Any], bytes]] = {"tf2onnx": keras, "skl2onnx": scikit_learn}


if __name__ == "__main__":
    main()
