"""Track 3: labelled rows whose classes are imbalanced, from audit to compared remedies."""
