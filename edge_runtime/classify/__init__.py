"""A bundle's model for programs and on the command line: what is in this image?

Its times are not a benchmark; ``edge-bench`` is.

Where things are::

    classifier.py   ``Classifier``: a bundle's best artifact behind one method
    choice.py       which artifact that is
    pixels.py       images as programs hold them, as (C, H, W) RGB
    resize.py       images brought to the model's size, by training and exporting too
    pillow.py       photographs decoded, images scaled: the only place that imports Pillow
    images.py       files and folders of images
    inputs.py       what the command is given: files, folders, frames
    command.py      ``edge-bench classify``
    tally.py        its last line: how long it took
"""
