"""A bundle's model for programs and on the command line: what is in this image?

Nothing here measures; for figures to quote there is the bench.

Where things are::

    classifier.py           ``Classifier``: a bundle's best artifact behind one method
    choice.py               which artifact that is
    pixels.py, resample.py  images as programs hold them, brought to the model's size
    command.py -> worker.py ``edge-bench classify``, and the child process that runs the model
    images.py               files and folders of photographs; the only place that knows Pillow
    tally.py                the last line: how long it took
"""
