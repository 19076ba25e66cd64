"""The compiled engine: the walk over the layers round a kernel; numeric/oracle.py is its oracle."""
