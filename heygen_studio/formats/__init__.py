"""How Django's own pages write dates and times; the studio's templates and filters name their formats themselves."""
