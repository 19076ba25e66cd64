"""Gradients judged: what a formula says against differences that never see a derivative; judges no map and draws nothing."""
