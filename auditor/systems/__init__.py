"""The clinical systems: what each is to find, how it is trained, and how it is audited."""
