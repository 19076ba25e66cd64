"""The neurons of the catalogue, one row each: formula, parameters, names and stable forms; no Activation is made."""
