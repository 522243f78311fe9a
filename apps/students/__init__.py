"""Students: who sits the exams. A student may have no phone and no account."""
