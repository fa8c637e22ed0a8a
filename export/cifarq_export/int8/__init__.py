"""Static INT8 of ONNX graphs.

onnx_graph.py   what is done to graphs without running them: cleaned, edited, normalisation added
onnx_float32.py     other floats become FP32
onnx_rewrite.py     another layout, element type or batch becomes the one that is exported
runtime.py      what ONNX Runtime makes of a model: sessions, optimised and folded graphs
calibrate.py    the range of every activation; thresholds.py: from values to a range
learned.py      ranges that training learned, found again in the graph
qdq.py          quantize and dequantize nodes, for a target
hard.py         HardSwish and HardSigmoid as what has INT8 kernels
factors.py      products with one number, taken into the scale
static.py       what all static INT8 models of an export are made from
cache.py        what was found is kept for the next run
blocks.py       what lies around an operator that has no INT8 kernel
bias_correction.py   biases that make good what the rounding of weights takes away
defaults.py     what ONNX assumes anyway is not written
short_names.py  what is between the layers is called as shortly as it can be
exact.py        the same integers, in arithmetic that saturates on no CPU
"""
