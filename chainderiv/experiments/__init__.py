"""Published experiments, each one question over many seeds; what they found is drawn and told elsewhere."""
