"""An answer sheet as one definition: layout, printed form, and what a reading of it looks like.

Pure Python, no Django and no OpenCV: the web process prints from it, the worker reads with it, the scorer
scores by it.
"""
