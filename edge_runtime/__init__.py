"""The device side of cifarq: run a bundle's artifacts here, and measure what they do.

Needs numpy, click and one engine (``onnxruntime`` or ``torch``); imports neither torch nor cifarq.
Importing this package imports nothing else.

Where things are::

    cli.py                  the command ``edge-bench``
    manifest.py, golden.py  what a bundle says of itself, and the real images it brings
    plan.py -> recording.py -> runner.py -> worker.py -> measure.py
                            one plan; rounds, kept as they end; one child a turn; its samples
    engines/, probes/       what runs an artifact; what is read off the machine
    window.py -> rules.py -> verdict.py     what happened meanwhile, and what it means
    stats.py, accuracy.py   pure arithmetic
    results.py, results_file.py, report/    what was measured, its document, what is drawn from it
    comparison.py           result documents beside each other
    turns.py                sessions that take turns, for whoever exports
"""

__version__ = "0.1.0"
