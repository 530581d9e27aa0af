"""What the folders of all encoders have in common."""

DESCRIPTION = "encoder.json"  # it names the kind, one of KINDS
HASHED, TRANSFORMER = KINDS = ("hashed", "transformer")
