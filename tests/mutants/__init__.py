"""Whether the tests would notice: each wall between the academies is taken down in turn, and some test has to fail.

``python -m tests.mutants`` runs them all and prints what caught each. No product code knows of it: a mutant is put in
place from outside, in the process of its tests alone, or in a scratch database of its own.
"""
