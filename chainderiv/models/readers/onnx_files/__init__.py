"""ONNX files: counted before they are parsed, and read without any file that they name being opened."""
