"""The device side of cifarq: run a bundle's artifacts here, and measure what they do.

Needs numpy, click and one engine; imports neither torch nor cifarq.
Beside these it knows Pillow alone, to read photographs and to scale images for ``edge-bench
classify`` and ``Classifier``; measuring, and arrays of the model's size, need none.
Importing this package imports nothing else; ``Classifier`` brings numpy and an engine when it is
first asked for.

Where things are::

    cli.py              the command ``edge-bench``
    command/            what all our commands do alike: start, say, end
    bundle/             what was copied to this device
    engines/            what runs an artifact, one engine a file
    operators/          what an engine runs a network as, whatever the engine
    probes/             what is read off the machine, one quantity a file
    measure/            from a plan to the samples of one process
    results/            what was measured, its document, and what it means
    report/             what a result looks like, one output a file
    classify/           the model in a program, ``from edge_runtime import Classifier``, and
                        ``edge-bench classify``
    doctor/             what will go wrong on a device, before it does
    setup/              an environment from the bundle alone
    documents/          JSON from other machines, read strictly
    errors.py           what fails
    files.py, locks.py  files written whole, by one process at a time, and read within bounds
    printable.py        text from elsewhere, made safe to show
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
