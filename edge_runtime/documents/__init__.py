"""What crosses machines: JSON, read strictly into dataclasses and written; what an ONNX file holds.

json_file.py   from a file's bytes to JSON values: bounded, and without two meanings
strict.py      from JSON values to dataclasses; a value that does not fit is refused with its place
values.py      from dataclasses to JSON values
onnx_file.py   whether an ONNX file is all there is of its model
"""
