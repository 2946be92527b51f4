"""The forwarding unit: carries audio, camera and screen of visits of two to twelve people.

It decrypts each hop, rewrites headers and encrypts again.  It never decodes, mixes or records.
What a stranger sends changes nothing; nobody hears a visit they are not in; audio outlives video.
"""
