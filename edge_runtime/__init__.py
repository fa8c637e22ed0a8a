"""The device side of cifarq: run a bundle's artifacts here, and measure what they do.

Needs numpy, click and one engine (``onnxruntime`` or ``torch``); imports neither torch nor cifarq.
Importing this package imports nothing else.

Where things are::

    cli.py                  the command ``edge-bench``
    manifest.py, golden.py  what a bundle says of itself, and the real images it brings
    plan.py -> runner.py -> worker.py -> measure.py     one plan, one child per artifact, one result
    engines/, probes/       what runs an artifact; what is read off the machine
    stats.py, accuracy.py   pure arithmetic
    results.py, report/     the document that is kept, and the tables drawn from it
"""

__version__ = "0.1.0"
