"""Elementary functions that LLVM computes several at once; numbers and bits alone, no formulas."""
