"""Networks of full width and the data they learn; measures, and draws nothing."""
