"""What crosses machines: read strictly, whoever wrote it.

json_file.py   the JSON of a file: bounded, and without two meanings
strict.py      from JSON values to dataclasses; a value that does not fit is refused with its place
values.py      from dataclasses to JSON values
arrays.py      .npy and .npz: bounded before anything is unpacked
onnx_file.py   whether an ONNX file is all there is of its model
"""
