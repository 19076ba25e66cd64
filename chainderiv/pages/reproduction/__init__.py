"""The page of the published experiments: every published figure beside the measured one."""
