"""The independent loop that edge-bench is compared with: it shares no code with edge_runtime.

    python plain_loop.py BUNDLE ARTIFACT WARM_UP_CALLS CALLS

prints the duration of each call in ns as JSON. Started by ``harness.py``.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime


def main() -> None:
    bundle, file, warm_up, calls = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
    how = json.loads((bundle / "manifest.json").read_text())["preprocessing"]
    with np.load(bundle / "golden.npz") as golden:
        batch = golden["images"][:1]
    if how["normalised_by"] == "runtime":
        mean, std = (
            np.array(how[name], np.float32).reshape(1, -1, 1, 1) for name in ("mean", "std")
        )
        batch = ((batch.astype(np.float32) / 255 - mean) / std).astype(np.float32)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(bundle / file), options, providers=["CPUExecutionProvider"]
    )
    feed = {session.get_inputs()[0].name: batch}
    for _ in range(warm_up):
        session.run(None, feed)
    durations = []
    for _ in range(calls):
        started = time.perf_counter_ns()
        session.run(None, feed)
        durations.append(time.perf_counter_ns() - started)
    print(json.dumps(durations))


if __name__ == "__main__":
    main()
