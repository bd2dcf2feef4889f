"""Public data sets that recipes use: where they lie, what they must hold, and how they are brought here.

Entries are facts (address, commit, size, sha256, licence, citation); the files themselves do not come with seqhub.
"""
