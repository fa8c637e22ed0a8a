"""The operators that an engine runs a network as, whatever the engine.

operator.py  what a profiler tells of one, and of one call of them all
kinds.py     which kinds compute products, and which convert
macs.py      how many multiply-accumulates one computes, by its shapes
product.py   one large matrix product as an ONNX file
"""
