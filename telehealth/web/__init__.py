"""Server-rendered pages and ES modules without a build step, for three clients.

Pages hold no rules: what may be done is asked of the capabilities; what is said comes from the
catalogues.
"""
