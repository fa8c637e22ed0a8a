"""The shipping dock: from a checkpoint to a bundle, one folder that runs on a device.

Importing this package imports nothing else.

Where things are::

    cli.py             the command ``cifarq-export``
    selection.py       which formats and precisions were asked for, and which exist
    formats/           what writes an artifact, one format a file
    images.py          the real images that check artifacts and that travel with them
    gates.py           an artifact is re-opened and compared before it ships
    bundle.py          the folder: written beside its place, then moved there whole
    runtime_archive.py edge-bench.pyz
"""
