"""The compiled engine: the walk over the layers round a kernel; numeric/kernel.py is its oracle."""
