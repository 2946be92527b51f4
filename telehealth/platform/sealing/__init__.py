"""Sealed columns: what names or describes a person is unreadable in the database without its key.

Envelope encryption.  The root key stays with the key provider (a file in development, else a KMS
or a vault).  It wraps one key a clinic (KEK); that wraps data keys (DEK): one for each person,
so that destroying it erases the person, and one for each group of tables, for rows about nobody.
All wrapped keys lie in a database of their own, apart from the data, so that neither a copy nor a
restored backup of the data holds one.

`form` (bytes) and `blind` (indexes) are pure; `providers`, `aws_kms`, `vault_transit` speak to
whoever holds the root; `repository` stores wrapped keys; `keyring` hands out unwrapped ones;
`columns` joins it to the mapped classes.  No clinical word appears here.
"""
