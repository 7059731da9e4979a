"""A third remote API, as somebody who has only the repository adds it: three files, nothing else touched."""
