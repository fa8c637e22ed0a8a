"""The workshop: train a small image classifier in PyTorch, quantize it, evaluate it.

Importing this package imports nothing else; each module that needs PyTorch says so by needing
the extra ``cifarq[train]``.

Where things are::

    cli.py         the command ``cifarq``; train_command.py: ``cifarq train``
    options.py     what several commands take, ``cifarq-export`` too
    data/          images with their labels: where they are looked for, how they are split
    models/        one architecture a file, pretrained weights beside; layers.py: what they share
    training/      the training loop
    evaluation/    top-1, size and cost
    checkpoint.py  a trained model on disk; tensor_file.py: its tensors; weights.py: a user's own
    factory.py     a network of one's own: a function that builds it
    quantize.py    PyTorch INT8
    learned_ranges.py  what quantization-aware training leaves for static INT8
"""

from edge_runtime import __version__

__all__ = ["__version__"]
