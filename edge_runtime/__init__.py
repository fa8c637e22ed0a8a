"""The device side of cifarq: run a bundle's artifacts here, and measure what they do.

Needs numpy, click and one engine (``onnxruntime`` or ``torch``); imports neither torch nor cifarq.
Beside these it knows Pillow alone, to read photographs for ``edge-bench classify``: a decoder of
JPEG is not something to write again, and who classifies arrays or measures needs none.
Importing this package imports nothing else; ``Classifier`` brings numpy and an engine when it is
first asked for.

Where things are::

    cli.py, command.py, options.py, default_bundle.py, nearest.py
                            the command ``edge-bench``, and what it takes
    classify/               the runtime as a library, ``from edge_runtime import Classifier``, and
                            as a command, ``edge-bench classify``
    manifest.py, golden.py, preprocess.py
                            what a bundle says of itself, the real images it brings, and how images
                            become inputs
    plan.py -> recording.py -> runner.py -> worker.py -> measure.py
                            one plan; rounds, kept as they end; one child a turn; its samples
    child.py, installing.py how a child is started, and what it needs
    engines/, probes/       what runs an artifact; what is read off the machine
    host.py, target.py      which machine this is, and which class of CPU
    window.py -> rules.py -> verdict.py     what happened meanwhile, and what it means
    stats.py, accuracy.py, parity.py        pure arithmetic
    accuracy_data.py        other labelled images than the golden ones
    results.py, results_file.py, results_checks.py, report/
                            what was measured, its document, what is drawn from it
    comparison.py           result documents beside each other
    self_check.py           what the golden images are answered, before anything is timed
    doctor/                 what will go wrong on a device, before it does
    setup/                  which wheels fit a device, and the Python half of ``setup-device.sh``
    turns.py, turn_worker.py                sessions that take turns, for whoever exports
    errors.py, files.py, strict.py          what fails; files written whole; JSON read strictly
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # as ``typing`` has it, without importing it
if TYPE_CHECKING:
    from edge_runtime.classify.classifier import Classifier as Classifier
    from edge_runtime.classify.classifier import Prediction as Prediction
else:

    def __getattr__(name):
        """Import what programs use when they first ask for it."""
        if name not in ("Classifier", "Prediction"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from edge_runtime.classify import classifier

        return getattr(classifier, name)
