"""The workshop: train a small image classifier in PyTorch, quantize it, evaluate it.

Importing this package imports nothing else; each module that needs PyTorch says so by needing
the extra ``cifarq[train]``.

Where things are::

    cli.py                        the command ``cifarq``
    data.py                       a data set as arrays: where it is looked for, how it is split
    labelled.py, resize.py        images with their labels, brought to one size
    cifar10.py, image_folders.py  the two layouts that are read
    packs.py                      the real images that ship inside this package
    models/                       one architecture a file, pretrained weights beside
    inventory.py                  each model's size and cost
    train.py, augment.py          the training loop and what it does to images
    checkpoint.py, resume.py      weights on disk (safetensors + JSON); what a run needs to go on
    progress.py                   progress bars
    quantize.py, noise.py         PyTorch INT8; how far it lies from what it stands for
    evaluate.py                   top-1, agreement, for checkpoints and artifacts alike
"""

from edge_runtime import __version__

__all__ = ["__version__"]
