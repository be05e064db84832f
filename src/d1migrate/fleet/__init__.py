"""One schema over many databases.

A fleet is the databases of a section `[fleet.NAME]`, a tenant is one of them.
"""
