"""Gradients judged: a formula against differences that never see a derivative; judges no map and draws nothing."""
