"""`make demo`: the main job on this machine, with real programs, told step by step.

`up` tells the story on the terminal. All that runs belongs to one background process, `serve`, which outlives it, so that `down` has one
process to end, and nothing is left behind however any of them ends: what `serve` started ends with it (see `testbed.guard`).
"""
