"""The students' and parents' app at the root of an academy's host: its page, its manifest, what browsers may do."""
