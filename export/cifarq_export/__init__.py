"""The shipping dock: from a checkpoint to a bundle, one folder that runs on a device.

Importing this package imports nothing else.

Where things are::

    cli.py             the command ``cifarq-export``
    options.py         what the command line says of the model and its images
    selection.py       which formats and precisions were asked for, and which exist
    sources/           what is exported: a checkpoint, any PyTorch model, an ONNX file
    images.py          the real images that calibrate, that check, and that travel along
    formats/           what writes an artifact, one format a file
    normalisation.py   as artifacts that take raw pixels do it
    onnx_graph.py      what is done to ONNX graphs
    calibrate.py       the range of every activation; thresholds.py: from values to a range
    qdq.py             static INT8 for a target
    artifacts.py       one artifact: written, opened again, judged, and where it falls, helped
    gates.py           what it has to pass: parity, accuracy, speed
    speed.py           INT8 against FP32 in turns, and the cause where it is slower
    sensitivity.py     which layers lose the accuracy, and the fallback that returns them to FP32
    explain/           what of an artifact is INT8, and why the rest is not
    compare.py         every precision in one table
    bundle.py          the folder; staging.py: written beside its place, then moved there whole
    shipping.py        what the command line says of the folder and what travels in it
    runtime_archive.py edge-bench.pyz
    wheelhouse.py      the wheels for a device without internet; wheel_download.py fetches them
    archive.py         the folder as one reproducible file
    summary.py         what is printed of it; text_table.py: cells as aligned lines
"""
