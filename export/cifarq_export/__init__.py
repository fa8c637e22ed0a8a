"""The shipping dock: from a checkpoint to a bundle, one folder that runs on a device.

Importing this package imports nothing else.

Where things are::

    cli.py          the command ``cifarq-export``
    options.py      what the command line says of the model and its images
    selection.py    which formats and precisions were requested, and which exist
    sources/        what is exported: a checkpoint, any PyTorch model, an ONNX file; and its images
    formats/        what writes an artifact, one format a file
    converters/     converters of others, each in a process of its own
    tflite/         TFLite files, written from an ONNX graph
    int8/           graph clean-up, calibration, thresholds, static INT8
    check/          what an artifact has to pass: parity, accuracy, speed
    explain/        what of an artifact is INT8, and why the rest is not, one format a file
    bundle/         the folder: artifacts, runtime, wheels, archive
    compare.py      every precision in one table
"""
