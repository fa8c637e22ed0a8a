"""A child process that may run on an emulated CPU: it lets each ONNX file of a folder answer.

python emulated_answers.py FOLDER OUT.npz      FOLDER holds *.onnx and batch.npy
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime


def main() -> None:
    """Write each file's logits, one image a call, by the file's name."""
    folder, out = map(Path, sys.argv[1:])
    batch = np.load(folder / "batch.npy")
    logits = {}
    for path in sorted(folder.glob("*.onnx")):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        name = session.get_inputs()[0].name
        each = [session.run(None, {name: batch[i : i + 1]})[0] for i in range(len(batch))]
        logits[path.stem] = np.concatenate(each)
    np.savez(out, **logits)


if __name__ == "__main__":
    main()
